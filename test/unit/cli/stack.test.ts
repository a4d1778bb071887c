import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { parse } from 'yaml';
import { ensureStack, stackOutputs } from '../../../cli/engine';
import { recover } from '../../../cli/recovery';
import { openStack, PROJECT, pulumiLine, refuseUnknownStack } from '../../../cli/stack';

const project = path.resolve(__dirname, '../../..');

describe('a stack of the scripts', () => {
  let root: string;
  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'stack-'));
    for (const file of ['Pulumi.yaml', 'Pulumi.local.yaml', 'Pulumi.local-master.yaml'])
      fs.copyFileSync(path.join(project, file), path.join(root, file));
    fs.mkdirSync(path.join(root, '.local'));
    fs.symlinkSync(path.join(project, '.local/bin'), path.join(root, '.local/bin'));
  });
  afterEach(() => fs.rmSync(root, { recursive: true }));

  const written = (file: string) =>
    parse(fs.readFileSync(file, 'utf8')) as { encryptionsalt: string; config: Record<string, unknown> };
  const tracked = () => fs.readdirSync(root).sort();

  it('merges the options over its file without touching it', () => {
    const before = fs.readFileSync(path.join(root, 'Pulumi.local.yaml'), 'utf8');
    const stack = openStack(root, 'local', { version: '1.2.3', extra: { libs: '/libs' } });
    assert.equal(stack.configFile, path.join(root, '.local/config/Pulumi.local.yaml'));
    assert.deepEqual(written(stack.configFile).config, {
      'falco:channel': 'release',
      'falco:source': 'examples/falco-mini',
      'falco:bucket': '.local/bucket',
      'falco:libraries': 'distribution',
      'falco:version': '1.2.3',
      'falco:extra': { libs: '/libs' },
    });
    assert.equal(
      written(stack.configFile).encryptionsalt,
      (parse(before) as { encryptionsalt: string }).encryptionsalt,
    );
    assert.equal(fs.readFileSync(path.join(root, 'Pulumi.local.yaml'), 'utf8'), before);
    assert.deepEqual(stack.remarks, []);
  });

  it('keeps its state where PULUMI_BACKEND_URL says, but for the stacks of this machine', async () => {
    fs.writeFileSync(path.join(root, 'Pulumi.cloud.yaml'), 'config:\n  falco:channel: release\n');
    const elsewhere = path.join(root, 'elsewhere');
    fs.mkdirSync(elsewhere);
    const before = process.env.PULUMI_BACKEND_URL;
    process.env.PULUMI_BACKEND_URL = `file://${elsewhere}`;
    try {
      const [local, mine, cloud] = ['local', 'mine', 'cloud'].map((name) => openStack(root, name, {}));
      for (const { isRemote, env } of [local, mine]) {
        assert.equal(isRemote, false);
        assert.equal(env.PULUMI_BACKEND_URL, `file://${path.join(root, '.local/state')}`);
      }
      assert.equal(cloud.env.PULUMI_BACKEND_URL, `file://${elsewhere}`);
      await ensureStack(cloud);
      await assert.rejects(stackOutputs(cloud), /no stack named 'cloud' found/, 'it is made by hand');
      const init = ['stack', 'init', 'cloud', '--no-select', '--non-interactive'];
      const { status, stderr } = spawnSync('pulumi', init, { cwd: root, env: cloud.env, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      recover(cloud, assert.fail);
      assert.deepEqual(await stackOutputs(cloud), {});
      assert.deepEqual(fs.readdirSync(path.join(root, '.local/state')), []);
    } finally {
      if (before === undefined) delete process.env.PULUMI_BACKEND_URL;
      else process.env.PULUMI_BACKEND_URL = before;
    }
  });

  it('forgets the options of the run before', () => {
    openStack(root, 'local', { version: '1.2.3' });
    assert.equal(written(openStack(root, 'local', {}).configFile).config['falco:version'], undefined);
  });

  it('takes the settings of local under another name, with a bucket and a registry path that its channels share', () => {
    const mine = openStack(root, 'mine', {});
    const master = openStack(root, 'mine-master', {});
    assert.equal(mine.config['falco:bucket'], '.local/bucket-mine');
    assert.equal(mine.config['falco:registry'], '/mine');
    assert.equal(mine.config['falco:channel'], 'release');
    assert.equal(master.config['falco:bucket'], '.local/bucket-mine');
    assert.equal(master.config['falco:channel'], 'master');
    assert.match(mine.remarks[0] ?? '', /^the stack mine has no Pulumi\.mine\.yaml: /);
  });

  it("uses a home, a backend and builders of the project's own, and the empty passphrase of its salt", () => {
    const { PULUMI_CONFIG_PASSPHRASE: before } = process.env;
    process.env.PULUMI_CONFIG_PASSPHRASE = 'of another project';
    try {
      const { env } = openStack(root, 'local', {});
      assert.equal(env.PULUMI_HOME, path.join(root, '.local/pulumi-home'));
      assert.equal(env.PULUMI_BACKEND_URL, `file://${root}/.local/state`);
      assert.equal(env.BUILDX_CONFIG, path.join(root, '.local/buildx'));
      assert.equal(env.PULUMI_CONFIG_PASSPHRASE, '');
      assert.equal(env.PATH?.split(':')[0], path.join(root, '.local/bin'));
    } finally {
      if (before === undefined) delete process.env.PULUMI_CONFIG_PASSPHRASE;
      else process.env.PULUMI_CONFIG_PASSPHRASE = before;
    }
  });

  it('is made in the backend on demand, and no file appears beside Pulumi.yaml', async () => {
    const before = tracked();
    const stack = openStack(root, 'mine', {});
    await ensureStack(stack);
    assert.ok(fs.existsSync(stack.checkpoint));
    assert.deepEqual(tracked(), before);
  });

  it('has the outputs that the engine tells, a secret masked', async () => {
    const stack = openStack(root, 'local', {});
    await ensureStack(stack);
    assert.deepEqual(await stackOutputs(stack), {});
    const engine = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync('pulumi', [...args, '--stack', 'local'], {
        cwd: root,
        env: stack.env,
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      return stdout;
    };
    const type = 'pulumi:pulumi:Stack';
    const urn = `urn:pulumi:local::${PROJECT}::${type}::${PROJECT}-local`;
    // As `pulumi stack export --show-secrets` writes it.
    const key = {
      '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270',
      plaintext: '"planted"',
    };
    const outputs = { version: '1.2.3', apt: { url: 'https://a.example' }, notes: ['one'], none: {}, key };
    const deployment = JSON.parse(engine('stack', 'export')) as { deployment: object };
    Object.assign(deployment.deployment, { resources: [{ urn, type, custom: false, outputs }] });
    fs.writeFileSync(path.join(root, 'deployment.json'), JSON.stringify(deployment));
    engine('stack', 'import', '--file', 'deployment.json');
    assert.deepEqual(await stackOutputs(stack), { ...outputs, key: '[secret]' });
    assert.deepEqual(await stackOutputs(stack), JSON.parse(engine('stack', 'output', '--json')));
  });

  it('is known by its file or its state; any other name is refused, with those that there are', async () => {
    await ensureStack(openStack(root, 'mine', {}));
    for (const name of ['local', 'local-master', 'mine']) refuseUnknownStack(root, name);
    assert.throws(() => refuseUnknownStack(root, 'prdo'), {
      message:
        '--stack: there is no stack prdo, neither a Pulumi.prdo.yaml nor a state of it; there are local, local-master, mine. ' +
        'A new one with the settings of local is made by: npm run up -- --stack prdo',
    });
  });

  it('is forgotten by the line that destroy ends with, pasted where pulumi is not on the PATH', async () => {
    const stack = openStack(root, 'local', {});
    await ensureStack(stack);
    const line = pulumiLine(stack, 'stack rm --yes --preserve-config local');
    const env = { HOME: process.env.HOME, PATH: '/usr/bin:/bin' };
    const { status, stderr } = spawnSync('sh', ['-c', line], { cwd: os.tmpdir(), env, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.equal(fs.existsSync(stack.checkpoint), false);
    assert.ok(fs.existsSync(path.join(root, 'Pulumi.local.yaml')));
  }).timeout(30_000);

  describe('after a killed update', () => {
    const lockFolder = () => path.join(root, '.local/state/.pulumi/locks/organization/falco-artifacts/local');
    function lock(owner: { pid: number; hostname?: string }): string {
      const file = path.join(lockFolder(), 'one.json');
      fs.mkdirSync(lockFolder(), { recursive: true });
      const text = { username: 'me', hostname: os.hostname(), timestamp: '2026-01-01T00:00:00Z', ...owner };
      fs.writeFileSync(file, JSON.stringify(text));
      return file;
    }

    it('loses the lock of a dead process of this machine, and says so', () => {
      const file = lock({ pid: spawnSync('true').pid });
      const said: string[] = [];
      recover(openStack(root, 'local', {}), (line) => said.push(line));
      assert.equal(fs.existsSync(file), false);
      assert.match(said.join('\n'), /^note: removed the lock of process \d+, which is dead/);
    });

    it('ends what the killed engine left running', async () => {
      const leader = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], {
        detached: true,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const [text] = (await once(leader.stdout, 'data')) as [Buffer];
      const ended = once(leader, 'exit');
      leader.kill('SIGKILL');
      await ended;
      process.kill(Number(text), 0);
      lock({ pid: leader.pid ?? 0 });
      recover(openStack(root, 'local', {}), () => {});
      await new Promise((resolve) => setTimeout(resolve, 50));
      const status = `/proc/${Number(text)}/status`;
      assert.ok(!fs.existsSync(status) || /^State:\s+Z/m.test(fs.readFileSync(status, 'utf8')));
    });

    for (const [what, owner] of [
      ['a process that lives', { pid: process.pid }],
      ['another machine', { pid: 1, hostname: 'elsewhere' }],
    ] as const) {
      it(`keeps the lock of ${what}, and names pulumi cancel`, () => {
        const file = lock(owner);
        assert.throws(
          () => recover(openStack(root, 'local', {}), () => {}),
          /holds its lock; .*\/\.local\/bin\/pulumi --cwd \S+ cancel --yes --stack local$/,
        );
        assert.ok(fs.existsSync(file));
      });
    }

    it('forgets pending operations', async () => {
      const stack = openStack(root, 'local', {});
      await ensureStack(stack);
      // As a killed engine leaves it; `stack import` would drop them.
      const state = JSON.parse(fs.readFileSync(stack.checkpoint, 'utf8')) as {
        checkpoint: { latest: Record<string, unknown> };
      };
      const urn = 'urn:pulumi:local::falco-artifacts::pulumi:pulumi:Stack::falco-artifacts-local';
      const resource = { urn, custom: false, type: 'pulumi:pulumi:Stack' };
      state.checkpoint.latest.pending_operations = [{ resource, type: 'creating' }];
      fs.writeFileSync(stack.checkpoint, JSON.stringify(state));
      const said: string[] = [];
      recover(stack, (line) => said.push(line));
      assert.deepEqual(said, ['note: 1 operation(s) of a killed update did not end; they are done again']);
      assert.doesNotMatch(fs.readFileSync(stack.checkpoint, 'utf8'), /"pending_operations"/);
    }).timeout(30_000);
  });
});
