/** The two images as Falco's Helm chart runs them: the loader as an init container, then falco without a driver. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { CompilerRoot, makeCompilerRoot } from './compilerRoot';
import { configOf, runImage, startImage } from './imageRun';
import { image } from './imageSet';

describe('falco-driver-loader, then falco-no-driver', function () {
  this.timeout(1_200_000);
  let host: CompilerRoot;

  before(async () => {
    host = await makeCompilerRoot();
  });
  after(async () => {
    await host.remove();
    await removeFolders();
  });

  it('compile the probe against the headers of the host, and start falco beside it', async () => {
    const probes = await temporaryFolder();
    const { folder } = host.root;
    const loaded = await runImage(await image('falco-driver-loader'), {
      args: ['bpf', '--compile'],
      env: { KERNEL_RELEASE: host.kernel, FALCO_BPF_PROBE: '' },
      privileged: true,
      mounts: {
        '/root/.falco': probes,
        '/host/usr': `${path.join(folder, 'usr')}:ro`,
        '/host/boot': `${path.join(folder, 'boot')}:ro`,
        '/host/lib/modules': `${path.join(folder, 'usr/lib/modules')}:ro`,
      },
      limit: 180_000,
    });
    assert.equal(loaded.status, 0, loaded.stdout + loaded.stderr);
    // Beside it is a link of the name that falco looks for.
    const files = await fs.readdir(probes, { withFileTypes: true });
    const [probe] = files.filter((one) => one.isFile()).map(({ name }) => name);
    assert.match((await run('readelf', ['-h', path.join(probes, probe)])).stdout, /Machine: +Linux BPF/);

    const { Cmd = [] } = await configOf(await image('falco-no-driver'));
    const running = await startImage(await image('falco-no-driver'), {
      args: Cmd,
      env: { FALCO_BPF_PROBE: '' },
      privileged: true,
      mounts: { '/root/.falco': `${probes}:ro` },
    });
    for (let tries = 0; tries < 100 && !running.output().includes('Loading rules'); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await running.kill('TERM');
    const { status, stderr } = await running.result;
    assert.equal(status, 0, stderr);
    assert.match(stderr, /Loading rules from file/);
  });
});
