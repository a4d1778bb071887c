/**
 * What somebody else changes in the bucket or the registry is found by `refresh` and put right by `up`. Pulumi's
 * Automation API on the program as it is, with a file:// backend; every update is followed by an empty preview.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { createServer } from 'node:net';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalWorkspace, OutputMap, Stack } from '@pulumi/pulumi/automation';
import { openStack } from '../../cli/stack';
import { changeKeys, runGpg } from '../../provider/gpgSession';
import { copy, digest, remove } from '../../provider/oci';
import { copyProject, Outputs, Project } from '../acceptance/project';
import { aptMachine } from '../publishing/realClients';

describe('drift', function () {
  this.timeout(1_200_000);
  let project: Project;
  let stack: Stack;
  let outputs: Outputs;

  before(async () => {
    project = await copyProject();
    const { env } = openStack(project.folder, 'local', {});
    const envVars = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, value ?? '']));
    const at = { stackName: 'local', workDir: project.folder };
    stack = await LocalWorkspace.createOrSelectStack(at, { envVars });
    outputs = valuesOf((await stack.up({ logToStdErr: false })).outputs);
    await assertEmptyPreview();
  });
  after(async () => {
    await stack?.destroy();
    await project?.remove();
  });

  const valuesOf = (map: OutputMap) =>
    Object.fromEntries(
      Object.entries(map).map(([key, { value }]) => [key, value as unknown]),
    ) as unknown as Outputs;

  async function assertEmptyPreview(): Promise<void> {
    const { changeSummary } = await stack.preview();
    assert.deepEqual(Object.keys(changeSummary), ['same']);
  }

  /** Refreshes, updates, and requires that the outputs are what they were and nothing is left to do. */
  async function repair(): Promise<void> {
    await stack.refresh();
    assert.deepEqual(valuesOf((await stack.up()).outputs), outputs);
    await assertEmptyPreview();
  }

  const fileOf = (name: string) => fileURLToPath(outputs.packages[name].url);
  const repositoryOf = (image: string) => outputs.images[image].split('@')[0];

  it('changes nothing when there is none', async () => {
    await stack.refresh();
    await assertEmptyPreview();
    await repair();
  });

  it('of a deleted package file is repaired with the same bytes', async () => {
    const file = fileOf('falco-0.1.0-module-amd64.deb');
    const before = await fs.readFile(file);
    await fs.rm(file);
    await repair();
    assert.deepEqual(await fs.readFile(file), before);
  });

  it('of an edited index is repaired', async () => {
    const index = path.join(fileURLToPath(outputs.apt.url), 'dists/stable/main/binary-amd64/Packages');
    const before = await fs.readFile(index, 'utf8');
    await fs.writeFile(index, before.replace('0.1.0', '6.6.6'));
    await repair();
    assert.equal(await fs.readFile(index, 'utf8'), before);
  });

  it('of a removed and of a moved tag is repaired', async () => {
    const removed = `${repositoryOf('falcosecurity/falco:0.1.0')}:0.1.0`;
    const moved = `${repositoryOf('falcosecurity/falco:latest')}:latest`;
    const wanted = outputs.images['falcosecurity/falco:0.1.0'].split('@')[1];
    await remove(removed);
    await copy(outputs.images['falcosecurity/falco-driver-loader:latest'], moved);
    assert.notEqual(await digest(moved), wanted);
    await repair();
    assert.deepEqual([await digest(removed), await digest(moved)], [wanted, wanted]);
  });

  it('of the whole bucket and the whole registry is repaired', async () => {
    await project.ok('services', 'stop');
    await fs.rm(path.join(project.folder, '.local/registry'), { recursive: true });
    await fs.rm(path.join(project.folder, '.local/bucket'), { recursive: true });
    await project.ok('services', 'start');
    await project.ok('refresh');
    await repair();
    for (const [name, reference] of Object.entries(outputs.images)) {
      assert.equal(await digest(reference), reference.split('@')[1], name);
    }
  });

  it('is named by the preview: what is missing, what was moved, and to where', async () => {
    const file = fileOf('falco-0.1.0-bpf-x86_64.rpm');
    const tag = `${repositoryOf('falcosecurity/falco:0.1.0')}:0.1.0`;
    const wanted = await digest(tag);
    const other = outputs.images['falcosecurity/falco-builder:latest'];
    await fs.rm(file);
    await copy(other, tag);
    await stack.refresh();
    const { stdout } = await project.ok('preview', '--diff');
    assert.match(
      stdout,
      /problems\s*: \[\s*- +\[0\]: "packages\/rpm\/falco-0\.1\.0-bpf-x86_64\.rpm is missing/,
    );
    assert.ok(stdout.includes(`"${other.split('@')[1]}" => "${wanted}"`), stdout);
    await repair();
  });

  it('is found by refresh --preview-only, which fails then, and writes nothing', async () => {
    const { checkpoint } = openStack(project.folder, 'local', {});
    // The state learns of a key that the first update made.
    await stack.refresh();
    await project.ok('refresh', '--preview-only');
    const before = await fs.readFile(checkpoint);
    const tag = `${repositoryOf('falcosecurity/falco:0.1.0')}:0.1.0`;
    await copy(outputs.images['falcosecurity/falco-builder:latest'], tag);
    const moved = await project.script('refresh', '--preview-only', '--diff');
    assert.notEqual(moved.status, 0);
    assert.match(moved.text, /tag-falco-version/);
    await remove(outputs.images['falcosecurity/falco-tester:latest']);
    await fs.rm(fileOf('falco-0.1.0-bpf-x86_64.rpm'));
    const lost = await project.script('refresh', '--preview-only');
    assert.notEqual(lost.status, 0);
    assert.match(
      lost.text,
      /The next up repairs:\n(?: .*\n)*? {2}packages\/rpm\/falco-0\.1\.0-bpf-x86_64\.rpm is missing/,
    );
    assert.match(lost.text, /falco-tester@sha256:\S+ is not in the registry any more/);
    assert.deepEqual(await fs.readFile(checkpoint), before);
    const found = await project.ok('refresh');
    for (const { text } of [lost, found])
      assert.match(text, /^ {2}127\.0\.0\.1:\d+\/falcosecurity\/falco-tester:latest is gone$/m);
    assert.match(
      found.text,
      /^An option counts for one run: if the last up had --version 0\.1\.0, give it to/m,
    );
    await repair();
  });

  it('of a signing key that expired is found, stops the update, and is over when the key is extended', async () => {
    const home = path.join(project.folder, '.local/gnupg');
    const expire = (when: string) =>
      changeKeys(home, async (gpg) => {
        const keys = (await gpg.run(['--with-colons', '--list-keys'])).toString();
        const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(keys)?.[1] ?? '';
        await gpg.run(['--quick-set-expire', fingerprint, when]);
      });
    await expire('seconds=1');
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const { text } = await project.ok('refresh');
    assert.match(text, /warning: The signing key [0-9A-F]{40} \(.*\) expired on \d{4}-\d\d-\d\d: extend it/);
    const refused = await project.script('up');
    assert.notEqual(refused.status, 0);
    assert.match(refused.text, /The signing key .* expired on .*: extend it/);
    await expire('never');
    await repair();
  });

  it('of a signing key that was lost is found; the indexes are signed anew when whose they are is confirmed', async () => {
    const home = path.join(project.folder, '.local/gnupg');
    await fs.rm(home, { recursive: true });
    await stack.refresh();
    assert.equal((await project.preview())['signing-key'], 'update');
    const refused = await project.script('up');
    assert.notEqual(refused.status, 0);
    assert.match(
      refused.text,
      /is signed by none of our keys, so nothing is added to it\. .*import that public key/,
    );
    await runGpg(home, ['--import', fileURLToPath(outputs.apt.key)]);
    await project.ok('up');
    await project.ok('preview', '--expect-no-changes');
    outputs = await project.outputs();
    const machine = await aptMachine(
      project.folder,
      await fs.readFile(fileURLToPath(outputs.apt.sources), 'utf8'),
    );
    await machine.update();
    assert.equal(await machine.candidate('falco'), '0.1.0');
  });

  it('of the tags of other releases is repaired, and named by the preview', async () => {
    await project.ok('up', '--version', '0.2.0');
    const current = await project.outputs();
    await project.ok('up', '--version', '0.1.1');
    const at = (version: string) => `${repositoryOf('falcosecurity/falco:0.1.0')}:${version}`;
    const wanted = await Promise.all(['0.1.0', '0.2.0', 'latest'].map((version) => digest(at(version))));
    assert.equal(wanted[1], current.images['falcosecurity/falco:0.2.0'].split('@')[1]);
    assert.equal(wanted[2], wanted[1]);
    await remove(at('0.1.0'));
    await copy(`${at('0.1.1')}`, at('0.2.0'));
    await copy(`${at('0.1.1')}`, at('latest'));
    await project.ok('refresh');
    const { stdout } = await project.ok('preview', '--diff', '--version', '0.1.1');
    assert.ok(stdout.includes(`"${at('0.1.0')} is gone"`), stdout);
    const moved = (await digest(at('0.1.1')))?.slice(0, 19);
    assert.ok(stdout.includes(`"${at('0.2.0')} was moved to ${moved}"`), stdout);
    await project.ok('up', '--version', '0.1.1');
    await project.ok('preview', '--version', '0.1.1', '--expect-no-changes');
    assert.deepEqual(
      await Promise.all(['0.1.0', '0.2.0', 'latest'].map((version) => digest(at(version)))),
      wanted,
    );
  });

  it('cannot be told from a registry that does not answer: that is an error', async () => {
    await project.ok('services', 'stop');
    // Another program has its port: nothing is started there.
    const port = Number(new URL(`http://${repositoryOf('falcosecurity/falco:0.1.0')}`).port);
    const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
    try {
      const { status, text } = await project.script('refresh');
      assert.notEqual(status, 0);
      assert.match(text, new RegExp(`127\\.0\\.0\\.1:${port}`));
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    await project.ok('services', 'start');
    await project.ok('preview', '--version', '0.1.1', '--expect-no-changes');
  });
});
