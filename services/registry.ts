/** The local stack's OCI registry: distribution, on loopback, with deletion, data below `.local/`. */
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Daemon, runningPid, startUntil, stopDaemon, until } from './daemon';

/** Where the first try goes; another clone's registry on it makes us take the next free port. */
export const DEFAULT_ADDRESS = '127.0.0.1:5050';
/** Header by which a registry says whose it is: the folder of its data. */
const OWNER = 'X-Artifacts-Data';
const PORTS = 50;

export type Answer = 'ours' | 'nobody' | 'foreign' | { registry: string };

const folderOf = (root: string) => path.join(root, '.local', 'registry');

function daemonOf(root: string): Daemon {
  const folder = folderOf(root);
  return { program: 'registry', args: ['serve', path.join(folder, 'config.json')], folder };
}

/** Who answers on an address: this project's registry, another registry, something else, or nobody. */
export async function ask(root: string, address: string): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const answer = await askOnce(root, address);
    // A service that is just ending cuts the connection; then nobody is there.
    if (answer !== 'cut') return answer;
    if (tries === 5) return 'foreign';
    await setTimeout(100);
  }
}

function askOnce(root: string, address: string): Promise<Answer | 'cut'> {
  return new Promise((resolve) => {
    const request = http.get(`http://${address}/v2/`, { timeout: 3000, agent: false }, (response) => {
      response.resume();
      const owner = response.headers[OWNER.toLowerCase()];
      const isRegistry = response.headers['docker-distribution-api-version'] === 'registry/2.0';
      if (owner === folderOf(root)) resolve('ours');
      else if (typeof owner === 'string' || isRegistry)
        resolve({ registry: typeof owner === 'string' ? owner : '' });
      else resolve('foreign');
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED') resolve('nobody');
      else resolve(code === 'ECONNRESET' || code === 'EPIPE' ? 'cut' : 'foreign');
    });
  });
}

/** Ends the services of a clone that is gone with its folder. @param owner the registry's folder in it */
async function stopOrphan(owner: string, address: string, root: string): Promise<void> {
  const local = path.dirname(owner);
  const configs = [path.join(owner, 'config.json'), path.join(local, 'buildkit', 'buildkitd.toml')];
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (words.some((word) => configs.includes(word))) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  await until(async () => (await ask(root, address)) === 'nobody', 5000);
}

/** An address to use: the given one, else the first of ours, free or orphaned from the default port on. */
export async function chooseAddress(
  root: string,
  given: string | undefined,
  setting: string,
): Promise<string> {
  if (given) {
    const answer = await ask(root, given);
    if (answer !== 'foreign') return given;
    throw new Error(portInUse(given, setting));
  }
  const [host = '', first] = DEFAULT_ADDRESS.split(':');
  for (let port = Number(first); port < Number(first) + PORTS; port++) {
    const address = `${host}:${port}`;
    const answer = await ask(root, address);
    if (answer === 'ours' || answer === 'nobody') return address;
    if (answer === 'foreign') {
      // The port that people know: they should hear of it. On a further one it is no news.
      if (port === Number(first)) throw new Error(portInUse(address, setting));
      continue;
    }
    if (answer.registry && !fs.existsSync(answer.registry)) {
      await stopOrphan(answer.registry, address, root);
      return address;
    }
  }
  throw new Error(
    `${setting}: no port of ${PORTS} from ${DEFAULT_ADDRESS} on is free; set ${setting} to a free host:port`,
  );
}

function portInUse(address: string, setting: string): string {
  return `${setting}: ${address} is in use by something that is no registry; stop it, or set ${setting} to another host:port`;
}

/** Starts the registry on the address unless one answers there. */
export async function startRegistry(
  root: string,
  address: string,
  setting: string,
): Promise<'started' | 'running'> {
  const answer = await ask(root, address);
  if (answer === 'foreign') throw new Error(portInUse(address, setting));
  if (answer !== 'nobody') return 'running';
  const daemon = daemonOf(root);
  if (runningPid(daemon) !== undefined) await stopDaemon(daemon); // It listens on a port chosen before.
  fs.mkdirSync(path.join(daemon.folder, 'data'), { recursive: true });
  const config = {
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: path.join(daemon.folder, 'data') },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: { addr: address, headers: { [OWNER]: [daemon.folder] } },
  };
  // JSON is YAML.
  fs.writeFileSync(path.join(daemon.folder, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
  await startUntil(daemon, async () => (await ask(root, address)) === 'ours', 20_000);
  return 'started';
}

export function stopRegistry(root: string): Promise<boolean> {
  return stopDaemon(daemonOf(root));
}

export function registryPid(root: string): number | undefined {
  return runningPid(daemonOf(root));
}
