import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as http from 'node:http';
import { AddressInfo } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { checkBuilder, localServices, serviceStatus, stopServices } from '../../../services';
import { answers, BUILDER, buildkitAddress, writeBuilder } from '../../../services/buildkit';
import { until } from '../../../services/daemon';

const project = path.resolve(__dirname, '../../..');

describe('the services of a local stack', () => {
  const { PATH, BUILDX_CONFIG, BUILDKIT_HOST } = process.env;
  let folder: string;
  const roots: string[] = [];

  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'services-'));
    process.env.PATH = `${path.join(project, '.local/bin')}:${PATH}`;
    process.env.BUILDX_CONFIG = path.join(folder, 'buildx');
    delete process.env.BUILDKIT_HOST;
  });
  afterEach(async () => {
    for (const root of roots.splice(0)) await stopServices(root);
  });
  after(() => {
    process.env.PATH = PATH;
    for (const [name, value] of Object.entries({ BUILDX_CONFIG, BUILDKIT_HOST })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    fs.rmSync(folder, { recursive: true, force: true });
  });

  function clone(name: string): string {
    const root = path.join(folder, name);
    fs.mkdirSync(root, { recursive: true });
    roots.push(root);
    return root;
  }
  const start = (root: string, wanted = {}) => localServices(wanted, { start: true, root });
  const alive = (pid: number | undefined) => pid !== undefined && fs.existsSync(`/proc/${pid}`);

  it('are started, reused, and stopped', async () => {
    const root = clone('one');
    const said: string[] = [];
    const first = await localServices({}, { start: true, root, onStart: (line) => said.push(line) });
    assert.match(first.registry, /^127\.0\.0\.1:50\d\d$/);
    assert.deepEqual(said, [`started the registry on ${first.registry}`, 'started buildkitd']);
    const before = serviceStatus(root);
    assert.ok(alive(before.registryPid) && alive(before.buildkitPid));
    assert.equal(await answers(first.buildkit), true);

    assert.deepEqual(await start(root), first);
    assert.deepEqual(serviceStatus(root), before);

    assert.deepEqual(await stopServices(root), { registry: true, buildkit: true });
    assert.deepEqual(await stopServices(root), { registry: false, buildkit: false });
    assert.ok(!serviceStatus(root).registryPid && !serviceStatus(root).buildkitPid);

    assert.deepEqual(await start(root), first, 'the address of before is taken again');
  }).timeout(120_000);

  it('do not keep what the environment has of credentials', async () => {
    const [root, secret] = [clone('environment'), 'planted-0123456789'];
    const names = ['AWS_SECRET_ACCESS_KEY', 'GITHUB_TOKEN', 'PULUMI_CONFIG_PASSPHRASE', 'SOME_PASSWORD'];
    for (const name of names) process.env[name] = secret;
    process.env.NO_PROXY = 'example.org';
    try {
      await start(root);
      const { registryPid, buildkitPid } = serviceStatus(root);
      for (const pid of [registryPid, buildkitPid]) {
        const environment = fs.readFileSync(`/proc/${pid}/environ`, 'utf8');
        assert.doesNotMatch(environment, new RegExp(secret));
        assert.match(environment, /(^|\0)NO_PROXY=example\.org\0/);
        assert.match(environment, /(^|\0)PATH=/);
      }
    } finally {
      for (const name of [...names, 'NO_PROXY']) delete process.env[name];
    }
  }).timeout(60_000);

  it('are not touched by a preview', async () => {
    const root = clone('preview');
    const services = await localServices({}, { start: false, root });
    assert.equal(services.registry, '127.0.0.1:5050');
    assert.equal(services.buildkit, `unix://${root}/.local/buildkit/buildkitd.sock`);
    assert.deepEqual(fs.readdirSync(root), []);
  });

  it('listen on loopback only, and keep their data below .local', async () => {
    const root = clone('loopback');
    const { registry } = await start(root);
    const port = Number(registry.split(':')[1]).toString(16).toUpperCase().padStart(4, '0');
    const listening = ['/proc/net/tcp', '/proc/net/tcp6']
      .flatMap((file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n') : []))
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[1]?.endsWith(`:${port}`) && fields[3] === '0A')
      .map((fields) => fields[1]);
    assert.deepEqual(listening, [`0100007F:${port}`]);
    assert.deepEqual(fs.readdirSync(root), ['.local']);
    assert.deepEqual(fs.readdirSync(path.join(root, '.local')).sort(), [
      'buildkit',
      'registry',
      'services.json',
    ]);
  }).timeout(60_000);

  it("leave another clone's registry alone and remember a port of their own", async () => {
    const [one, two] = [clone('first'), clone('second')];
    const a = await start(one);
    const b = await start(two);
    assert.notEqual(a.registry, b.registry);
    assert.deepEqual(await start(one), a);
    assert.deepEqual(await start(two), b);
  }).timeout(120_000);

  it('end the services of a clone that is gone, and take its port', async () => {
    const gone = clone('gone');
    const a = await start(gone);
    const { registryPid, buildkitPid } = serviceStatus(gone);
    fs.rmSync(gone, { recursive: true, force: true });
    // Another project's registry may have freed a port before it since; the next clone takes that one first.
    let heirs = 0;
    while ((await start(clone(`heir${heirs++}`))).registry !== a.registry) assert.ok(heirs < 10);
    assert.ok(await until(() => [registryPid, buildkitPid].every((pid) => !isRunning(pid)), 5000));
  }).timeout(120_000);

  it('say which setting to change when something else has the port', async () => {
    const server = http.createServer((_, response) => response.end('a web server'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const registry = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await assert.rejects(start(clone('busy'), { registry }), {
        message: `falco:registry: ${registry} is in use by something that is no registry; stop it, or set falco:registry to another host:port`,
      });
    } finally {
      server.close();
    }
  });

  it('refuse a registry that is no host:port', async () => {
    for (const registry of ['127.0.0.1', '127.0.0.1:65536', 'http://127.0.0.1:5000', 'a b:1']) {
      await assert.rejects(start(clone('address'), { registry }), {
        message: `falco:registry: "${registry}" is no host:port; give one such as 127.0.0.1:5050`,
      });
    }
  });

  it('do not take a process for theirs that only has the number of theirs', async () => {
    const root = clone('number');
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    fs.mkdirSync(path.join(root, '.local/registry'), { recursive: true });
    fs.writeFileSync(path.join(root, '.local/registry/registry.pid'), `${child.pid} 1\n`);
    assert.equal(serviceStatus(root).registryPid, undefined);
    await stopServices(root);
    assert.equal(child.exitCode, null);
    assert.ok(child.kill());
  });

  it('tell the end of the log at once when one cannot start', async () => {
    const fake = path.join(folder, 'fake');
    fs.mkdirSync(fake);
    fs.writeFileSync(path.join(fake, 'registry'), '#!/bin/sh\necho no space left >&2\nexit 1\n', {
      mode: 0o755,
    });
    const before = process.env.PATH;
    process.env.PATH = `${fake}:${before}`;
    const begin = Date.now();
    try {
      await assert.rejects(
        start(clone('broken')),
        /^Error: registry does not start; its log \(\S+\) ends:\nno space left$/,
      );
    } finally {
      process.env.PATH = before;
    }
    assert.ok(Date.now() - begin < 10_000);
  }).timeout(30_000);

  it('use a short socket path for a clone that lies deep', () => {
    const root = `/${'deep/'.repeat(30)}clone`;
    const address = buildkitAddress(root);
    assert.match(address, /^unix:\/\/\/run\/artifacts-[0-9a-f]{16}\/buildkitd\.sock$/);
    assert.notEqual(buildkitAddress(`${root}2`), address);
  });

  it('build and push, and the registry deletes what it is told to', async () => {
    const root = clone('build');
    const { registry, buildkit } = await start(root);
    const context = path.join(root, 'context');
    fs.mkdirSync(context);
    fs.writeFileSync(path.join(context, 'Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\n');
    const image = `${registry}/test/image:1`;
    const args = ['--addr', buildkit, 'build', '--frontend', 'dockerfile.v0'];
    execFileSync(
      'buildctl',
      [
        ...args,
        '--local',
        `context=${context}`,
        '--local',
        `dockerfile=${context}`,
        '--output',
        `type=image,name=${image},push=true`,
      ],
      { stdio: 'pipe' },
    );
    const digest = execFileSync('crane', ['digest', image]).toString().trim();
    assert.match(digest, /^sha256:[0-9a-f]{64}$/);
    execFileSync('crane', ['delete', `${registry}/test/image@${digest}`]);
    assert.throws(() => execFileSync('crane', ['digest', image], { stdio: 'pipe' }), /MANIFEST_UNKNOWN/);
  }).timeout(60_000);

  it('are known to docker-build as a buildx builder of driver remote', async () => {
    const { buildkit } = await start(clone('buildx'));
    const text = fs.readFileSync(path.join(folder, 'buildx/instances', BUILDER), 'utf8');
    const builder = JSON.parse(text) as { Name: string; Driver: string; Nodes: { Endpoint: string }[] };
    assert.deepEqual(
      [builder.Name, builder.Driver, builder.Nodes[0]?.Endpoint],
      [BUILDER, 'remote', buildkit],
    );
  }).timeout(60_000);
});

describe('a builder that a setting names', () => {
  const at = (buildkit: string, registry = '127.0.0.1:5050') => ({ buildkit, registry, builder: BUILDER });
  const elsewhere = 'tcp://builder.example.org:1234';
  const message = (address: string, setting: string) =>
    `falco:buildkit: the builder at ${elsewhere} cannot reach ${address}, which is on this machine's loopback; set ${setting} to a registry that both reach, or falco:buildkit to a builder of this machine`;

  it('is refused in a preview already where it cannot reach a registry of this machine', async () => {
    await assert.rejects(checkBuilder(at(elsewhere), undefined, { isUpdate: false }), {
      message: message('127.0.0.1:5050', 'falco:registry'),
    });
    await assert.rejects(
      checkBuilder(at(elsewhere, 'registry.example.org'), 'localhost:5000/cache', { isUpdate: false }),
      { message: message('localhost:5000/cache', 'falco:cache') },
    );
    await checkBuilder(at(elsewhere, 'registry.example.org/staging'), undefined, { isUpdate: false });
    await checkBuilder(at('tcp://127.0.0.1:1'), '127.0.0.1:5050/cache', { isUpdate: false });
  });

  it('must answer before an update', async () => {
    await assert.rejects(checkBuilder(at('tcp://127.0.0.1:1'), undefined, { isUpdate: true }), {
      message:
        'falco:buildkit: no buildkitd answers at tcp://127.0.0.1:1; start it, or correct the address (TLS: its folder of certificates)',
    });
  }).timeout(20_000);

  it('is given to buildx with its certificates, of which none may be missing', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'certificates-'));
    const before = process.env.BUILDX_CONFIG;
    process.env.BUILDX_CONFIG = path.join(folder, 'buildx');
    try {
      const address = `${elsewhere}?tls=${folder}`;
      for (const name of ['ca.crt', 'tls.crt']) fs.writeFileSync(path.join(folder, name), '');
      assert.throws(() => writeBuilder(address, 'falco:buildkit'), {
        message: `falco:buildkit: ${folder} has no key.pem or tls.key; put the client's certificates there`,
      });
      fs.writeFileSync(path.join(folder, 'key.pem'), '');
      writeBuilder(address, 'falco:buildkit');
      const text = fs.readFileSync(path.join(folder, 'buildx/instances', BUILDER), 'utf8');
      const [node] = (JSON.parse(text) as { Nodes: { Endpoint: string; DriverOpts: unknown }[] }).Nodes;
      assert.deepEqual(
        [node?.Endpoint, node?.DriverOpts],
        [elsewhere, { cacert: `${folder}/ca.crt`, cert: `${folder}/tls.crt`, key: `${folder}/key.pem` }],
      );
    } finally {
      if (before === undefined) delete process.env.BUILDX_CONFIG;
      else process.env.BUILDX_CONFIG = before;
      fs.rmSync(folder, { recursive: true });
    }
  });
});

/** A zombie has ended. */
function isRunning(pid: number | undefined): boolean {
  const status = `/proc/${pid}/status`;
  return fs.existsSync(status) && !/^State:\s+[ZX]/m.test(fs.readFileSync(status, 'utf8'));
}
