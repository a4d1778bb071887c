// Debian packages that the commands need.
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withLock } from './lock.mjs';
import { run, say, SetupError } from './log.mjs';
import { systemPackages } from './pins.mjs';

const execute = promisify(execFile);

/** @typedef {keyof typeof systemPackages} Group */

/** @param {string} command @returns {boolean} whether an executable of that name is on PATH */
export function onPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What was installed when dpkg last changed anything. @typedef {{ status: string, installed: string[] }} Stamp */

const stampPath = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '.local', 'system.json');

/** @returns {Stamp} of this moment, without packages where dpkg changed something since the last look */
function stampOf() {
  const { size, mtimeMs } = statSync('/var/lib/dpkg/status');
  const status = `${size} ${mtimeMs}`;
  if (!existsSync(stampPath)) return { status, installed: [] };
  /** @type {Stamp} */
  const stamp = JSON.parse(readFileSync(stampPath, 'utf8'));
  return stamp.status === status ? stamp : { status, installed: [] };
}

/**
 * @param {string[]} packages
 * @returns {Promise<string[]>} those that are not installed; asks dpkg only where it changed something since
 */
async function missingOf(packages) {
  const stamp = stampOf();
  if (packages.every((name) => stamp.installed.includes(name))) return [];
  const missing = await askDpkg(packages);
  const installed = [...stamp.installed, ...packages.filter((name) => !missing.includes(name))];
  writeFileSync(stampPath, JSON.stringify({ status: stamp.status, installed: [...new Set(installed)] }));
  return missing;
}

/**
 * @param {string[]} packages
 * @returns {Promise<string[]>} those that are not installed
 */
async function askDpkg(packages) {
  const query = ['-W', '-f', '${db:Status-Status} ${Package}\n', ...packages];
  // Status 1 only says that some are unknown.
  const { stdout } = await execute('dpkg-query', query).catch((error) => error);
  const installed = new Set(
    String(stdout)
      .split('\n')
      .filter((line) => line.startsWith('installed '))
      .map((line) => line.slice('installed '.length)),
  );
  return packages.filter((name) => !installed.has(name));
}

/**
 * Finds out what is missing; where this process may not install it, stops with the one command to run.
 *
 * @param {Group[]} groups
 * @returns {Promise<(() => Promise<void>) | undefined>} what installs the missing ones; undefined where none is missing
 * @throws {SetupError} naming the command to run
 */
export async function planSystem(groups) {
  const rows = groups.flatMap(
    (group) => /** @type {{package: string, command?: string}[]} */ (systemPackages[group]),
  );
  if (rows.length === 0) return undefined;
  if (!existsSync('/usr/bin/dpkg-query')) {
    const lacking = rows.filter((row) => row.command && !onPath(row.command));
    if (lacking.length === 0) return undefined;
    throw new SetupError(
      `these programs are not on PATH: ${lacking.map((row) => row.command).join(', ')}; install them with this ` +
        `system's package manager and run the command again (on Debian: ${installCommand(lacking)})`,
    );
  }
  const missing = await missingOf(rows.map((row) => row.package));
  if (missing.length === 0) return undefined;
  if (process.getuid?.() !== 0) {
    throw new SetupError(
      'system packages are missing and only root can install them; run this, then the command again:\n' +
        `  sudo sh -c 'apt-get update && ${installCommand(missing.map((name) => ({ package: name })))}'`,
    );
  }
  return () => install(missing);
}

/** @param {{package: string}[]} rows */
function installCommand(rows) {
  return `apt-get install -y --no-install-recommends ${rows.map((row) => row.package).join(' ')}`;
}

/** @param {string[]} packages */
async function install(packages) {
  mkdirSync('/run/lock', { recursive: true });
  await withLock('/run/lock/falco-artifacts-apt', 'system packages', async () => {
    const missing = await missingOf(packages);
    if (missing.length === 0) return;
    say(`installing system packages: ${missing.join(' ')}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    // Another apt or dpkg on this machine is waited for.
    const args = ['-o', 'DPkg::Lock::Timeout=600', 'install', '-y', '--no-install-recommends', ...missing];
    // Lists that are there may be old: only a failure shows that they need an update.
    await run('apt-get', args, { env, label: 'apt-get install' }).catch(async () => {
      await run('apt-get', ['update'], { env, label: 'apt-get update' });
      await run('apt-get', args, { env, label: 'apt-get install' });
    });
    say('system packages are installed');
  });
}
