/** A package as a gate gets it: with the bytes that were built, or not at all. */
import * as path from 'node:path';
import { hashFile } from '../source/files';
import { openStore } from '../store/open';
import type { GateFile, Previous } from './gate';

/** Writes the package into the folder, under its name; returns the path. */
export async function fetchFile(
  bucket: string,
  { key, fileName, sha256 }: GateFile | Previous,
  folder: string,
): Promise<string> {
  const file = path.join(folder, fileName);
  await openStore(bucket).download(key, file);
  const found = await hashFile(file);
  if (found !== sha256) {
    throw new Error(
      `${key} is damaged: its sha256 is ${found}. "npm run refresh" notices that, and the next update makes it anew.`,
    );
  }
  return file;
}
