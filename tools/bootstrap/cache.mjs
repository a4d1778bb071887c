// The cache of built tools, outside the clone, and the check that what lies in it is what was put there.
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** `$FALCO_ARTIFACTS_CACHE`, else below `$XDG_CACHE_HOME`, else below `~/.cache`. */
export function cacheRoot() {
  if (process.env.FALCO_ARTIFACTS_CACHE) return process.env.FALCO_ARTIFACTS_CACHE;
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'falco-artifacts');
}

/**
 * What a tool is made from, as one hash: module files (local replacements included), packages and flags.
 *
 * @param {string} toolsDir folder of the Go modules
 * @param {import('./pins.mjs').Tool} tool
 * @returns {string} 16 hexadecimal digits
 */
export function cacheKey(toolsDir, tool) {
  const { module, variables, binaries, download } = tool;
  const modules = [...new Set(binaries.map((binary) => binary.module ?? module))].sort();
  const files = modules
    .flatMap((name) => readdirSync(join(toolsDir, name), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash('sha256');
  for (const file of files) {
    hash
      .update(`${file.slice(toolsDir.length)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  const made = download?.sha256
    ? download
    : { variables, packages: binaries.map((binary) => binary.package) };
  hash.update(JSON.stringify([made, process.platform, process.arch]));
  return hash.digest('hex').slice(0, 16);
}

/** @typedef {{sha256: string, stamp: string}} Entry a file's hash, and what its inode said when it was taken */

/** @param {string} file */
function stampOf(file) {
  const { size, mtimeMs, ctimeMs, mode } = statSync(file);
  return `${size} ${mtimeMs} ${ctimeMs} ${mode}`;
}

/** @param {string} file @returns {Promise<string>} hexadecimal */
export async function sha256(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * Writes the hashes of a cache folder's files beside them.
 *
 * @param {string} folder
 * @param {string[]} names
 */
export async function seal(folder, names) {
  /** @type {Record<string, Entry>} */
  const entries = {};
  for (const name of names) {
    const file = join(folder, name);
    entries[name] = { sha256: await sha256(file), stamp: stampOf(file) };
  }
  writeEntries(folder, entries);
}

/** @param {string} folder @param {Record<string, Entry>} entries */
function writeEntries(folder, entries) {
  const path = join(folder, 'sha256.json');
  writeFileSync(`${path}.${process.pid}`, `${JSON.stringify(entries, null, 1)}\n`);
  renameSync(`${path}.${process.pid}`, path);
}

/**
 * Whether a cache folder holds these files, unharmed. A file whose inode says what it said when it was hashed is taken
 * as unharmed; any other is hashed again.
 *
 * @param {string} folder
 * @param {string[]} names
 * @returns {Promise<'good' | 'absent' | 'corrupted'>}
 */
export async function inspect(folder, names) {
  if (!existsSync(folder)) return 'absent';
  /** @type {Record<string, Entry>} */
  let entries;
  try {
    entries = JSON.parse(readFileSync(join(folder, 'sha256.json'), 'utf8'));
  } catch {
    return 'corrupted';
  }
  let changed = false;
  for (const name of names) {
    const file = join(folder, name);
    const entry = entries[name];
    if (!entry || !existsSync(file)) return 'corrupted';
    const stamp = stampOf(file);
    if (stamp === entry.stamp) continue;
    if ((statSync(file).mode & 0o111) === 0 || (await sha256(file)) !== entry.sha256) return 'corrupted';
    entry.stamp = stamp;
    changed = true;
  }
  if (changed) writeEntries(folder, entries);
  return 'good';
}
