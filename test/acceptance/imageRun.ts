/** Runs images as `docker run` would, by runc: entry point, environment and user of the image. Needs root. */
import { ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { run, temporaryFolder } from '../unit/packaging/fixture';
import { lastingFolder } from './imageSet';

export interface RunOptions {
  /** Replaces the image's command. */
  args?: string[];
  env?: Record<string, string>;
  /** Numbers `uid:gid`; default: the image's. */
  user?: string;
  /** The root file system cannot be written. */
  readOnly?: boolean;
  /** Bind mounts: path in the container → path here. `:ro` at the end of the latter for read-only. */
  mounts?: Record<string, string>;
  /** All capabilities. */
  privileged?: boolean;
  /** Scripts that take the place of files in the image, by path. */
  replace?: Record<string, string>;
  /** Milliseconds until it is killed. */
  limit?: number;
}

export interface RunResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

interface ImageConfig {
  Entrypoint?: string[];
  Cmd?: string[];
  Env?: string[];
  User?: string;
  WorkingDir?: string;
  Labels?: Record<string, string>;
}

const DEFAULT_CAPABILITIES = [
  ...[
    'CHOWN',
    'DAC_OVERRIDE',
    'FSETID',
    'FOWNER',
    'MKNOD',
    'NET_RAW',
    'SETGID',
    'SETUID',
    'SETFCAP',
    'SETPCAP',
  ],
  ...['NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
].map((name) => `CAP_${name}`);
const PRIVILEGED = [...DEFAULT_CAPABILITIES, 'CAP_SYS_ADMIN', 'CAP_SYS_PTRACE', 'CAP_SYS_MODULE'];

const unpacked = new Map<string, Promise<string>>();

/** The image's root file system as a folder, unpacked once. */
export function rootOf(reference: string): Promise<string> {
  let folder = unpacked.get(reference);
  if (!folder) {
    folder = (async () => {
      const target = await lastingFolder();
      const script = 'set -o pipefail; crane export "$1" - | tar -x --numeric-owner -p -C "$2"';
      await run('bash', ['-c', script, 'bash', reference, target]);
      return target;
    })();
    unpacked.set(reference, folder);
  }
  return folder;
}

export async function configOf(reference: string): Promise<ImageConfig> {
  const { stdout } = await run('crane', ['config', reference]);
  return (JSON.parse(stdout) as { config: ImageConfig }).config;
}

const mount = (destination: string, type: string, source: string, ...options: string[]) => ({
  destination,
  type,
  source,
  options,
});

/** Writes the OCI bundle (OCI runtime specification, config.md). */
async function writeBundle(bundle: string, reference: string, options: RunOptions): Promise<void> {
  const config = await configOf(reference);
  const command = [...(config.Entrypoint ?? []), ...(options.args ?? config.Cmd ?? [])];
  const [uid, gid] = (options.user ?? '0:0').split(':').map(Number);
  const capabilities = uid !== 0 ? [] : options.privileged ? PRIVILEGED : DEFAULT_CAPABILITIES;
  const binds = Object.entries(options.mounts ?? {}).map(([destination, from]) => {
    const source = from.replace(/:ro$/, '');
    return mount(destination, 'bind', source, 'rbind', ...(source === from ? [] : ['ro']));
  });
  const spec = {
    ociVersion: '1.0.2',
    process: {
      user: { uid, gid },
      args: command,
      env: [
        ...(config.Env ?? []),
        ...Object.entries(options.env ?? {}).map(([key, value]) => `${key}=${value}`),
      ],
      cwd: config.WorkingDir || '/',
      capabilities: Object.fromEntries(
        ['bounding', 'effective', 'permitted'].map((set) => [set, capabilities]),
      ),
      noNewPrivileges: false,
    },
    root: { path: 'root', readonly: options.readOnly ?? false },
    hostname: 'container',
    mounts: [
      mount('/proc', 'proc', 'proc'),
      mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'mode=755', 'size=65536k'),
      mount('/dev/shm', 'tmpfs', 'shm', 'nosuid', 'nodev', 'mode=1777', 'size=65536k'),
      mount('/sys', 'sysfs', 'sysfs', 'nosuid', 'noexec', 'nodev', 'ro'),
      ...binds,
    ],
    linux: { namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })) },
  };
  await fs.writeFile(path.join(bundle, 'config.json'), JSON.stringify(spec));
}

export interface Running {
  /** Resolves when the container has ended. */
  result: Promise<RunResult>;
  /** What it has printed so far. */
  output(): string;
  /** Sends a signal to its first process. */
  kill(signal: string): Promise<void>;
}

/** Starts a container on a copy-on-write view of the image; what it writes is gone afterwards. */
export async function startImage(reference: string, options: RunOptions = {}): Promise<Running> {
  const lower = await rootOf(reference);
  const bundle = await temporaryFolder();
  const id = `test-${randomBytes(6).toString('hex')}`;
  for (const name of ['root', 'upper', 'work']) await fs.mkdir(path.join(bundle, name));
  const layers = `lowerdir=${lower},upperdir=${path.join(bundle, 'upper')},workdir=${path.join(bundle, 'work')}`;
  await run('mount', ['-t', 'overlay', 'overlay', '-o', layers, path.join(bundle, 'root')]);
  for (const [file, text] of Object.entries(options.replace ?? {})) {
    const full = path.join(bundle, 'root', file);
    await fs.rm(full, { force: true });
    await fs.writeFile(full, text);
    await fs.chmod(full, 0o755);
  }
  await writeBundle(bundle, reference, options);
  const child: ChildProcess = spawn('runc', ['run', '--bundle', bundle, id], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  const limit = setTimeout(() => child.kill('SIGKILL'), options.limit ?? 60_000);
  const result = new Promise<RunResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...said }));
  }).finally(async () => {
    clearTimeout(limit);
    await run('runc', ['delete', '--force', id]).catch(() => undefined);
    await run('umount', [path.join(bundle, 'root')]);
    await fs.rm(bundle, { recursive: true, force: true });
  });
  return {
    result,
    output: () => said.stdout + said.stderr,
    kill: async (signal) => void (await run('runc', ['kill', id, signal])),
  };
}

/** Runs a container to its end. */
export async function runImage(reference: string, options: RunOptions = {}): Promise<RunResult> {
  return (await startImage(reference, options)).result;
}
