/** The images, built from the example and run for real by runc. Needs root. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { EPOCH, removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { configOf, rootOf, runImage, startImage } from './imageRun';
import {
  buildImage,
  contextsOf,
  image,
  PROJECT,
  pushContext,
  layersOf,
  sizeOf,
  usageOf,
  VERSION,
} from './imageSet';

const TRACES = path.join(PROJECT, 'examples/falco-mini/test/traces');
const TRACE = { '/traces': `${TRACES}:ro` };
const REPLAY = ['-e', '/traces/credential_read.trace'];
const ALERT = 'Warning Credential file read';

/** Takes the loader's place: says how it was called, and ends with $LOADER_STATUS. */
const LOADER = {
  '/usr/bin/falco-driver-loader': '#!/bin/sh\necho "loader called with [$*]"\nexit ${LOADER_STATUS:-0}\n',
};
const SAY = ['/bin/sh', '-c', 'echo "then $*"', 'sh', 'falco'];

const firstStep = async (name: string) =>
  /^RUN <<'STEP'\n[^]*?^STEP$/m.exec(
    await fs.readFile(path.join(PROJECT, 'dockerfiles', name, 'Dockerfile'), 'utf8'),
  )?.[0];

describe('images', function () {
  this.timeout(1_200_000); // The first builds on a machine fetch and unpack two tool chains.

  before(async () => {
    for (const { name } of catalog.images) await image(name);
  });
  after(removeFolders);

  describe('every image', () => {
    for (const { name } of catalog.images) {
      it(`${name}: the command usage prints the usage text, unchanged`, async () => {
        const { status, stdout, stderr } = await runImage(await image(name), { args: ['usage'] });
        assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: `${usageOf(name)}\n`, stderr: '' });
      });
    }

    for (const name of ['falco-builder', 'falco-tester']) {
      it(`${name}: prints its usage when it is given nothing to do`, async () => {
        const { status, stdout } = await runImage(await image(name));
        assert.deepEqual({ status, stdout }, { status: 0, stdout: `${usageOf(name)}\n` });
      });
    }

    it('falco and falco-builder share the layer of their first step', async () => {
      assert.ok(await firstStep('falco'));
      assert.equal(await firstStep('falco'), await firstStep('falco-builder'));
      const shared = async (name: string) => (await layersOf(await image(name))).slice(0, 2);
      assert.deepEqual(await shared('falco'), await shared('falco-builder'));
    });

    it('falco-no-driver is the same bytes when every step is done again', async () => {
      const build = { contexts: await contextsOf('falco-no-driver'), usage: usageOf('falco-no-driver') };
      assert.equal(
        await buildImage('falco-no-driver', { ...build, noCache: true }),
        await image('falco-no-driver'),
      );
    });

    it('falco-tester of another date shares the layers that hold no file of the release', async () => {
      const build = { contexts: await contextsOf('falco-tester'), usage: usageOf('falco-tester') };
      const later = await buildImage('falco-tester', { ...build, epoch: EPOCH + 86_400 });
      const shared = async (reference: string) => (await layersOf(reference)).slice(0, 2);
      assert.deepEqual(await shared(later), await shared(await image('falco-tester')));
    });
  });

  describe('falco', () => {
    const start = async (options: Parameters<typeof runImage>[1] = {}) =>
      runImage(await image('falco'), { replace: LOADER, args: SAY, ...options });

    it('runs the loader, then the command with its arguments', async () => {
      assert.deepEqual(await start(), {
        status: 0,
        stdout: 'loader called with []\nthen falco\n',
        stderr: '',
      });
    });

    it('runs falco by default, and prints ISO 8601 dates', async () => {
      const { Cmd } = await configOf(await image('falco'));
      assert.deepEqual(Cmd, ['/usr/bin/falco']);
      const { status, stdout } = await start({ args: [...(Cmd ?? []), ...REPLAY], mounts: TRACE });
      assert.equal(status, 0);
      assert.match(
        stdout,
        new RegExp(`^loader called with \\[\\]\n2020-05-12T16:53:47\\.250000000\\+0000: ${ALERT}`),
      );
    });

    it('starts falco all the same when the loader fails', async () => {
      const { status, stdout, stderr } = await start({ env: { LOADER_STATUS: '7' } });
      assert.deepEqual({ status, stdout }, { status: 0, stdout: 'loader called with []\nthen falco\n' });
      assert.equal(stderr, 'falco-driver-loader failed with status 7; starting /bin/sh all the same\n');
    });

    it('ends with the status of the command', async () => {
      assert.equal((await start({ args: ['/bin/sh', '-c', 'exit 5'] })).status, 5);
    });

    it('skips the loader when SKIP_DRIVER_LOADER is not empty, and only then', async () => {
      const skipped = { status: 0, stdout: 'then falco\n', stderr: '' };
      assert.deepEqual(await start({ env: { SKIP_DRIVER_LOADER: 'true' } }), skipped);
      assert.match((await start({ env: { SKIP_DRIVER_LOADER: '' } })).stdout, /^loader called/);
    });

    it('still obeys SKIP_MODULE_LOAD, with a line that says it is deprecated', async () => {
      assert.deepEqual(await start({ env: { SKIP_MODULE_LOAD: '1' } }), {
        status: 0,
        stdout: 'then falco\n',
        stderr: 'SKIP_MODULE_LOAD is deprecated; set SKIP_DRIVER_LOADER instead\n',
      });
      const empty = await start({ env: { SKIP_MODULE_LOAD: '' } });
      assert.deepEqual(empty, { status: 0, stdout: 'loader called with []\nthen falco\n', stderr: '' });
    });

    it('asks the loader for the probe when FALCO_BPF_PROBE is set, even to nothing', async () => {
      assert.match((await start({ env: { FALCO_BPF_PROBE: '' } })).stdout, /^loader called with \[bpf\]\n/);
      assert.match(
        (await start({ env: { FALCO_BPF_PROBE: '/p.o' } })).stdout,
        /^loader called with \[bpf\]\n/,
      );
    });

    it("links the host's kernel sources and modules, and leaves its own driver source", async () => {
      const host = await temporaryFolder();
      const [driver] = (await fs.readdir(path.join(await rootOf(await image('falco')), 'usr/src'))).filter(
        (name) => name.startsWith('falco-'),
      );
      for (const name of ['linux-headers-6.1.0-1', driver]) {
        await fs.mkdir(path.join(host, 'usr/src', name), { recursive: true });
      }
      await fs.mkdir(path.join(host, 'lib/modules/6.1.0-1'), { recursive: true });
      const script =
        'readlink /usr/src/*; readlink /lib/modules; ls /lib/modules; /docker-entrypoint.sh echo again';
      const { stdout, stderr } = await start({
        args: ['/bin/sh', '-c', script],
        mounts: {
          '/host/usr': `${path.join(host, 'usr')}:ro`,
          '/host/lib/modules': path.join(host, 'lib/modules'),
        },
      });
      assert.equal(stderr, '');
      assert.deepEqual(stdout.split('\n'), [
        'loader called with []',
        '/host/usr/src/linux-headers-6.1.0-1',
        '/host/lib/modules',
        '6.1.0-1',
        'loader called with []',
        'again',
        '',
      ]);
    });

    for (const signal of ['TERM', 'INT']) {
      it(`passes SIG${signal} to falco, which is process 1`, async () => {
        const running = await startImage(await image('falco'), { env: { SKIP_DRIVER_LOADER: '1' } });
        for (let tries = 0; tries < 100 && !running.output().includes('Loading rules'); tries++) {
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        await running.kill(signal);
        const { status, stderr } = await running.result;
        assert.equal(status, 0);
        assert.match(stderr, new RegExp(`SIG${signal} received, exiting`));
      });
    }

    it('holds the module of the deb and the source of the probe', async () => {
      const root = await rootOf(await image('falco'));
      const [driver] = (await fs.readdir(path.join(root, 'usr/src'))).filter((name) =>
        name.startsWith('falco-'),
      );
      for (const file of ['dkms.conf', 'main.c', 'driver_config.h', 'bpf/probe.c', 'bpf/Makefile']) {
        await fs.access(path.join(root, 'usr/src', driver, file));
      }
      const { stdout } = await runImage(await image('falco'), {
        args: ['dpkg-query', '-W', '-f', '${Status} ${Version}', 'falco'],
        env: { SKIP_DRIVER_LOADER: '1' },
      });
      assert.equal(stdout, `install ok installed ${VERSION}`);
    });
  });

  describe('falco-driver-loader', () => {
    const load = async (options: Parameters<typeof runImage>[1] = {}) =>
      runImage(await image('falco-driver-loader'), { replace: LOADER, ...options });

    it('passes its arguments on, and ends with the status of the loader', async () => {
      assert.deepEqual(await load(), { status: 0, stdout: 'loader called with []\n', stderr: '' });
      assert.deepEqual(await load({ args: ['bpf', '--compile'], env: { LOADER_STATUS: '3' } }), {
        status: 3,
        stdout: 'loader called with [bpf --compile]\n',
        stderr: '',
      });
    });

    it('has the real loader, which fails where there are no headers of the kernel', async () => {
      const { status, stderr } = await runImage(await image('falco-driver-loader'), {
        args: ['bpf', '--compile'],
        env: { KERNEL_RELEASE: '0.0.0-none' },
      });
      assert.equal(status, 1);
      assert.match(stderr, /No headers of kernel 0\.0\.0-none/);
    });

    it('has compilers that work', async () => {
      const script =
        'cd /tmp && echo "int f(void) { return 0; }" >f.c && gcc -c f.c && clang -O2 -target bpf -c f.c -o p.o && ls *.o';
      const { status, stdout } = await load({
        replace: { '/usr/bin/falco-driver-loader': `#!/bin/sh\n${script}\n` },
      });
      assert.deepEqual({ status, stdout }, { status: 0, stdout: 'f.o\np.o\n' });
    });
  });

  describe('falco-no-driver', () => {
    it('replays a trace as an unprivileged user on a read-only root, with ISO 8601 dates', async () => {
      const { Cmd = [] } = await configOf(await image('falco-no-driver'));
      const { status, stdout } = await runImage(await image('falco-no-driver'), {
        args: [...Cmd, ...REPLAY],
        user: '65532:65532',
        readOnly: true,
        mounts: TRACE,
      });
      assert.equal(status, 0);
      assert.match(stdout, new RegExp(`^2020-05-12T16:53:47\\.250000000\\+0000: ${ALERT}`));
    });

    it('runs falco by default', async () => {
      const { Cmd, Entrypoint } = await configOf(await image('falco-no-driver'));
      assert.deepEqual(
        [Entrypoint ?? null, Cmd],
        [null, ['/usr/bin/falco', '-o', 'time_format_iso_8601=true']],
      );
    });

    it('validates its own rules', async () => {
      const args = ['/usr/bin/falco', '-V', '/etc/falco/falco_rules.yaml'];
      const { status, stdout } = await runImage(await image('falco-no-driver'), { args, readOnly: true });
      assert.deepEqual({ status, stdout }, { status: 0, stdout: '/etc/falco/falco_rules.yaml: Ok\n' });
    });

    it('prints its usage on a read-only root as an unprivileged user', async () => {
      const { stdout } = await runImage(await image('falco-no-driver'), {
        args: ['usage'],
        user: '65532:65532',
        readOnly: true,
      });
      assert.equal(stdout, `${usageOf('falco-no-driver')}\n`);
    });

    it('has a shell, and neither compiler nor package manager nor other tools', async () => {
      const root = await rootOf(await image('falco-no-driver'));
      assert.deepEqual((await fs.readdir(path.join(root, 'usr/bin'))).sort(), ['falco', 'sh']);
      assert.deepEqual(await fs.readdir(path.join(root, 'usr/local/bin')), ['usage']);
      assert.deepEqual(await fs.readdir(path.join(root, 'usr/sbin')), []);
      assert.ok((await fs.stat(path.join(root, 'etc/ssl/certs/ca-certificates.crt'))).size > 100_000);
    });

    it("is under a third of falco's size", async () => {
      assert.ok((await sizeOf(await image('falco-no-driver'))) * 3 < (await sizeOf(await image('falco'))));
    });

    it('is not made of a binary whose libraries nobody has', async () => {
      const folder = await temporaryFolder();
      await fs.mkdir(path.join(folder, 'root/usr/bin'), { recursive: true });
      const library = path.join(folder, 'libnobody.so.1');
      await fs.writeFile(path.join(folder, 'main.c'), 'int f(void); int main(void) { return f(); }');
      await fs.writeFile(path.join(folder, 'f.c'), 'int f(void) { return 0; }');
      await run('gcc', ['-shared', '-Wl,-soname,libnobody.so.1', '-o', library, path.join(folder, 'f.c')]);
      await run('gcc', ['-o', path.join(folder, 'root/usr/bin/falco'), path.join(folder, 'main.c'), library]);
      const artifacts = `docker-image://${await pushContext(folder)}`;
      const contexts = { ...(await contextsOf('falco-no-driver')), artifacts };
      await assert.rejects(
        buildImage('falco-no-driver', { contexts }),
        /error: neither the bin package nor the base has libnobody\.so\.1/,
      );
    });
  });
});
