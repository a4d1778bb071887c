/** A copy of this project in a folder of its own, driven by its npm scripts as a user would. */
import { execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { place, PROJECT } from './imageSet';

const run = promisify(execFile);

export interface Outcome {
  status: number;
  /** What it wrote to standard output and error, interleaved. */
  text: string;
  stdout: string;
}

export interface Project {
  folder: string;
  /** Runs a script with these arguments; resolves whatever its exit status is. */
  script(name: string, ...args: string[]): Promise<Outcome>;
  /** The same, which must succeed. */
  ok(name: string, ...args: string[]): Promise<Outcome>;
  outputs(...args: string[]): Promise<Outputs>;
  /** What a preview would change: resource name to operation. */
  preview(...args: string[]): Promise<Record<string, string>>;
  /** Stops its services and removes it. */
  remove(): Promise<void>;
}

export interface Outputs {
  version: string;
  packages: Record<string, { url: string; sha256: string; size: number; aliasOf?: string }>;
  images: Record<string, string>;
  apt: { url: string; suite: string; component: string; key: string; sources: string };
  yum: { url: string; key: string; repo: string };
  downloads: { url: string };
}

/** Made once for the whole test run: bases and unpacked layers, which take gigabytes, and what was found in files and images. */
const SHARED = ['rootfs', 'sbom', 'layers'];

/**
 * The files that git tracks or would track; node_modules is shared, BuildKit is this project's, so that its cache is.
 *
 * @param further environment of its scripts, as it is when one starts
 */
export async function copyProject(further: NodeJS.ProcessEnv = {}): Promise<Project> {
  const { buildkit } = await place();
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-project-'));
  const list = await run('git', [
    '-C',
    PROJECT,
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
  ]);
  for (const name of list.stdout.split('\0').filter(Boolean)) {
    await fs.mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await fs.cp(path.join(PROJECT, name), path.join(folder, name)).catch(ignoreDeleted);
  }
  await fs.symlink(path.join(PROJECT, 'node_modules'), path.join(folder, 'node_modules'));
  await fs.mkdir(path.join(folder, '.local/cache'), { recursive: true });
  for (const cache of SHARED) {
    const shared = path.join(PROJECT, '.local/cache', cache);
    await fs.mkdir(shared, { recursive: true });
    await fs.symlink(shared, path.join(folder, '.local/cache', cache));
  }
  const registry = JSON.stringify({ registry: await ownAddress() });
  await fs.writeFile(path.join(folder, '.local/services.json'), registry);
  const env = { ...process.env, BUILDKIT_HOST: buildkit, INIT_CWD: folder };
  const script = (name: string, ...args: string[]) => runScript(folder, { ...env, ...further }, name, args);
  const ok = async (name: string, ...args: string[]) => {
    const outcome = await script(name, ...args);
    if (outcome.status !== 0)
      throw new Error(`npm run ${name} -- ${args.join(' ')} failed:\n${outcome.text.slice(-4000)}`);
    return outcome;
  };
  return {
    folder,
    script,
    ok,
    outputs: async (...args) => JSON.parse((await ok('output', '--json', ...args)).stdout) as Outputs,
    preview: async (...args) => {
      const { steps } = JSON.parse((await ok('preview', '--json', ...args)).stdout) as {
        steps?: { op: string; urn: string }[];
      };
      return Object.fromEntries<string>(
        (steps ?? [])
          .filter(({ op }) => op !== 'same')
          .map(({ op, urn }) => [urn.slice(urn.lastIndexOf('::') + 2), op]),
      );
    },
    remove: async () => {
      await script('services', 'stop');
      await fs.rm(folder, { recursive: true, force: true });
    },
  };
}

/** Ports that this process has given away: two lanes of tests start registries at the same time. */
let given = 0;

/** An address for a project's registry that no other project takes while it is stopped. */
async function ownAddress(): Promise<string> {
  for (;;) {
    const port = 20_000 + (process.pid % 100) * 100 + (given++ % 100);
    const server = net.createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.on('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return `127.0.0.1:${port}`;
  }
}

function ignoreDeleted(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function runScript(folder: string, env: NodeJS.ProcessEnv, name: string, args: string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['tools/run.mjs', name, ...args], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.on('error', reject);
    // Services outlive the command and may hold its pipes: `exit`, not `close`.
    child.on('exit', (status) => setTimeout(() => resolve({ status: status ?? -1, text, stdout }), 100));
  });
}
