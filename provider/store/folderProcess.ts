/** Who works in a folder: an identity of a process by which another one can tell whether it still runs. */
import { readFileSync, readlinkSync } from 'node:fs';
import * as os from 'node:os';

export interface ProcessIdentity {
  pid: number;
  host: string;
  /** Changes with every boot of the machine: nothing of an earlier boot runs. */
  boot: string;
  /** PID namespace: a pid of another container says nothing here. */
  namespace: string;
  /** Start time in clock ticks since boot: tells a reused pid. Empty where there is no /proc. */
  started: string;
}

function orEmpty(read: () => string): string {
  try {
    return read().trim();
  } catch {
    return '';
  }
}

function startTime(pid: number | 'self'): string {
  const stat = orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The command name in parentheses may hold anything; field 22 is the 20th after it (proc(5)).
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

let self: ProcessIdentity | undefined;

export function thisProcess(): ProcessIdentity {
  self ??= {
    pid: process.pid,
    host: os.hostname(),
    boot: orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')).slice(0, 13),
    namespace: orEmpty(() => readlinkSync('/proc/self/ns/pid')),
    started: startTime('self'),
  };
  return self;
}

/** Whether the process is known to be gone. In doubt (another host, another container) it lives. */
export function isDead(other: ProcessIdentity): boolean {
  const here = thisProcess();
  if (other.host !== here.host) return false;
  if (other.boot !== here.boot) return true;
  if (other.namespace !== here.namespace) return false;
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  return other.started !== '' && startTime(other.pid) !== other.started;
}
