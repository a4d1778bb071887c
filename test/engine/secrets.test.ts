/**
 * Secrets stay where they belong. Every secret that the project takes is planted, the real engine, registry and S3
 * server are used with them, also in vain, and then everything that was written is searched for each.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { openStack } from '../../cli/stack';
import { makeKey } from '../../provider/attest/cosign';
import { openStore } from '../../provider/store/open';
import { copyProject, Outcome, Project } from '../acceptance/project';
import { place, PROJECT } from '../acceptance/imageSet';
import { makeDeb, makeRpm } from '../unit/publish/samples';
import { startRegistry, TestRegistry } from '../unit/registryServer';
import { S3Server, startS3 } from '../unit/store/versitygw';
import { leakingBuild, Manifest } from './leakingBuild';
import { Hit, password, Search, token } from './planted';
import { cosignSecrets, PlantedKey, plantKey } from './plantedKey';
import { notedPrograms, Processes } from './processes';
import { sealedFile, StackFile } from './sealedStack';

const run = promisify(execFile);
const FULL = process.env.FULL === '1';
const STACK = 'sealed';
const ON = ['--stack', STACK];
const USER = 'planted';

const planted = {
  access: token(),
  secret: password(),
  'the wrong S3 secret': password(),
  'the registry password': password(),
  'the wrong registry password': password(),
  'the passphrase of the signing key': password(),
  'the password of the key of images': password(),
  'the wrong password of the key of images': password(),
  'the passphrase of the stack': password(),
  GITHUB_TOKEN: `ghp_${token()}`,
  PULUMI_ACCESS_TOKEN: `pul-${token()}`,
  'a secret of the configuration': password(),
  'a secret inside the configuration': password(),
  'a setting that is a secret': token(),
};

/** How others write a value down: the search must find it in each. */
const WRITTEN: Record<string, (value: string) => string> = {
  raw: (value) => value,
  base64: (value) => Buffer.from(value).toString('base64'),
  'base64 of user and password': (value) => Buffer.from(`${USER}:${value}`).toString('base64'),
  'base64 of a longer text': (value) => Buffer.from(`ab${value}, and more`).toString('base64url'),
  URL: (value) => encodeURIComponent(value),
  form: (value) => new URLSearchParams({ value }).toString(),
  hex: (value) => Buffer.from(value).toString('hex'),
  HEX: (value) => Buffer.from(value).toString('hex').toUpperCase(),
  JSON: (value) => JSON.stringify(value),
  'JSON in JSON': (value) => JSON.stringify(JSON.stringify(value)),
  'JSON of Go': (value) =>
    JSON.stringify(value).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
  shell: (value) => `'${value.replaceAll("'", `'\\''`)}'`,
  XML: (value) => value.replace(/[<>&"']/g, (c) => `&#${c.charCodeAt(0)};`),
};

describe('secrets', function () {
  this.timeout(1_200_000);
  let work: string;
  let server: S3Server;
  let registry: TestRegistry;
  let key: PlantedKey;
  let cosignKey: string;
  let project: Project;
  let processes: Processes;
  let search: Search;
  let stackFile: StackFile;
  let secretSetting: StackFile['config'];
  const env: NodeJS.ProcessEnv = {};
  /** Folders that are searched, by what is in them. */
  const written = (name: string) => path.join(work, 'written', name);

  async function logIn(secret: string): Promise<void> {
    const auth = Buffer.from(`${USER}:${secret}`).toString('base64');
    const file = path.join(work, 'docker', 'config.json');
    await fs.writeFile(file, JSON.stringify({ auths: { [registry.host]: { auth } } }));
  }

  /** Keeps what a command said. */
  async function keep(name: string, { text, stdout }: Outcome): Promise<void> {
    await fs.writeFile(path.join(written('output'), name.replace(/\W+/g, '-')), `${text}\n${stdout}`);
  }
  async function script(...command: [string, ...string[]]): Promise<Outcome> {
    const outcome = await project.script(...command);
    await keep(command.join(' '), outcome);
    return outcome;
  }
  async function ok(...command: [string, ...string[]]): Promise<void> {
    const { status, text } = await script(...command);
    assert.equal(status, 0, text.slice(-4000));
  }
  async function fails(message: RegExp, ...command: [string, ...string[]]): Promise<void> {
    const { status, text } = await script(...command);
    assert.notEqual(status, 0, text.slice(-4000));
    assert.match(text, message);
  }

  /** The stack as the scripts have it, with their environment. */
  function sealed() {
    const stack = openStack(project.folder, STACK, {});
    const backend = `file://${path.join(project.folder, '.local/state')}`;
    const PATH = `${path.join(project.folder, '.local/bin')}:${env.PATH}`;
    return { ...stack, env: { ...stack.env, ...env, PATH, PULUMI_BACKEND_URL: backend } };
  }

  /** `pulumi` as docs/configuration.md says, with everything that it can tell. */
  async function plainPulumi(name: string, ...args: string[]): Promise<void> {
    const { configFile, env: engine } = sealed();
    const { buildkit } = await place();
    const told = ['-v=9', '--logtostderr', '--logflow', '--event-log', path.join(written('events'), name)];
    const where = ['--stack', STACK, '--config-file', configFile, '--non-interactive'];
    const log = await fs.open(path.join(written('log'), name), 'w');
    const child = spawn('pulumi', [...args, ...told, ...where], {
      cwd: project.folder,
      // The event log is one of the debugging commands.
      env: { ...engine, BUILDKIT_HOST: buildkit, PULUMI_DEBUG_COMMANDS: 'true' },
      stdio: ['ignore', log.fd, log.fd],
    });
    const status = await new Promise((resolve) => child.on('exit', resolve));
    await log.close();
    assert.equal(status, 0, (await fs.readFile(path.join(written('log'), name), 'utf8')).slice(-4000));
  }

  /** The stack's file: sealed with its own passphrase, and with secrets of each kind in it. */
  async function writeStack(): Promise<void> {
    const { encryptionsalt, config } = await sealedFile(
      path.join(work, 'init'),
      STACK,
      planted['the passphrase of the stack'],
      {
        'github:token': planted['a secret of the configuration'],
        'docker-build:registries[0].password': planted['a secret inside the configuration'],
        'falco:cmakeArgs[0]': planted['a setting that is a secret'],
      },
    );
    const { 'docker-build:registries': registries, 'falco:cmakeArgs': cmakeArgs, ...others } = config;
    secretSetting = { 'falco:cmakeArgs': cmakeArgs };
    // Of another registry: beside a secret, what is none.
    const [login] = registries as { password: object }[];
    stackFile = {
      encryptionsalt,
      config: {
        ...others,
        'docker-build:registries': [{ address: 'other.example.org', username: USER, ...login }],
        'falco:source': 'examples/falco-mini',
        'falco:libraries': 'distribution',
        'falco:bucket': `s3://releases?endpoint=${server.endpoint}`,
        'falco:registry': registry.host,
        'falco:mirrors': [`${registry.host}/mirror`],
        'falco:gnupgHome': path.join(work, 'gnupg'),
        'falco:signingKey': key.fingerprint,
        'falco:cosignKey': cosignKey,
      },
    };
    await configure({});
  }
  const configure = (further: StackFile['config']) =>
    fs.writeFile(
      path.join(project.folder, `Pulumi.${STACK}.yaml`),
      stringify({ ...stackFile, config: { ...stackFile.config, ...further } }),
    );

  /** What takes longer: a cache in the registry, a promotion, a server that is not there. */
  async function more(): Promise<void> {
    await ok('preview', ...ON, '--json', '--diff');
    await configure({ 'falco:cache': `${registry.host}/cache` });
    await ok('up', ...ON, '--version', '0.2.0');
    const promoted = ['--stack', 'promoted'];
    const config = {
      'falco:program': 'promotion',
      'falco:from': STACK,
      'falco:bucket': server.bucket('promoted'),
      'falco:registry': `${registry.host}/promoted`,
      'falco:gnupgHome': path.join(work, 'gnupg'),
      'falco:signingKey': key.fingerprint,
      'falco:cosignKey': cosignKey,
    };
    const file = path.join(project.folder, 'Pulumi.promoted.yaml');
    await fs.writeFile(file, stringify({ encryptionsalt: stackFile.encryptionsalt, config }));
    await ok('propose', ...promoted);
    await ok('up', ...promoted);
    await configure({ 'falco:bucket': 's3://releases?endpoint=http://127.0.0.1:1' });
    await fails(/ECONNREFUSED|does not answer/, 'up', ...ON, '--version', '0.3.0');
  }

  before('everything is done that the project does', async () => {
    work = await fs.mkdtemp('/tmp/secrets-');
    for (const name of ['output', 'log', 'events', 'state', 'processes', 'temporary'])
      await fs.mkdir(written(name), { recursive: true });
    for (const name of ['docker', 'registry']) await fs.mkdir(path.join(work, name));
    await fs.writeFile(path.join(work, 'start'), '');
    server = await startS3(planted.access, planted.secret);
    server.bucket('releases');
    const login = { user: USER, password: planted['the registry password'] };
    registry = await startRegistry(path.join(work, 'registry'), true, login);
    key = await plantKey(path.join(work, 'gnupg'), planted['the passphrase of the signing key']);
    cosignKey = path.join(work, 'cosign', 'images.key');
    await makeKey(path.join(work, 'cosign', 'images'), planted['the password of the key of images']);
    const secrets = { ...planted, ...key.secrets, ...(await cosignSecrets(cosignKey)) };
    search = await Search.of(secrets, path.join(work, 'patterns'));
    await notedPrograms(path.join(work, 'bin'), path.join(written('processes'), 'noted'));
    Object.assign(env, {
      PATH: `${path.join(work, 'bin')}:${process.env.PATH}`,
      AWS_ACCESS_KEY_ID: planted.access,
      AWS_SECRET_ACCESS_KEY: planted.secret,
      DOCKER_CONFIG: path.join(work, 'docker'),
      COSIGN_PASSWORD: planted['the password of the key of images'],
      GITHUB_TOKEN: planted.GITHUB_TOKEN,
      PULUMI_ACCESS_TOKEN: planted.PULUMI_ACCESS_TOKEN,
      PULUMI_CONFIG_PASSPHRASE: planted['the passphrase of the stack'],
      TMPDIR: written('temporary'),
      // Of this clone's own stacks, in tests; the copy has its own.
      PULUMI_BACKEND_URL: undefined,
    });
    await logIn(planted['the registry password']);
    project = await copyProject(env);
    // Of its own: what is scanned and unpacked is searched, and find follows no link.
    for (const cache of ['sbom', 'layers']) await fs.rm(path.join(project.folder, '.local/cache', cache));
    await writeStack();

    processes = new Processes();
    await ok('preview', ...ON);
    await plainPulumi('up', 'up', '--yes', '--skip-preview');
    await ok('preview', ...ON, '--markdown');
    await ok('refresh', ...ON);
    await ok('up', ...ON);
    await ok('output', ...ON, '--json');
    await ok('preview', '--stack', 'prod', '--mocks');
    await logIn(planted['the wrong registry password']);
    await fails(/401 Unauthorized|the registry \S+ refuses/, 'up', ...ON, '--version', '0.2.0');
    await logIn(planted['the registry password']);
    env.COSIGN_PASSWORD = planted['the wrong password of the key of images'];
    await fails(/falco:cosignKey: \S+images\.key: decrypt/, 'up', ...ON, '--version', '0.2.0');
    env.COSIGN_PASSWORD = planted['the password of the key of images'];
    env.AWS_SECRET_ACCESS_KEY = planted['the wrong S3 secret'];
    await fails(/refused|SignatureDoesNotMatch|signature/i, 'up', ...ON, '--version', '0.2.0');
    env.AWS_SECRET_ACCESS_KEY = planted.secret;
    if (FULL) await more();
    await configure(secretSetting);
    await fails(/falco:cmakeArgs: is a secret, and settings are shown and kept in clear/, 'preview', ...ON);
    await configure({});
    processes.stop();
    await processes.write(written('processes'));
    const { stdout } = await run('pulumi', ['stack', 'export', '--stack', STACK], {
      cwd: project.folder,
      env: sealed().env,
      maxBuffer: 1 << 28,
    });
    await fs.writeFile(path.join(written('state'), 'export.json'), stdout);
  });
  after(async () => {
    processes?.stop();
    await project?.remove();
    await key?.close();
    await registry?.stop();
    await server?.stop();
    await fs.rm(work, { recursive: true, force: true });
  });

  it('are found by the search in every form', async () => {
    const folder = path.join(work, 'forms');
    await fs.mkdir(folder);
    const expected: Hit[] = [];
    for (const [secret, value] of Object.entries(planted)) {
      for (const [form, write] of Object.entries(WRITTEN)) {
        const file = `${secret} as ${form}`;
        await fs.writeFile(path.join(folder, file), `x ${write(value)} y`);
        expected.push({ file, secret });
      }
    }
    const byFile = (a: Hit, b: Hit) => (a.file < b.file ? -1 : 1);
    assert.deepEqual((await search.folder(folder)).sort(byFile), expected.sort(byFile));
  });

  /** Everything below a folder is looked at; what of it was found in a copy with a secret in it is the proof. */
  async function nothingIn(folder: string, newerThan?: string): Promise<void> {
    assert.deepEqual(await search.folder(folder, newerThan), []);
  }
  async function scratch(name: string): Promise<string> {
    const folder = path.join(work, 'scratch', name);
    await fs.mkdir(folder, { recursive: true });
    return folder;
  }
  async function found(folder: string, expected: Hit[], newerThan?: string): Promise<void> {
    const hits = await search.folder(folder, newerThan);
    for (const one of expected)
      assert.ok(
        hits.some(({ file, secret }) => secret === one.secret && file.includes(one.file)),
        `${one.secret} is not found in ${one.file}`,
      );
  }
  const SECRET = 'the registry password';

  it('are found by the search in copies of the key, sealed or not', async () => {
    const folder = await scratch('key');
    for (const [name, bytes] of Object.entries(key.files)) await fs.writeFile(path.join(folder, name), bytes);
    await fs.copyFile(cosignKey, path.join(folder, 'cosign-file'));
    const of = (file: string, ...secrets: string[]) => secrets.map((secret) => ({ file, secret }));
    const numbers = ['the private exponent', 'the first prime', 'the second prime'];
    await found(folder, [
      ...['open-armored', 'open-binary', 'open-file'].flatMap((file) => of(file, ...numbers)),
      ...['sealed-armored', 'sealed-binary'].flatMap((file) => of(file, 'the sealed key as gpg exports it')),
      ...of('sealed-file', 'the sealed key as gpg keeps it'),
      ...of('cosign-file', 'the sealed key of images'),
    ]);
  });

  it('are in no state: neither exported, nor on disk with its history and backups', async () => {
    const state = path.join(project.folder, '.local/state/.pulumi');
    for (const kind of ['stacks', 'history', 'backups'])
      assert.ok((await fs.readdir(path.join(state, kind))).length > 0, kind);
    await nothingIn(state);
    await nothingIn(written('state'));
    const folder = await scratch('state');
    const exported = await fs.readFile(path.join(written('state'), 'export.json'), 'utf8');
    const leaking = exported.replace(
      '"outputs": {',
      `$&"leak": ${JSON.stringify(planted[SECRET]).replaceAll('$', '$$$$')},`,
    );
    await fs.writeFile(path.join(folder, 'export.json'), leaking);
    await found(folder, [{ file: 'export.json', secret: SECRET }]);
  });

  it('are in nothing that was said: output, logs of the engine and its plugins, events', async () => {
    const log = await fs.readFile(path.join(written('log'), 'up'), 'utf8');
    assert.match(log, /eventSink|Marshal|RegisterResource/);
    for (const name of ['output', 'log', 'events']) await nothingIn(written(name));
    const folder = await scratch('said');
    await fs.writeFile(path.join(folder, 'log'), `${log}I0101 auth=${encodeURIComponent(planted[SECRET])}\n`);
    const events = await fs.readFile(path.join(written('events'), 'up'), 'utf8');
    const event = { diagnosticEvent: { message: JSON.stringify({ password: planted[SECRET] }) } };
    await fs.writeFile(path.join(folder, 'events'), `${events}${JSON.stringify(event)}\n`);
    await found(folder, [
      { file: 'log', secret: SECRET },
      { file: 'events', secret: SECRET },
    ]);
  });

  it('are in no argument list, and in no environment of what runs in a container', async () => {
    const noted = await fs.readFile(path.join(written('processes'), 'noted'), 'utf8');
    const seen = [...processes.commands, ...noted.split('\n')];
    const programs = ['pulumi', 'node', 'nfpm', 'crane', 'buildctl', 'pulumi-resource-docker-build'];
    for (const program of [...programs, 'git', 'gpg', 'rpmsign', 'cosign'])
      assert.ok(
        seen.some((command) => new RegExp(`(^|/)${program}( |$)`).test(command)),
        `${program} was not seen`,
      );
    assert.ok(processes.environments.size > 0);
    await nothingIn(written('processes'));
  });

  it('are in no package and in no object of the bucket', async () => {
    const folder = path.join(server.folder, 'releases');
    const { stdout } = await run('find', [folder, '-type', 'f']);
    for (const ending of ['.deb', '.rpm', '.tar.gz', 'InRelease', 'repomd.xml.asc'])
      assert.ok(
        stdout.split('\n').some((name) => name.endsWith(ending)),
        ending,
      );
    await nothingIn(folder);
    const samples = await scratch('packages');
    const content = planted.GITHUB_TOKEN;
    await fs.writeFile(path.join(samples, 'content'), content);
    const made = {
      'a.deb': await makeDeb(work, { name: 'leak', version: '1', content }),
      'a.rpm': await makeRpm(work, { name: 'leak', version: '1', content }),
    };
    await run('tar', ['-C', samples, '-czf', path.join(samples, 'a.tar.gz'), 'content']);
    await fs.rm(path.join(samples, 'content'));
    for (const [name, file] of Object.entries(made)) await fs.copyFile(file, path.join(samples, name));
    const store = openStore(server.bucket('control'));
    for (const name of await fs.readdir(samples))
      await store.put(`packages/${name}`, await fs.readFile(path.join(samples, name)));
    await found(
      path.join(server.folder, 'control'),
      ['a.deb', 'a.rpm', 'a.tar.gz'].map((file) => ({ file, secret: 'GITHUB_TOKEN' })),
    );
  });

  it("are in no image's layers, configuration or history", async () => {
    const { images } = await project.outputs(...ON);
    const blobs = path.join(work, 'registry/true/docker/registry/v2/blobs/sha256');
    const blob = (digest: string) => path.join(blobs, digest.slice(7, 9), digest.slice(7), 'data');
    for (const reference of Object.values(images)) {
      const manifest = JSON.parse(await fs.readFile(blob(reference.replace(/.*@/, '')), 'utf8')) as Manifest;
      for (const { digest } of [manifest.config, ...manifest.layers]) await fs.access(blob(digest));
    }
    await nothingIn(path.join(work, 'registry/true'));
  });

  it('are nowhere in the folders that builds leave behind: caches, temporary files, the store of BuildKit', async () => {
    await nothingIn(path.join(project.folder, '.local'));
    await nothingIn(path.join(PROJECT, '.local/buildkit'), path.join(work, 'start'));
    const layers = await fs.readdir(path.join(project.folder, '.local/cache/layers'));
    assert.ok(layers.length > 0 && layers.every((name) => /^[0-9a-f]{64}$/.test(name)), layers.join(' '));
    const { stdout } = await run('find', [written('temporary'), '-type', 'f']);
    assert.equal(stdout, '');
  });

  it('are found by the search where a build leaks them: layer, configuration, history, arguments, environment', async () => {
    const stamp = path.join(work, 'leak');
    await fs.writeFile(stamp, '');
    const {
      layout,
      files,
      processes: seen,
    } = await leakingBuild(await scratch('build'), planted.GITHUB_TOKEN);
    const folder = await scratch('processes');
    await seen.write(folder);
    const secret = 'GITHUB_TOKEN';
    const hits = (names: string[]) => names.map((file) => ({ file, secret }));
    await found(layout, hits(files));
    await found(folder, hits(['commands', 'environments']));
    await found(path.join(PROJECT, '.local/buildkit'), hits(['data']), stamp);
  });
});
