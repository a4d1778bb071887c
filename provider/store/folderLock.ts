/**
 * A mutual exclusion between processes that write one folder. The lock is a file that appears complete, by link(2);
 * it names its holder, so that one left behind by a killed process is recognised and removed.
 */
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { isDead, ProcessIdentity, thisProcess } from './folderProcess';

interface Holder extends ProcessIdentity {
  token: string;
}

/** Milliseconds that a writer waits for a living holder before it gives up. A holder needs a few at most. */
const PATIENCE = 30_000;
/** Milliseconds after which a breaker's own lock is taken as abandoned; it is held for microseconds. */
const BREAKER_STALE = 10_000;

async function tryLink(file: string, holder: Holder): Promise<boolean> {
  const draft = `${file}.${holder.token}`;
  await fs.writeFile(draft, JSON.stringify(holder), { mode: 0o644 });
  try {
    await fs.link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await fs.rm(draft, { force: true });
  }
}

async function holderOf(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await fs.readFile(file, 'utf8')) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    // A power cut may leave an empty file, for a lock is not synced to the disk: nobody of that boot lives.
    if (error instanceof SyntaxError) return { ...thisProcess(), started: 'cut off', token: '' };
    throw error;
  }
}

/**
 * Removes a dead holder's lock. Two processes may find it dead at once, and the slower one must not remove the
 * lock that the faster one has taken since: the check is repeated under a lock of the breakers' own.
 */
async function breakLock(file: string, mine: Holder): Promise<void> {
  const breaker = `${file}.break`;
  if (!(await tryLink(breaker, mine))) {
    const age = await fs.stat(breaker).then(
      (s) => Date.now() - s.mtimeMs,
      () => 0,
    );
    const other = await holderOf(breaker);
    if (age > BREAKER_STALE && other && isDead(other)) await fs.rm(breaker, { force: true });
    return;
  }
  try {
    const holder = await holderOf(file);
    if (holder && isDead(holder)) await fs.rm(file, { force: true });
  } finally {
    await fs.rm(breaker, { force: true });
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Runs `work` while holding the lock `file`, whose folder must exist. An error after 30 s behind a living holder. */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const mine: Holder = { ...thisProcess(), token: randomUUID() };
  const deadline = Date.now() + PATIENCE;
  for (let wait = 2; !(await tryLink(file, mine)); wait = Math.min(wait * 2, 50)) {
    const holder = await holderOf(file);
    if (holder && isDead(holder)) {
      await breakLock(file, mine);
    } else if (Date.now() > deadline) {
      const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
      throw new Error(
        `${path.dirname(file)} is locked by ${who}; wait for it, or remove ${file} if it no longer runs.`,
      );
    }
    await pause(wait + Math.random() * wait);
  }
  try {
    return await work();
  } finally {
    await fs.rm(file, { force: true });
  }
}

/** Removes locks whose holders are gone, so that a folder that is emptied can go too. */
export async function removeDeadLocks(folder: string): Promise<void> {
  for (const name of await fs.readdir(folder).catch(() => [])) {
    const file = path.join(folder, name);
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const holder = await holderOf(file);
    if (holder && isDead(holder)) await breakLock(file, { ...thisProcess(), token: randomUUID() });
  }
}
