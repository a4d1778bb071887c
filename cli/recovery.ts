/** What a killed update leaves behind in a file backend: a lock, and operations that never ended. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { SettingError } from '../names';
import { pulumiLine, Stack } from './stack';

interface Lock {
  pid: number;
  username: string;
  hostname: string;
  timestamp: string;
}

/**
 * Removes locks of dead processes of this machine, and forgets operations that such a process left pending.
 *
 * @param tell gets a line for each thing that was put right
 * @throws SettingError when anyone else holds a lock, naming `pulumi cancel`
 */
export function recover(stack: Stack, tell: (line: string) => void): void {
  if (stack.isRemote) return;
  const folder = path.join(stack.root, '.local/state/.pulumi/locks/organization/falco-artifacts', stack.name);
  for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
    if (!name.endsWith('.json')) continue;
    const file = path.join(folder, name);
    const lock = JSON.parse(fs.readFileSync(file, 'utf8')) as Lock;
    if (lock.hostname !== os.hostname() || isAlive(lock.pid)) {
      throw new SettingError(
        `stack ${stack.name}`,
        `an update of process ${lock.pid} on ${lock.hostname} (${lock.username}, since ${lock.timestamp}) holds its lock; ` +
          `wait for it, or, when it is gone for sure, run: ${pulumiLine(stack, `cancel --yes --stack ${stack.name}`)}`,
      );
    }
    fs.rmSync(file, { force: true });
    fs.rmSync(`${file}.attrs`, { force: true });
    endSession(lock.pid);
    tell(`note: removed the lock of process ${lock.pid}, which is dead (killed during an update)`);
  }
  forgetPending(stack, tell);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // A zombie is dead.
  return !/^State:\s+[ZX]/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/**
 * Plugins outlive a killed engine, perhaps in the middle of an operation. The engine leads a session of its own
 * (`engine.ts`), and the kernel gives no new process a number that still names a session (setsid(2)).
 */
function endSession(leader: number): void {
  for (const name of fs.readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, 'utf8');
      // proc(5): the fields after the command's name are state, ppid, pgrp, session.
      const session = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3];
      if (Number(session) === leader) process.kill(Number(name), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}

/**
 * Publishing is repeatable (content-addressed blobs, compare-and-swap), so an operation that did not end is
 * simply done again: a pending create is made anew, anything else is still in the state as it was.
 */
function forgetPending(stack: Stack, tell: (line: string) => void): void {
  if (!fs.existsSync(stack.checkpoint)) return;
  if (!fs.readFileSync(stack.checkpoint, 'utf8').includes('"pending_operations"')) return;
  const at = { cwd: stack.root, env: stack.env, maxBuffer: 256 << 20 };
  const exported = execFileSync('pulumi', ['stack', 'export', '--stack', stack.name], at).toString();
  const state = JSON.parse(exported) as { deployment: { pending_operations?: unknown[] } };
  const pending = state.deployment.pending_operations ?? [];
  if (pending.length === 0) return;
  delete state.deployment.pending_operations;
  execFileSync('pulumi', ['stack', 'import', '--force', '--stack', stack.name], {
    ...at,
    input: JSON.stringify(state),
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  tell(`note: ${pending.length} operation(s) of a killed update did not end; they are done again`);
}
