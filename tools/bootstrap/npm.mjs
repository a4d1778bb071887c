// npm dependencies: installed when missing or when the lock file changed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { withLock } from './lock.mjs';
import { run, say } from './log.mjs';

/** @param {string} root the project's folder */
export async function ensureNpm(root) {
  // npm writes this file last, so an interrupted install has none.
  const installed = join(root, 'node_modules', '.package-lock.json');
  const stamp = join(root, '.local', 'bootstrap', 'npm');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const isCurrent = () =>
    existsSync(installed) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  if (isCurrent()) return;
  mkdirSync(dirname(stamp), { recursive: true });
  if (existsSync(installed) && isSameTree(join(root, 'package-lock.json'), installed)) {
    writeFileSync(stamp, wanted); // A person ran `npm install`.
    return;
  }
  await withLock(`${stamp}.lock`, 'npm dependencies', async () => {
    if (isCurrent()) return;
    say('installing npm dependencies (npm ci)');
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root, label: 'npm ci' });
    writeFileSync(stamp, wanted);
  });
}

/** @typedef {Record<string, {version?: string, integrity?: string, optional?: boolean}>} Packages */

/**
 * @param {string} lock package-lock.json
 * @param {string} installed npm's own note of what it installed
 * @returns {boolean} whether that is what the lock asks for (optional packages of other platforms may be absent)
 */
function isSameTree(lock, installed) {
  /** @type {Packages[]} */
  const [want, have] = [lock, installed].map((file) => JSON.parse(readFileSync(file, 'utf8')).packages);
  return Object.entries(want).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const found = have[path];
    return found ? found.version === version && found.integrity === integrity : optional === true;
  });
}
