/** The local stack's buildkitd on a unix socket, and the buildx builder by which docker-build finds it. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { builderAddress } from '../location';
import { connectArguments } from '../provider/buildctl';
import { Daemon, runningPid, startUntil, stopDaemon } from './daemon';

const run = promisify(execFile);

/** Longest path of a unix socket (unix(7)). */
const SOCKET_PATH = 107;
/** Name of the buildx builder. */
export const BUILDER = 'artifacts';

const folderOf = (root: string) => path.join(root, '.local', 'buildkit');

/** `unix://` address; a deep clone's socket lies in /run, because a socket's path has a limit. */
export function buildkitAddress(root: string): string {
  const inside = path.join(folderOf(root), 'buildkitd.sock');
  if (inside.length <= SOCKET_PATH) return `unix://${inside}`;
  const short = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const base = fs.existsSync('/run') ? '/run' : os.tmpdir();
  return `unix://${base}/artifacts-${short}/buildkitd.sock`;
}

function daemonOf(root: string): Daemon {
  const folder = folderOf(root);
  return { program: 'buildkitd', args: ['--config', path.join(folder, 'buildkitd.toml')], folder };
}

export async function answers(address: string): Promise<boolean> {
  return run('buildctl', [...connectArguments(address), '--timeout', '3', 'debug', 'workers'], {
    timeout: 10_000,
  }).then(
    () => true,
    () => false,
  );
}

/** The same for every stack of this clone. A registry on loopback is reached by plain HTTP without being told of. */
function configuration(root: string): string {
  return [
    `root = ${JSON.stringify(path.join(folderOf(root), 'data'))}`,
    '[grpc]',
    `  address = [${JSON.stringify(buildkitAddress(root))}]`,
    '[worker.oci]',
    '  enabled = true',
    '  gc = true',
    '  reservedSpace = "2GB"',
    '  maxUsedSpace = "8GB"',
    '[worker.containerd]',
    '  enabled = false',
    '',
  ].join('\n');
}

/** Starts buildkitd unless it answers with this configuration already. */
export async function startBuildkit(root: string): Promise<'started' | 'running'> {
  const daemon = daemonOf(root);
  const address = buildkitAddress(root);
  const config = path.join(daemon.folder, 'buildkitd.toml');
  const wanted = configuration(root);
  const before = fs.existsSync(config) ? fs.readFileSync(config, 'utf8') : undefined;
  if (before === wanted && (await answers(address))) return 'running';
  await stopDaemon(daemon);
  fs.mkdirSync(path.dirname(address.slice('unix://'.length)), { recursive: true, mode: 0o700 });
  fs.mkdirSync(daemon.folder, { recursive: true });
  fs.writeFileSync(config, wanted);
  await startUntil(daemon, () => answers(address), 30_000);
  return 'started';
}

/** What a folder of certificates must have, each under one of two names: as buildctl's `--tlsdir` wants it. */
const CERTIFICATES = {
  cacert: ['ca.pem', 'ca.crt'],
  cert: ['cert.pem', 'tls.crt'],
  key: ['key.pem', 'tls.key'],
};

/** buildx's options of a TLS connection. @throws Error naming the file that is missing */
function tlsOptions(certificates: string, setting: string): Record<string, string> {
  const folder = path.resolve(certificates);
  return Object.fromEntries(
    Object.entries(CERTIFICATES).map(([option, names]) => {
      const found = names.map((name) => path.join(folder, name)).find((file) => fs.existsSync(file));
      if (found !== undefined) return [option, found];
      throw new Error(
        `${setting}: ${folder} has no ${names.join(' or ')}; put the client's certificates there`,
      );
    }),
  );
}

/**
 * Tells buildx's store of a builder of driver `remote` (the format of buildx's `instances/`).
 * @throws Error naming the setting and a certificate that is missing
 */
export function writeBuilder(address: string, setting: string): void {
  const { endpoint, certificates } = builderAddress(address, setting);
  const docker = process.env.DOCKER_CONFIG ?? path.join(os.homedir(), '.docker');
  const store = path.join(process.env.BUILDX_CONFIG ?? path.join(docker, 'buildx'), 'instances');
  const node = {
    Name: `${BUILDER}0`,
    Endpoint: endpoint,
    Platforms: null,
    DriverOpts: certificates === undefined ? null : tlsOptions(certificates, setting),
    Flags: null,
    Files: null,
  };
  const text = JSON.stringify({ Name: BUILDER, Driver: 'remote', Nodes: [node], Dynamic: false });
  const file = path.join(store, BUILDER);
  if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === text) return;
  fs.mkdirSync(store, { recursive: true });
  fs.writeFileSync(file, text, { mode: 0o600 });
}

export function stopBuildkit(root: string): Promise<boolean> {
  return stopDaemon(daemonOf(root));
}

export function buildkitPid(root: string): number | undefined {
  return runningPid(daemonOf(root));
}
