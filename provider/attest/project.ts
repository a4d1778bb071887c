/** The project that builds: its own commit decides what is made of the sources, as theirs does. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { describeFolder, git } from '../source/git';

/** When this process began to read the project, milliseconds since 1970. */
const STARTED = Date.now() - process.uptime() * 1000;

let known: Promise<string> | undefined;

/**
 * Commit of the project in the working directory, 40 hex digits; empty outside git, where something was edited since, and
 * where HEAD was moved since this process started, which may have read what was there before.
 */
export function projectCommit(): Promise<string> {
  known ??= commitOf(process.cwd(), STARTED);
  return known;
}

/** @param since milliseconds since 1970 */
export async function commitOf(folder: string, since: number): Promise<string> {
  const { revision, isEdited } = await describeFolder(folder);
  return isEdited || revision === '' || (await movedSince(folder, since)) ? '' : revision;
}

/** By the log of HEAD, which every checkout, commit and pull writes (gitrevisions(7), "reflogs"). */
async function movedSince(folder: string, since: number): Promise<boolean> {
  const log = path.resolve(folder, await git(['-C', folder, 'rev-parse', '--git-path', 'logs/HEAD']));
  const stat = await fs.stat(log).catch(() => undefined);
  return stat !== undefined && stat.mtimeMs > since;
}
