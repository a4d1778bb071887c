// Official release tarballs, for tools whose pin has a checksum.
import { createWriteStream, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { sha256 } from './cache.mjs';
import { run, say, SetupError } from './log.mjs';

/**
 * Fetches a tarball, verifies it and takes the named files out of it.
 *
 * @param {{url: string, sha256: string}} pin
 * @param {string[]} names file names to keep, wherever they lie in the tarball
 * @param {string} work folder; the files go to `<work>/bin`
 * @returns {Promise<boolean>} false where it cannot be reached
 * @throws {SetupError} when it has another checksum, or lacks a file
 */
export async function download(pin, names, work) {
  say(`downloading ${pin.url}`);
  const tarball = join(work, 'download');
  const unpacked = join(work, 'unpacked');
  try {
    const response = await fetch(pin.url);
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    await pipeline(
      Readable.fromWeb(/** @type {import('node:stream/web').ReadableStream} */ (response.body)),
      createWriteStream(tarball),
    );
  } catch (error) {
    say(`it could not be reached (${/** @type {Error} */ (error).message})`);
    return false;
  }
  const found = await sha256(tarball);
  if (found !== pin.sha256) {
    throw new SetupError(
      `${pin.url} has SHA-256 ${found}, tools/bootstrap/pins.mjs pins ${pin.sha256}; nothing of it is used`,
    );
  }
  mkdirSync(unpacked);
  await run('tar', ['-xzf', tarball, '-C', unpacked], { label: 'tar' });
  mkdirSync(join(work, 'bin'));
  const files = readdirSync(unpacked, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  for (const name of names) {
    const file = files.find((entry) => entry.name === name);
    if (!file) throw new SetupError(`${pin.url} holds no file ${name}`);
    renameSync(join(file.parentPath, name), join(work, 'bin', name));
  }
  return true;
}
