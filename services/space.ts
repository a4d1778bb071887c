/** Whether a disk has room for a release: told before anything is built. */
import * as fs from 'node:fs/promises';
import type { StatsFs } from 'node:fs';
import * as path from 'node:path';

const MB = 1_000_000;

/** Megabytes. BuildKit's cache and the registry of a first run take about four times this, of a later one much less. */
export const SERVICES_SPACE = 1000;
/** Megabytes. The packages of a real release and what they were made of, once. */
export const BUCKET_SPACE = 100;

/**
 * @param folder need not exist yet
 * @param needed megabytes
 * @param remedy what to do but freeing space, with the setting
 * @throws Error naming the folder, what is free there and the remedy
 */
export async function checkSpace(folder: string, needed: number, remedy: string): Promise<void> {
  const { bavail, bsize } = await statfsOf(path.resolve(folder));
  const free = Math.floor((bavail * bsize) / MB);
  if (free >= needed) return;
  throw new Error(
    `no disk space: ${free} MB are free at ${folder}, and ${needed} MB are needed; free some, or ${remedy}`,
  );
}

async function statfsOf(folder: string): Promise<StatsFs> {
  try {
    return await fs.statfs(folder);
  } catch (error) {
    const parent = path.dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === folder) throw error;
    return statfsOf(parent);
  }
}
