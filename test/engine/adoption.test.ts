/** A bucket with repositories that a script made, as Falco's does: adopted by the npm script, then published to. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { signRpm } from '../../provider/gpg';
import { openStore } from '../../provider/store/open';
import { copyProject, Project } from '../acceptance/project';
import { aptMachine, dnfMachine } from '../publishing/realClients';
import { snapshot, testHome, testSigner } from '../unit/publish/bench';
import { makeDeb, makeRpm } from '../unit/publish/samples';

const run = promisify(execFile);
const OLD = { name: 'falco', version: '0.0.9' };

describe('a bucket of others', function () {
  this.timeout(1_200_000);
  let project: Project;
  let packages: string;
  let foreign: Record<string, string>;
  let stackFile: string;
  const bucket = () => openStore(path.join(project.folder, '.local/bucket'));
  const theirs = async () => {
    const all = await snapshot(bucket());
    return Object.fromEntries(Object.keys(foreign).map((key) => [key, all[key]]));
  };

  before(async () => {
    project = await copyProject();
    stackFile = path.join(project.folder, 'Pulumi.local.yaml');
    packages = path.join(project.folder, '.local/bucket/packages');
    const signer = await testSigner();
    await fs.mkdir(path.join(packages, 'deb/stable'), { recursive: true });
    await fs.mkdir(path.join(packages, 'rpm'));
    await fs.copyFile(
      await makeDeb(project.folder, OLD),
      path.join(packages, 'deb/stable/falco-0.0.9-x86_64.deb'),
    );
    const rpm = await makeRpm(project.folder, OLD);
    await signRpm(rpm, signer, 1600000000);
    await fs.copyFile(rpm, path.join(packages, 'rpm/falco-0.0.9-x86_64.rpm'));
    await run('bash', [
      '-c',
      `set -eu; cd ${packages}/deb; D=dists/stable/main/binary-amd64; mkdir -p $D
       apt-ftparchive packages stable >$D/Packages; gzip -k $D/Packages
       apt-ftparchive release -o APT::FTPArchive::Release::Suite=stable dists/stable >Release; mv Release dists/stable/
       createrepo_c --quiet ${packages}/rpm`,
    ]);
    await fs.writeFile(path.join(packages, 'falcosecurity-packages.asc'), await signer.publicKey());
    foreign = Object.fromEntries(
      Object.entries(await snapshot(bucket())).filter(([key]) => /falco-0\.0\.9/.test(key)),
    );
  });
  after(async () => {
    await project?.script('destroy', '--yes');
    await project?.remove();
  });

  it('stops a preview, which names the way on, and is shown without a write', async () => {
    const before = await snapshot(bucket());
    const { status, text } = await project.script('preview');
    assert.notEqual(status, 0);
    assert.match(text.replace(/\s+/g, ' '), /has indexes but no manifest of ours: .*npm run adopt/);
    const { stdout } = await project.ok('adopt');
    assert.match(stdout, /^packages\/deb: 1 package$/m);
    assert.match(stdout, /^ {2}falco 0\.0\.9 {2}packages\/rpm\/falco-0\.0\.9-x86_64\.rpm {2}\d+ bytes$/m);
    assert.match(stdout, /npm run adopt -- apply --stack local$/m);
    assert.deepEqual(await snapshot(bucket()), before);
  });

  it('is adopted with the key that its clients have, and followed by releases', async () => {
    const refused = await project.script('adopt', 'apply');
    assert.notEqual(refused.status, 0);
    const { fingerprint } = await testSigner();
    assert.match(refused.text, new RegExp(`holds the key ${fingerprint}, with which clients verify`));

    const gnupg = path.join(project.folder, '.local/gnupg');
    const { stdout: key } = await run('gpg', [
      '--homedir',
      await testHome(),
      '--armor',
      '--export',
      fingerprint,
    ]);
    await fs.writeFile(path.join(project.folder, 'theirs.asc'), key);
    await run('gpg', [
      '--homedir',
      gnupg,
      '--no-autostart',
      '--import',
      path.join(project.folder, 'theirs.asc'),
    ]);
    await fs.appendFile(stackFile, `  falco:publishedKeys: [${fingerprint}]\n`);
    await project.ok('adopt', 'apply');
    await project.ok('up');
    await project.ok('preview', '--expect-no-changes');
    assert.deepEqual(await theirs(), foreign);

    const { apt, yum } = await project.outputs();
    const machines = [
      await aptMachine(project.folder, await fs.readFile(fileURLToPath(apt.sources), 'utf8')),
      await dnfMachine(project.folder, await fs.readFile(fileURLToPath(yum.repo), 'utf8')),
    ];
    for (const machine of machines) {
      await machine.update();
      assert.equal(await machine.candidate('falco'), '0.1.0');
      await machine.fetch('falco', '0.0.9');
    }
  });

  it('keeps a version that it has: another build of it is refused, and nothing of it is published', async () => {
    const before = await snapshot(bucket());
    const published = (all: Record<string, string>) =>
      Object.fromEntries(Object.entries(all).filter(([key]) => !key.startsWith('build/')));
    const { status, text } = await project.script('up', '--version', '0.0.9');
    assert.notEqual(status, 0);
    assert.match(
      text.replace(/\s+/g, ' '),
      /these names are others', and nothing was published: .*falco-0\.0\.9-x86_64\.deb \(adopted\)/,
    );
    assert.deepEqual(published(await snapshot(bucket())), published(before));
  });

  it('has its packages left when all of ours are destroyed', async () => {
    await project.ok('destroy', '--yes');
    assert.deepEqual(await theirs(), foreign);
    const client = await aptMachine(
      project.folder,
      await fs.readFile(path.join(packages, 'deb/falco.sources'), 'utf8'),
    );
    await client.update();
    assert.equal(await client.candidate('falco'), '0.0.9');
  });
});
