/** A Docker engine of the tests' own: no bridge, no firewall rules, data in a temporary folder. Needs root. */
import { ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { run, temporaryFolder } from '../unit/packaging/fixture';

export interface DockerEngine {
  /** Runs the docker client; throws with its output when it fails. */
  docker(...args: string[]): Promise<string>;
  /**
   * Runs a command line as a user types it, in a terminal. With `until`, containers are told to stop once the output
   * has it; else it runs to its end.
   */
  type(line: string, folder: string, until?: RegExp): Promise<{ status: number; text: string }>;
  stop(): Promise<void>;
}

const LIMIT_MS = 240_000;

function ignoreOthers(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}

export async function startDocker(): Promise<DockerEngine> {
  const folder = await temporaryFolder();
  const at = (name: string) => path.join(folder, name);
  const socket = `unix://${at('sock')}`;
  const log = await fs.open(at('log'), 'w');
  const daemon = spawn(
    'dockerd',
    [
      ...['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid'), '--host', socket],
      ...['--bridge=none', '--iptables=false', '--ip6tables=false', '--storage-driver=overlay2'],
      ...[`--add-runtime=limited=${path.join(__dirname, 'limitedRunc.mjs')}`, '--default-runtime=limited'],
    ],
    { stdio: ['ignore', log.fd, log.fd] },
  );
  const env = { ...process.env, DOCKER_HOST: socket, TERM: 'dumb' };
  const docker = async (...args: string[]) => (await run('docker', args, { env, maxBuffer: 1 << 26 })).stdout;
  for (let tries = 0; ; tries++) {
    const answers = await docker('version').then(
      () => true,
      () => false,
    );
    if (answers) break;
    if (tries === 100 || daemon.exitCode !== null)
      throw new Error(`dockerd does not start:\n${await fs.readFile(at('log'), 'utf8')}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const runningIds = async () => (await docker('ps', '-q')).split('\n').filter(Boolean);
  /** Once: a signal that is lost is the image's fault. */
  const stopContainers = async () => {
    let ids = await runningIds();
    // What a container prints may be here before the engine lists it as running.
    for (let tries = 0; ids.length === 0 && tries < 50; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      ids = await runningIds();
    }
    if (ids.length === 0) throw new Error('no container is running that could be stopped');
    await docker('kill', '--signal', 'TERM', ...ids);
  };
  return {
    docker,
    type: (line, cwd, until) => {
      // script(1) gives the terminal that `docker run -i -t` asks for.
      const child: ChildProcess = spawn('script', ['-qefc', line, '/dev/null'], { cwd, env });
      return new Promise((resolve, reject) => {
        let text = '';
        let isStopped = false;
        const limit = setTimeout(() => {
          child.kill();
          runningIds()
            .then((ids) => docker('kill', ...ids))
            .catch(() => undefined); // The time limit is what went wrong.
          reject(new Error(`${line} does not end; so far:\n${text}`));
        }, LIMIT_MS);
        const take = (chunk: Buffer) => {
          text += chunk.toString().replace(/\r/g, '');
          if (!until || isStopped || !until.test(text)) return;
          isStopped = true;
          stopContainers().catch(reject);
        };
        child.stdout?.on('data', take);
        child.stderr?.on('data', take);
        child.on('error', reject);
        child.on('close', (status) => {
          clearTimeout(limit);
          resolve({ status: status ?? -1, text });
        });
      });
    },
    stop: async () => {
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGTERM');
      await ended;
      await log.close();
      await fs.rm(folder, { recursive: true, force: true });
      // Where no Docker runs, `-v /var/run/docker.sock:…` leaves a folder of that name, in the way of one that starts
      // later. A socket is no folder, and stays.
      await fs.rmdir('/var/run/docker.sock').catch(ignoreOthers);
    },
  };
}
