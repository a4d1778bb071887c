/**
 * Runs gpg on a key folder (GNUPGHOME) without leaving a trace in it or a process behind.
 *
 * gpg talks to its agent over a unix socket in the folder, which fails where the path is longer than 107 bytes, and
 * the agent outlives gpg. So the work is done in a short private folder under /tmp whose entries point to the real
 * one, with an agent of our own. Both go with this process even when that is killed, as the engine does with its
 * plugins: gpg-agent(1), "--daemon command", watches the command, and ours is a `cat` that ends when our side of its
 * pipe closes, and then removes the folder.
 * Where an agent for the folder runs already (its owner has unlocked a key), that one is used and left alone.
 */
import { ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import pLimit from 'p-limit';

export interface Output {
  code: number;
  stdout: Buffer;
  stderr: string;
}

export interface Gpg {
  /** The GNUPGHOME to give to other programs that call gpg. */
  home: string;
  /** Runs gpg with `--batch`; an error with gpg's own last words when it fails. */
  run(args: string[], input?: Buffer): Promise<Buffer>;
}

interface Session extends Gpg {
  agent?: { pid: number; command: ChildProcess };
  /** Our folder under /tmp. */
  folder?: string;
}

/** Milliseconds without work after which our agent is ended. */
const IDLE = 2000;
const live = new Set<Session>();

function cleanUp(session: Session): void {
  if (!live.delete(session)) return;
  if (session.agent) {
    session.agent.command.stdin?.end();
    try {
      process.kill(session.agent.pid);
    } catch {
      // It ended by itself.
    }
  }
  if (session.folder) rmSync(session.folder, { recursive: true, force: true });
}

process.on('exit', () => {
  for (const session of [...live]) cleanUp(session);
});

/** Runs a program of the gpg family or one that calls it. Only a missing program is an error. */
export function execute(program: string, args: string[], input?: Buffer): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT';
      reject(missing ? new Error(`${program} is not installed; install the package that has it.`) : error);
    });
    child.on('close', (code) =>
      resolve({ code: code ?? -1, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() }),
    );
    // A program that ends without reading its input is judged by its exit status.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

async function agentPid(home: string): Promise<number | undefined> {
  const args = ['--homedir', home, '--no-autostart', 'GETINFO pid', '/bye'];
  const { stdout } = await execute('gpg-connect-agent', args);
  const found = /^D (\d+)$/m.exec(stdout.toString());
  return found ? Number(found[1]) : undefined;
}

/** Seen on a machine under heavy load: an agent that runs and never answers. A new one does. */
const ATTEMPTS = 3;

async function startAgent(home: string, folder: string, attempt = 1): Promise<NonNullable<Session['agent']>> {
  const watch = ['sh', '-c', 'cat; rm -rf -- "$1"', 'sh', folder];
  const args = ['--homedir', home, '--quiet', '--daemon', ...watch];
  const command = spawn('gpg-agent', args, { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
  let complaint = '';
  command.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  command.on('error', (error) => (complaint = error.message));
  command.stdin.on('error', () => {});
  const limit = Date.now() + 10_000;
  while (Date.now() < limit) {
    const pid = await agentPid(home);
    if (pid !== undefined) {
      // None of this may keep our process from ending.
      command.unref();
      (command.stdin as unknown as { unref(): void }).unref();
      (command.stderr as unknown as { unref(): void }).unref();
      return { pid, command };
    }
    if (command.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  // Before the pipe closes: the folder is still needed.
  command.kill('SIGKILL');
  command.stdin.end();
  if (attempt < ATTEMPTS) return startAgent(home, folder, attempt + 1);
  throw new Error(`gpg-agent does not start: ${complaint.trim() || 'no answer'}`);
}

/** Runs gpg on a key folder; starts no agent. */
export async function runGpg(home: string, args: string[], input?: Buffer): Promise<Buffer> {
  const common = ['--homedir', home, '--batch', '--no-tty', '--no-autostart', '--no-auto-check-trustdb'];
  const { code, stdout, stderr } = await execute(
    'gpg',
    [...common, '--trust-model', 'always', ...args],
    input,
  );
  if (code === 0) return stdout;
  const words = stderr.split('\n').filter((line) => line.startsWith('gpg: ') && !/trustdb|unsafe/.test(line));
  throw new Error(words[words.length - 1]?.slice(5) ?? `gpg ended with status ${code}`);
}

/** Entries of a key folder that belong to a running gpg, not to the keys. */
const transient = /^(S\.|\.#|\.?\w+\.lock$|.*\.lock$|reader_\d|random_seed$)/;

async function open(home: string, mode: 'use' | 'change'): Promise<Session> {
  const session: Session = { home, run: (args, input) => runGpg(session.home, args, input) };
  if ((await agentPid(home)) !== undefined) return session;
  session.folder = await fs.mkdtemp(path.join('/tmp', 'gpg-'));
  live.add(session);
  try {
    session.home = path.join(session.folder, 'h');
    if (mode === 'change') {
      await fs.symlink(home, session.home);
    } else {
      await fs.mkdir(session.home, { mode: 0o700 });
      for (const name of await fs.readdir(home)) {
        if (!transient.test(name)) await fs.symlink(path.join(home, name), path.join(session.home, name));
      }
    }
    session.agent = await startAgent(session.home, session.folder);
    return session;
  } catch (error) {
    cleanUp(session);
    throw error;
  }
}

interface Shared {
  session: Promise<Session>;
  users: number;
  idle?: NodeJS.Timeout;
}

const shared = new Map<string, Shared>();

/**
 * Signatures at a time. An agent makes one after the other anyway, and one that keeps a passphrase has 64 KiB for what
 * is secret: from some twenty on, it forgets the passphrase or has no memory (gpg-agent(1), --auto-expand-secmem).
 */
const AT_ONCE = 4;
const limits = new Map<string, ReturnType<typeof pLimit>>();

function limitOf(home: string) {
  const limit = limits.get(home) ?? pLimit(AT_ONCE);
  limits.set(home, limit);
  return limit;
}

function retire(home: string, entry: Shared): Promise<void> {
  if (shared.get(home) === entry) shared.delete(home);
  clearTimeout(entry.idle);
  return entry.session.then(cleanUp, () => {});
}

/** Ends our agents now instead of a moment after their last use. */
export async function closeSessions(): Promise<void> {
  for (const [home, entry] of [...shared]) await retire(home, entry);
}

/** Whether the agent went away under the work: it was somebody else's, or somebody ended ours. */
const isWithoutAgent = (error: unknown) => /no (gpg-)?agent running/i.test((error as Error).message);

function sharedSession(home: string): Shared {
  const entry = shared.get(home) ?? { session: open(home, 'use'), users: 0 };
  shared.set(home, entry);
  return entry;
}

/**
 * Lets `work` use the keys of a folder, a few at a time. Parallel and close calls share one agent. Where it went away,
 * the work is done once more with another.
 */
export function withKeys<T>(folder: string, work: (gpg: Gpg) => Promise<T>): Promise<T> {
  const home = path.resolve(folder);
  return limitOf(home)(() => useKeys(home, work));
}

async function useKeys<T>(home: string, work: (gpg: Gpg) => Promise<T>): Promise<T> {
  const entry = sharedSession(home);
  try {
    return await useSession(home, entry, work);
  } catch (error) {
    if (!isWithoutAgent(error)) throw error;
    await retire(home, entry);
    return useSession(home, sharedSession(home), work);
  }
}

async function useSession<T>(home: string, entry: Shared, work: (gpg: Gpg) => Promise<T>): Promise<T> {
  clearTimeout(entry.idle);
  entry.users++;
  try {
    return await work(await entry.session);
  } catch (error) {
    // A session that did not open, or whose agent was ended by somebody, is not used again.
    if (entry.users === 1) void retire(home, entry);
    throw error;
  } finally {
    entry.users--;
    if (entry.users === 0 && shared.get(home) === entry) {
      entry.idle = setTimeout(() => void retire(home, entry), IDLE);
      entry.idle.unref();
    }
  }
}

/** Whether a process ends within five seconds. */
async function ended(pid: number): Promise<boolean> {
  for (let waited = 0; waited < 5000; waited += 25) {
    const stat = await fs.readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    // One that nobody has waited for yet has ended, too.
    if (stat === '' || /\) [ZX] /.test(stat)) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}

/** Lets `work` add to a key folder. */
export async function changeKeys<T>(folder: string, work: (gpg: Gpg) => Promise<T>): Promise<T> {
  const home = path.resolve(folder);
  const entry = shared.get(home);
  if (entry) await retire(home, entry);
  const session = await open(home, 'change');
  try {
    return await work(session);
  } finally {
    if (session.agent) await execute('gpgconf', ['--homedir', session.home, '--kill', 'all']);
    cleanUp(session);
    // Its sockets were in the folder itself; an agent that had to be killed leaves them.
    if (session.agent && (await ended(session.agent.pid))) {
      for (const name of await fs.readdir(home)) {
        if (name.startsWith('S.')) await fs.rm(path.join(home, name), { force: true });
      }
    }
  }
}

/** A private folder that is removed after `work`. */
export async function withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-'));
  try {
    return await work(folder);
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}
