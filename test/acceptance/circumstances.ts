/**
 * The project in a folder of its own under circumstances that must not matter, with a registry, a builder and caches of
 * its own, all empty.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { ensureStack } from '../../cli/engine';
import { openStack } from '../../cli/stack';
import { catalog } from '../../catalog';
import { makeRootfs } from '../../provider/rootfs';
import { PROJECT } from './imageSet';

const run = promisify(execFile);

export interface Circumstances {
  /** Of the folder: its length is part of every path. */
  name: string;
  umask: '022' | '077';
  /** TZ, LC_ALL; HOME and LOCPATH where they are others. */
  environment: Record<string, string>;
  /** Processors that everything runs on, as taskset takes them; default: all. */
  cpus?: string;
  /** What the clock of the engine's plugins, of gpg and of rpm is off by, as faketime takes it; default: nothing. */
  clock?: string;
  /** Files are copied in this order, and folders of the source list their entries so. */
  order: 'as they are' | 'reversed';
  /** `script`: npm run up, which sets umask, time zone and locale by itself; `pulumi`: a plain pulumi up, which does not. */
  by: 'script' | 'pulumi';
}

/**
 * The environment for programs to run in Turkish, whose `i` has a dot as a capital, too, and whose order of letters is
 * not that of bytes. Made in `folder` from the sources of locales: where a locale is not installed, programs take C
 * without a word.
 */
export async function turkish(folder: string): Promise<Record<string, string>> {
  await run('localedef', ['-i', 'tr_TR', '-f', 'UTF-8', path.join(folder, 'tr_TR.UTF-8')]);
  const environment = { LC_ALL: 'tr_TR.UTF-8', LOCPATH: folder };
  const file = path.join(folder, 'letters');
  await fs.writeFile(file, 'B\na\nb\n');
  const sorted = async (env: NodeJS.ProcessEnv) =>
    (await run('sort', [file], { env: { ...process.env, ...env } })).stdout;
  assert.equal(await sorted({ LC_ALL: 'C' }), 'B\na\nb\n');
  assert.equal(await sorted(environment), 'a\nB\nb\n');
  return environment;
}

export class Build {
  private constructor(
    readonly folder: string,
    private readonly circumstances: Circumstances,
    /** Where the sources are seen. */
    private readonly source: string,
  ) {}

  /** @param settings further lines of the stack's file */
  static async prepare(circumstances: Circumstances, settings: Record<string, string>): Promise<Build> {
    const parent = await fs.mkdtemp(path.join(os.tmpdir(), 'reproducible-'));
    const folder = path.join(parent, circumstances.name);
    await copyTracked(folder, circumstances);
    const source = path.join(folder, 'examples/falco-mini');
    const seen = circumstances.order === 'reversed' ? path.join(parent, 'reversed') : source;
    if (seen !== source) {
      await fs.mkdir(seen);
      await run('disorderfs', ['--reverse-dirents=yes', '--shuffle-dirents=no', source, seen]);
    }
    const file = path.join(folder, 'Pulumi.local.yaml');
    const kept = (await fs.readFile(file, 'utf8')).replace(/^ +falco:source:.*\n/m, '').trimEnd();
    const lines = Object.entries({ ...settings, source: seen }).map(
      ([key, value]) => `  falco:${key}: ${value}`,
    );
    await fs.writeFile(file, [kept, ...lines, ''].join('\n'));
    const home = circumstances.environment.HOME;
    if (home) await fs.mkdir(home, { recursive: true });
    return new Build(folder, circumstances, seen);
  }

  /** Made once for the whole test run: under another clock, apt takes no index of the mirror. */
  async shareBases(): Promise<void> {
    const bases = path.join(PROJECT, '.local/cache/rootfs');
    await fs.mkdir(bases, { recursive: true });
    const tar = path.join(this.folder, 'base.tar');
    await makeRootfs(catalog.bases.debian.rootfs, tar, { cacheDir: bases });
    await fs.rm(tar);
    await fs.mkdir(path.join(this.folder, '.local/cache'), { recursive: true });
    await fs.symlink(bases, path.join(this.folder, '.local/cache/rootfs'));
  }

  /** An npm script with none of the circumstances but the processors. @returns its standard output */
  script(...args: string[]): Promise<string> {
    return this.start(['node', 'tools/run.mjs', ...args], {
      umask: '022',
      environment: {},
      clock: undefined,
    });
  }

  async up(): Promise<void> {
    await this.script('services', 'start');
    const stack = openStack(this.folder, 'local', {});
    if (this.circumstances.by === 'script') {
      await this.start(['node', 'tools/run.mjs', 'up'], this.circumstances);
      return;
    }
    await ensureStack(stack);
    const plain = ['up', '--yes', '--skip-preview', '--stack', 'local', '--config-file', stack.configFile];
    await this.start(['pulumi', ...plain], this.circumstances, stack.env);
  }

  /** `host:port` of its own one. */
  async registry(): Promise<string> {
    const text = await fs.readFile(path.join(this.folder, '.local/services.json'), 'utf8');
    return (JSON.parse(text) as { registry: string }).registry;
  }

  async remove(): Promise<void> {
    await this.script('services', 'stop').catch(() => '');
    if (this.circumstances.order === 'reversed') await run('umount', [this.source]);
    await fs.rm(path.dirname(this.folder), { recursive: true, force: true });
  }

  private start(
    command: string[],
    { umask, environment, clock }: Pick<Circumstances, 'umask' | 'environment' | 'clock'>,
    base: NodeJS.ProcessEnv = process.env,
  ): Promise<string> {
    const { cpus } = this.circumstances;
    const env: NodeJS.ProcessEnv = {
      ...base,
      INIT_CWD: this.folder,
      // The tools are pinned; where they lie does not change them.
      FALCO_ARTIFACTS_CACHE:
        process.env.FALCO_ARTIFACTS_CACHE ?? path.join(os.homedir(), '.cache/falco-artifacts'),
      // Timers of Node run on the monotonic clock, and a file's times are the kernel's.
      NO_FAKE_STAT: '1',
      ...environment,
    };
    delete env.BUILDKIT_HOST;
    const words = [
      ...(cpus === undefined ? [] : ['taskset', '-c', cpus]),
      ...(clock === undefined ? [] : ['faketime', '--exclude-monotonic', '-m', '-f', clock]),
      ...command,
    ];
    return new Promise((resolve, reject) => {
      const child = spawn('sh', ['-c', `umask ${umask}; exec "$@"`, 'sh', ...words], {
        cwd: this.folder,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [said, stdout] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      child.on('error', reject);
      // Services outlive it and may hold its pipes: `exit`, not `close`.
      child.on('exit', (status) =>
        setTimeout(() => {
          if (status === 0) resolve(stdout);
          else
            reject(
              new Error(`${words.join(' ')} in ${this.folder} failed (${status}):\n${said.slice(-6000)}`),
            );
        }, 200),
      );
    });
  }
}

/** The files that git tracks or would track, one after the other, with modes that the umask cuts and a time of their own. */
async function copyTracked(folder: string, { umask, order }: Circumstances): Promise<void> {
  const list = ['-C', PROJECT, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { stdout } = await run('git', list, { maxBuffer: 1 << 26 });
  const names = [...new Set(stdout.split('\0').filter(Boolean))].sort();
  if (order === 'reversed') names.reverse();
  const cut = ~parseInt(umask, 8);
  const time = order === 'reversed' ? new Date('2001-09-09T01:46:40Z') : new Date();
  for (const name of names) {
    const [from, to] = [path.join(PROJECT, name), path.join(folder, name)];
    const stat = await fs.stat(from).catch(() => undefined);
    if (!stat) continue; // Deleted, and not yet committed.
    await fs.mkdir(path.dirname(to), { recursive: true, mode: 0o777 & cut });
    await fs.copyFile(from, to);
    await fs.chmod(to, stat.mode & 0o777 & cut);
    await fs.utimes(to, time, time);
  }
  await fs.symlink(path.join(PROJECT, 'node_modules'), path.join(folder, 'node_modules'));
}
