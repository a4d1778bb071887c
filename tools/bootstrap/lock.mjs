// A lock file between set-ups that run at the same time, in this clone or in another one.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { say } from './log.mjs';

/**
 * When a process began, in clock ticks since boot; tells a process from a later one with its pid.
 *
 * @param {number} pid
 * @returns {string | undefined} undefined where the process is gone, or where /proc does not say
 * Source: proc(5), /proc/[pid]/stat field 22.
 */
export function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** @param {string} text @returns {boolean} whether the lock's owner is known to be dead */
function isStale(text) {
  try {
    const { pid, started, host } = JSON.parse(text);
    if (host !== hostname()) return false;
    try {
      process.kill(pid, 0);
    } catch (error) {
      return /** @type {NodeJS.ErrnoException} */ (error).code === 'ESRCH';
    }
    return startTime(pid) !== started;
  } catch {
    return true; // Written with link(2), so never half written: this is no lock of ours.
  }
}

/**
 * Runs `work` while this process alone holds the lock; waits for whoever holds it, and takes over
 * from a dead one.
 *
 * @template T
 * @param {string} path the lock file; its folder must exist
 * @param {string} what for the line that says we wait
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, what, work) {
  const mine = JSON.stringify({ pid: process.pid, started: startTime(process.pid), host: hostname() });
  const own = `${path}.${process.pid}`;
  writeFileSync(own, mine);
  try {
    for (let told = false; ;) {
      try {
        linkSync(own, path);
        break;
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      }
      if (takeStale(path, own)) continue;
      if (!told) say(`${what}: another set-up is at it, waiting (${path})`);
      told = true;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } finally {
    rmSync(own, { force: true });
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** Removes a stale lock. @param {string} path @param {string} own @returns {boolean} */
function takeStale(path, own) {
  try {
    if (!isStale(readFileSync(path, 'utf8'))) return false;
    // Between reading and renaming, someone else may have taken it over: look again at what was caught.
    const caught = `${own}.stale`;
    renameSync(path, caught);
    const wasStale = isStale(readFileSync(caught, 'utf8'));
    if (!wasStale) linkSync(caught, path);
    rmSync(caught, { force: true });
    return wasStale;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT';
  }
}
