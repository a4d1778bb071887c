/**
 * One stack builds and proves a release, another publishes the same by digest: from one bucket of a real S3 server to
 * another, from one real registry to another, through the real engine.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { subjectOf } from '../../provider/attest/provenance';
import { rpmContents, rpmSignature } from '../../provider/formats/rpmHeader';
import { signersOf } from '../../provider/gpgVerify';
import { copy, digest, remove } from '../../provider/oci';
import { openStore } from '../../provider/store/open';
import { Store } from '../../provider/store/store';
import { copyProject, Outputs, Project } from '../acceptance/project';
import { comparable, expectText } from './previewTexts';
import { Front, startFront } from '../publishing/front';
import { aptMachine, dnfMachine } from '../publishing/realClients';
import { startRegistry, TestRegistry } from '../unit/registryServer';
import { S3Server, startS3 } from '../unit/store/versitygw';

const run = promisify(execFile);
const PROD = ['--stack', 'local-prod'];

interface Recorded extends Outputs {
  release: {
    signingKey: string;
    packages: Record<string, { key: string; identity: string; sha256: string }>;
    systems: Record<string, { repository: string; digest: string }>;
  };
}

/** A registry that refuses what is pushed to one repository. */
async function refusing(registry: TestRegistry, repository: string): Promise<http.Server> {
  const [host, port] = registry.host.split(':');
  const server = http.createServer((request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD' && request.url?.includes(`/${repository}/`)) {
      response.writeHead(403, { 'content-type': 'application/json' });
      response.end('{"errors":[{"code":"DENIED","message":"not here"}]}');
      return;
    }
    // Its own address, so that uploads go on through here.
    const headers = { ...request.headers };
    const passed = http.request(
      { host, port, path: request.url, method: request.method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

describe('a promoted release', function () {
  this.timeout(1_200_000);
  let server: S3Server;
  let fronts: Front[] = [];
  let registry: TestRegistry;
  let project: Project;
  let staging: Store;
  let prod: Store;
  let work: string;
  let prodFile: string;

  const outputs = async (...stack: string[]) => (await project.outputs(...stack)) as Recorded;
  /** Sets a key of the promoting stack's file. */
  async function configure(name: string, value: string): Promise<void> {
    const text = await fs.readFile(prodFile, 'utf8');
    const others = text.replace(new RegExp(`^  falco:${name}:.*\\n`, 'm'), '');
    await fs.writeFile(prodFile, `${others.trimEnd()}\n  falco:${name}: ${value}\n`);
  }
  async function refused(...message: RegExp[]): Promise<void> {
    const { status, text } = await project.script('up', ...PROD);
    assert.notEqual(status, 0, text);
    for (const one of message) assert.match(text.replace(/\s+/g, ' '), one);
  }

  const regctl = async (reference: string, ...args: string[]) => {
    const host = `reg=${reference.split('/')[0]},tls=disabled`;
    return (await run('regctl', ['--host', host, ...args])).stdout.trim();
  };

  before(async () => {
    work = await fs.mkdtemp('/tmp/promotion-');
    await fs.chmod(work, 0o755);
    server = await startS3();
    const [from, to] = [server.bucket('staging'), server.bucket('distribution')];
    fronts = [await startFront(() => from), await startFront(() => to)];
    [staging, prod] = [openStore(from, fronts[0].url), openStore(to, fronts[1].url)];
    registry = await startRegistry(work, false);
    project = await copyProject();
    prodFile = path.join(project.folder, 'Pulumi.local-prod.yaml');
    const localFile = path.join(project.folder, 'Pulumi.local.yaml');
    const local = (await fs.readFile(localFile, 'utf8')).replace(/^ *falco:bucket:.*\n/m, '');
    await fs.writeFile(
      localFile,
      `${local.trimEnd()}\n  falco:bucket: ${from}\n  falco:url: ${fronts[0].url}\n`,
    );
    await configure('bucket', to);
    await configure('url', fronts[1].url);
    await configure('registry', registry.host);
    // Nothing is built: there is no builder.
    await configure('buildkit', 'unix:///nowhere/buildkitd.sock');
    await project.ok('up');
  });
  after(async () => {
    await project?.script('destroy', ...PROD, '--yes');
    await project?.script('destroy', '--yes');
    await project?.remove();
    await registry?.stop();
    for (const front of fronts) await front.close();
    await server?.stop();
    await fs.rm(work, { recursive: true, force: true });
  });

  it('is agreed to by digest first, and by nothing else', async () => {
    await refused(/falco:expectedKey: is not set, .*: npm run propose -- --stack local-prod/);
    const { stdout } = await project.ok('propose', ...PROD);
    assert.match(stdout, /^version none => 0\.1\.0$/m);
    assert.match(stdout, /^ {2}\+ image falco [0-9a-f]{12}$/m);
    assert.deepEqual(await prod.list(''), []);
  });

  it('is refused with a tampered blob, a moved tag, a lost system or another key, and nothing is published', async () => {
    const { release, images } = await outputs();
    const blob = release.packages['deb-bpf'].key;
    const good = (await staging.get(blob))?.body ?? Buffer.alloc(0);
    await staging.put(blob, Buffer.alloc(good.length, 'x'));
    await refused(/falco-0\.1\.0-bpf-amd64\.deb of local is missing or damaged/);
    await staging.put(blob, good);

    const [repository, wanted] = images['falcosecurity/falco-no-driver:0.1.0'].split('@');
    const other = images['falcosecurity/falco-tester:0.1.0'];
    await copy(other, `${repository}:0.1.0`);
    await refused(/falco-no-driver:0\.1\.0 was moved to sha256:[0-9a-f]{64}, agreed was sha256:[0-9a-f]{64}/);
    await copy(`${repository}@${wanted}`, `${repository}:0.1.0`);

    const system = release.systems['falco-no-driver'];
    const [here, aside] = [system.repository, `${registry.host}/aside`].map((at) => `${at}@${system.digest}`);
    await copy(here, aside);
    await remove(here);
    await refused(
      /the stack local does not have any more what its images are made on: \S+base@sha256:[0-9a-f]{64};/,
    );
    await copy(aside, here);

    const agreed = await fs.readFile(prodFile, 'utf8');
    await fs.writeFile(prodFile, agreed.replace(/commit: .*/, `commit: ${'c'.repeat(40)}`));
    await refused(
      /does not have what was agreed to: commit is [0-9a-f]*, agreed was c{40}\. Nothing was changed/,
    );
    await fs.writeFile(prodFile, agreed);

    await configure('expectedKey', 'F'.repeat(40));
    await refused(new RegExp(`the stack local signs with ${release.signingKey}, expected was F{40}`));
    await configure('expectedKey', release.signingKey);
    const published = (await prod.list('')).filter((key) => !key.startsWith('build/'));
    assert.deepEqual(published, []);
  });

  it('is nowhere when one of five images is refused by its registry or a mirror, and goes on from there', async () => {
    const proxy = await refusing(registry, 'falco-tester');
    try {
      const { port } = proxy.address() as AddressInfo;
      for (const [setting, value] of [
        // A path of its own: the refusals before this have left images by digest.
        ['registry', `127.0.0.1:${port}/refused`],
        ['mirrors', `["127.0.0.1:${port}/mirror"]`],
      ]) {
        await configure(setting, value);
        await refused(/the registry 127\.0\.0\.1:\d+ refuses .*falco-tester.*DENIED/);
        assert.deepEqual(
          (await prod.list('packages/')).filter((key) => /InRelease|mirrorlist|SHA256SUMS/.test(key)),
          [],
        );
        for (const image of ['falco', 'falco-tester'])
          for (const tag of ['0.1.0', 'latest'])
            for (const namespace of ['falcosecurity', 'refused', 'mirror'])
              assert.equal(await digest(`${registry.host}/${namespace}/${image}:${tag}`), undefined);
        await configure('registry', registry.host);
      }
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
    await configure('mirrors', '[]');
  });

  it('is equal: bytes of deb and tarball, digests of images, header and payload of rpms, which have its own key', async () => {
    // Something is attached to an image that nobody signed.
    const subject = (await outputs()).images['falcosecurity/falco-no-driver:0.1.0'];
    await fs.writeFile(path.join(work, 'note.txt'), 'a note\n');
    const attach = ['artifact', 'put', '--artifact-type', 'application/example', '--subject', subject];
    await regctl(subject, ...attach, '--file', path.join(work, 'note.txt'));

    await project.ok('up', ...PROD);
    await project.ok('preview', ...PROD, '--expect-no-changes');
    const [from, to] = [await outputs(), await outputs(...PROD)];
    const isRpm = (name: string) => name.endsWith('.rpm');
    const sums = ({ packages }: Outputs) =>
      Object.fromEntries(
        Object.entries(packages)
          .filter(([name]) => !isRpm(name))
          .map(([name, { sha256, size }]) => [name, `${sha256} ${size}`]),
      );
    assert.deepEqual(sums(to), sums(from));
    const digests = ({ images }: Outputs) =>
      Object.fromEntries(
        Object.entries(images).map(([name, reference]) => [name, reference.replace(/.*@/, '')]),
      );
    assert.deepEqual(digests(to), digests(from));
    for (const reference of Object.values(to.images))
      assert.equal(await digest(reference), reference.replace(/.*@/, ''));

    // What the images are made on came along, so that they can be made again with this registry alone.
    const systems = Object.entries(from.release.systems);
    assert.deepEqual(systems.map(([name]) => name).sort(), [
      'debian',
      'falco',
      'falco-builder',
      'falco-no-driver',
      'falco-tester',
    ]);
    for (const [name, { digest: wanted }] of systems)
      assert.equal(await digest(`${registry.host}/falcosecurity/base@${wanted}`), wanted, name);

    const copied = to.images['falcosecurity/falco-no-driver:0.1.0'];
    const types = '{{range .Descriptors}}{{println .ArtifactType}}{{end}}';
    const attached = (reference: string) =>
      regctl(reference, 'artifact', 'list', '--format', types, reference);
    const bundle = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    // Its signature, SBOM and provenance.
    const own = [bundle, bundle, bundle];
    assert.deepEqual((await attached(subject)).split('\n').sort(), ['application/example', ...own]);
    // They came along and were made anew; what nobody signed stayed behind.
    assert.deepEqual((await attached(copied)).split('\n'), [...own, ...own]);

    const keyring = Buffer.from(await (await fetch(to.apt.key)).arrayBuffer());
    for (const [name, { url }] of Object.entries(to.packages).filter(([file]) => isRpm(file))) {
      const files = [path.join(work, 'to.rpm'), path.join(work, 'from.rpm')];
      for (const [i, at] of [url, from.packages[name].url].entries())
        await fs.writeFile(files[i], Buffer.from(await (await fetch(at)).arrayBuffer()));
      assert.equal(await rpmContents(files[0]), await rpmContents(files[1]));
      const provenance = await (await fetch(`${url}.provenance.json`)).text();
      assert.equal(subjectOf(provenance), to.packages[name].sha256);
      const inside = await rpmSignature(files[0]);
      assert.equal((await signersOf(inside!.signed, inside!.packet, keyring)).length, 1);
      assert.ok(
        !(await signersOf(inside!.signed, inside!.packet, keyring)).includes(from.release.signingKey),
      );
    }
    const text = async (at: string) => (await fetch(at)).text();
    for (const machine of [
      await aptMachine(work, await text(to.apt.sources)),
      await dnfMachine(work, await text(to.yum.repo)),
    ]) {
      await machine.update();
      assert.equal(await machine.candidate('falco'), '0.1.0');
    }
  });

  it('stays as it is when the other stack goes on, until the next one is agreed to', async () => {
    await project.ok('up', '--version', '0.2.0');
    await project.ok('preview', ...PROD, '--expect-no-changes');
    const { stdout } = await project.ok('propose', ...PROD);
    assert.match(stdout, /^version 0\.1\.0 => 0\.2\.0$/m);
  });

  it('is previewed as docs/previews/promotion.md', async () => {
    const { stdout } = await project.ok('preview', ...PROD, '--markdown');
    const head = [
      '> A promotion: `npm run propose -- --stack local-prod`, `npm run preview -- --stack local-prod --markdown`, where',
      '> 0.1.0 of the example is out and 0.2.0 is proved in the stack `local`. Made by `test/engine/promotion.test.ts`.',
      '> Digests differ from machine to machine: they are numbered in the order in which they appear, and the registry is on',
      '> port 5050.',
    ];
    const keys = { OLD: (await outputs()).release.signingKey, NEW: 'B'.repeat(40) };
    await expectText('promotion', `${head.join('\n')}\n\n${comparable(stdout, keys)}`);
  });

  it('waits to be agreed to, also when the other stack has published the next one', async () => {
    await project.ok('up', '--version', '0.3.0');
    await project.ok('up', ...PROD);
    await project.ok('preview', ...PROD, '--expect-no-changes');
    const to = await outputs(...PROD);
    assert.equal(to.images['falcosecurity/falco:latest'], to.images['falcosecurity/falco:0.2.0']);
    const machine = await aptMachine(work, await (await fetch(to.apt.sources)).text());
    await machine.update();
    assert.equal(await machine.candidate('falco'), '0.2.0');
    assert.ok(await prod.head(`packages/deb/stable/falco-0.1.0-module-amd64.deb`));
  });

  it('is not taken away by a slip of the hand', async () => {
    const { status, text } = await project.script('destroy', ...PROD);
    assert.notEqual(status, 0);
    assert.match(text, /npm run destroy: takes away every release that local-prod has published, and/);
    await project.ok('preview', ...PROD, '--expect-no-changes');
  });

  it('may be an older one that the other stack has kept, proposed by its version', async () => {
    const agreed = await fs.readFile(prodFile, 'utf8');
    const older = await project.ok('propose', ...PROD, '--version', '0.1.0');
    assert.match(older.stdout, /^version 0\.2\.0 => 0\.1\.0$/m);
    const back = await project.ok('propose', ...PROD, '--version', '0.2.0');
    assert.match(back.stdout, /^version 0\.1\.0 => 0\.2\.0$/m);
    assert.equal(await fs.readFile(prodFile, 'utf8'), agreed);
  });

  it('is kept, repaired and withdrawn when the other stack is gone', async () => {
    await project.ok('destroy', '--yes');
    await project.ok('preview', ...PROD, '--expect-no-changes');
    const { images } = await outputs(...PROD);
    const tag = images['falcosecurity/falco-tester:0.2.0'].replace(/@.*/, ':0.2.0');
    await copy(images['falcosecurity/falco-builder:0.2.0'], tag);
    await prod.delete('packages/deb/stable/falco-0.2.0-bpf-amd64.deb');
    await project.ok('refresh', ...PROD);
    await project.ok('up', ...PROD);
    assert.equal(await digest(tag), images['falcosecurity/falco-tester:0.2.0'].replace(/.*@/, ''));
    await project.ok('preview', ...PROD, '--expect-no-changes');
    await fs.appendFile(prodFile, '  falco:withdrawn: ["0.2.0"]\n');
    await project.ok('up', ...PROD);
    const machine = await aptMachine(work, await (await fetch((await outputs(...PROD)).apt.sources)).text());
    await machine.update();
    assert.equal(await machine.candidate('falco'), '0.1.0');
    await project.ok('preview', ...PROD, '--expect-no-changes');
  });
});
