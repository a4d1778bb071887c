/** Runs the Pulumi engine for a stack. */
import { execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { fieldsOf } from './releaseDiff/values';
import { Stack } from './stack';

const execute = promisify(execFile);

/** Two signals within this time (ms) are one: npm passes on what the terminal also sends to everyone. */
const SAME_SIGNAL = 500;

/** Makes the stack in the file backend unless it is there; elsewhere it is made by hand. No file of the project is written. */
export async function ensureStack(stack: Stack): Promise<void> {
  if (stack.isRemote || fs.existsSync(stack.checkpoint)) return;
  // `stack init` writes a stack file beside Pulumi.yaml, so it gets one of its own.
  const folder = path.join(stack.root, '.local', 'init');
  fs.mkdirSync(folder, { recursive: true });
  fs.copyFileSync(path.join(stack.root, 'Pulumi.yaml'), path.join(folder, 'Pulumi.yaml'));
  fs.copyFileSync(stack.configFile, path.join(folder, path.basename(stack.configFile)));
  await execute('pulumi', ['stack', 'init', stack.name, '--no-select', '--non-interactive'], {
    cwd: folder,
    env: stack.env,
  });
}

/**
 * Runs `pulumi <args> --stack … --config-file …` with this process's output, or with its standard output line by line.
 *
 * Ctrl-C reaches the engine once, and it cancels gracefully; a second one ends it at once.
 *
 * @param onLine gets each line of standard output, which is written nowhere then
 * @returns its exit status; 130 after Ctrl-C, 143 after SIGTERM
 */
export async function runEngine(
  stack: Stack,
  args: string[],
  onLine?: (line: string) => void,
): Promise<number> {
  const all = [...args, '--stack', stack.name, '--config-file', stack.configFile];
  const [program = '', ...rest] = [...diesWithParent(), 'pulumi', ...all];
  // A session of its own: the terminal's Ctrl-C reaches it only through us, not a second time.
  const child = spawn(program, rest, {
    cwd: stack.root,
    env: stack.env,
    stdio: ['ignore', onLine ? 'pipe' : 'inherit', 'inherit'],
    detached: true,
  });
  // `close` comes after the last line.
  if (onLine && child.stdout) createInterface({ input: child.stdout }).on('line', onLine);
  let interrupted: NodeJS.Signals | undefined;
  let last = 0;
  const pass = (signal: NodeJS.Signals) => {
    const now = Date.now();
    if (now - last < SAME_SIGNAL) return;
    last = now;
    if (!interrupted)
      process.stderr.write('stopping after the operations that run; once more to stop at once\n');
    interrupted = signal;
    child.kill('SIGINT');
  };
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, pass);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status, signal) => resolve(status ?? 128 + constants.signals[signal ?? 'SIGKILL']));
    });
    return interrupted ? 128 + constants.signals[interrupted] : code;
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
}

/** Where util-linux has it: the engine must not go on when this process is killed. */
function diesWithParent(): string[] {
  return fs.existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] : [];
}

/** The stack's outputs; an empty object where nothing was made yet. */
export async function stackOutputs(stack: Stack): Promise<Record<string, unknown>> {
  if (!stack.isRemote) return recordedOutputs(stack.checkpoint);
  const { stdout } = await execute('pulumi', ['stack', 'output', '--json', '--stack', stack.name], {
    cwd: stack.root,
    env: stack.env,
    maxBuffer: 64 << 20,
  });
  return JSON.parse(stdout) as Record<string, unknown>;
}

interface Checkpoint {
  checkpoint: { latest?: { resources?: { type: string; outputs?: Record<string, unknown> }[] } };
}

/** What the engine would read from the file, without the quarter of a second that it takes to start. */
function recordedOutputs(file: string): Record<string, unknown> {
  if (!fs.existsSync(file)) return {};
  const { checkpoint } = JSON.parse(fs.readFileSync(file, 'utf8')) as Checkpoint;
  const stack = checkpoint.latest?.resources?.find(({ type }) => type === 'pulumi:pulumi:Stack');
  return fieldsOf(stack?.outputs ?? {});
}
