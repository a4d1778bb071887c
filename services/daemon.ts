/** A background process of the project: started detached, found again by its pid file, stopped by it. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { plainEnvironment } from '../provider/environment';

export interface Daemon {
  /** Name of the program, looked up on PATH, and of its files below `folder`. */
  program: string;
  args: string[];
  /** Folder for `<program>.pid` and `<program>.log`. */
  folder: string;
  env?: Record<string, string>;
}

const pidFile = (daemon: Daemon) => path.join(daemon.folder, `${path.basename(daemon.program)}.pid`);
const logFile = (daemon: Daemon) => path.join(daemon.folder, `${path.basename(daemon.program)}.log`);

/** When a running process started, in clock ticks since boot (proc(5), stat field 22); tells a reused pid apart. */
function startTime(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19]; // A zombie has ended.
  } catch {
    return undefined;
  }
}

/** The running process that the pid file names, if it is still the same one. */
export function runningPid(daemon: Daemon): number | undefined {
  try {
    const [pid, started] = fs.readFileSync(pidFile(daemon), 'utf8').trim().split(' ');
    return started && startTime(Number(pid)) === started ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

/** Starts it in a session of its own, so that it outlives this command. */
function startDaemon(daemon: Daemon): void {
  fs.mkdirSync(daemon.folder, { recursive: true });
  const log = fs.openSync(logFile(daemon), 'a', 0o600);
  const child = spawn(daemon.program, daemon.args, {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: daemon.folder,
    // It outlives the command, and anybody's builds run below it.
    env: { ...plainEnvironment(), ...daemon.env },
  });
  child.on('error', (error) => fs.appendFileSync(logFile(daemon), `${error.message}\n`));
  child.unref();
  fs.closeSync(log);
  if (child.pid) fs.writeFileSync(pidFile(daemon), `${child.pid} ${startTime(child.pid) ?? ''}\n`);
}

/** Asks it to end, waits up to 20 s, then kills it. Returns whether there was one. */
export async function stopDaemon(daemon: Daemon): Promise<boolean> {
  const pid = runningPid(daemon);
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    await until(() => runningPid(daemon) === undefined, 20_000);
    if (runningPid(daemon) !== undefined) process.kill(pid, 'SIGKILL');
  }
  fs.rmSync(pidFile(daemon), { force: true });
  return pid !== undefined;
}

/** Waits until the condition holds, or the time (milliseconds) is over; returns whether it held. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  milliseconds: number,
): Promise<boolean> {
  const end = Date.now() + milliseconds;
  for (;;) {
    if (await condition()) return true;
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Starts it and waits until it answers.
 *
 * @param answers asked again and again
 * @param milliseconds how long it may take
 * @throws Error with the end of its log when it ends or does not answer in time
 */
export async function startUntil(
  daemon: Daemon,
  answers: () => Promise<boolean>,
  milliseconds: number,
): Promise<void> {
  startDaemon(daemon);
  let isUp = false;
  await until(async () => {
    isUp = await answers();
    return isUp || runningPid(daemon) === undefined;
  }, milliseconds);
  if (!isUp)
    throw new Error(
      `${daemon.program} does not start; its log (${logFile(daemon)}) ends:\n${logTail(daemon)}`,
    );
}

/** The last lines of its log, for an error message. */
function logTail(daemon: Daemon, lines = 10): string {
  try {
    return fs.readFileSync(logFile(daemon), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}
