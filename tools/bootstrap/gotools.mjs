// The pinned tools: taken from PATH in a good version, else from the cache, else downloaded or built into it.
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheKey, cacheRoot, inspect, seal } from './cache.mjs';
import { download } from './download.mjs';
import { withLock } from './lock.mjs';
import { run, say, SetupError } from './log.mjs';
import { tools } from './pins.mjs';
import { onPath } from './system.mjs';

const execute = promisify(execFile);

/** @typedef {import('./pins.mjs').Tool} Tool */
/** @typedef {import('./pins.mjs').Binary} Binary */
/** What a program on PATH said of its version, by its path and inode. @typedef {Record<string, string>} Known */

/** @param {string} a @param {string} b @returns {number} order of two x.y.z versions */
function compare(a, b) {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) if (left[i] !== right[i]) return left[i] - right[i];
  return 0;
}

/**
 * @param {string} said what a program printed when asked for its version
 * @param {[string, string]} accept
 * @returns {boolean} whether the first x.y.z in it is in the range
 */
export function isGoodVersion(said, [from, before]) {
  const version = /\bv?(\d+\.\d+\.\d+)/.exec(said)?.[1];
  return version !== undefined && compare(version, from) >= 0 && compare(version, before) < 0;
}

/**
 * @param {Binary} binary
 * @param {string[]} beside files that must lie beside its real file
 * @param {string} ownBin never searched: it holds links to what was chosen before
 * @param {Known} known
 * @returns {Promise<string | undefined>} path of the first good one on PATH
 */
async function findOnPath(binary, beside, ownBin, known) {
  if (!binary.version || !binary.accept) return undefined;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, binary.name);
    if (folder === '' || folder === ownBin || !existsSync(file)) continue;
    const { size, mtimeMs } = statSync(file);
    const real = realpathSync(file);
    if (!beside.every((name) => existsSync(join(dirname(real), name)))) continue;
    const id = `${real} ${size} ${mtimeMs}`;
    known[id] ??= await execute(file, binary.version, { timeout: 20_000 }).then(
      ({ stdout }) => stdout.slice(0, 200),
      () => '',
    );
    if (isGoodVersion(known[id], binary.accept)) return file;
  }
  return undefined;
}

/**
 * Makes the named tools available in `<root>/.local/bin`.
 *
 * @param {string} root the project's folder
 * @param {string[]} modules
 */
export async function ensureTools(root, modules) {
  const bin = join(root, '.local', 'bin');
  const knownPath = join(root, '.local', 'bootstrap', 'path-tools.json');
  mkdirSync(bin, { recursive: true });
  mkdirSync(dirname(knownPath), { recursive: true });
  const before = existsSync(knownPath) ? readFileSync(knownPath, 'utf8') : '{}';
  /** @type {Known} */
  const known = JSON.parse(before);
  const wanted = tools.filter(({ module }) => modules.includes(module));
  let hasFailed = false;
  const lanes = ['engine', 'services'].map(async (name) => {
    for (const tool of wanted.filter(({ lane }) => lane === name)) {
      // What the other lane is at is finished and kept.
      if (hasFailed) return;
      await ensureTool(root, tool, known).catch((error) => {
        hasFailed = true;
        throw error;
      });
    }
  });
  await Promise.all(lanes);
  const after = JSON.stringify(known);
  if (after !== before) writeFileSync(knownPath, after);
}

/** @param {string} root @param {Tool} tool @param {Known} known */
async function ensureTool(root, tool, known) {
  const bin = join(root, '.local', 'bin');
  const linked = tool.binaries.filter(({ besides }) => !besides);
  const found = await Promise.all(
    linked.map((binary) => {
      const beside = tool.binaries.filter(({ besides }) => besides === binary.name).map(({ name }) => name);
      return findOnPath(binary, beside, bin, known);
    }),
  );
  const folder = found.every(Boolean) ? '' : await ensureCached(join(root, 'tools'), tool);
  linked.forEach(({ name, folder: place = 'bin' }, index) =>
    link(found[index] ?? join(folder, name), join(root, '.local', place, name)),
  );
}

/** @param {string} target @param {string} path where the symbolic link goes */
export function link(target, path) {
  try {
    if (readlinkSync(path) === target) return;
  } catch {
    // absent, or no link
  }
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, `${path}.${process.pid}`);
  renameSync(`${path}.${process.pid}`, path);
}

/**
 * @param {string} toolsDir folder of the Go modules
 * @param {Tool} tool
 * @returns {Promise<string>} the cache folder with its binaries
 */
async function ensureCached(toolsDir, tool) {
  const parent = join(cacheRoot(), 'tools', tool.module);
  const folder = join(parent, cacheKey(toolsDir, tool), 'bin');
  const names = tool.binaries.map(({ name }) => name);
  if ((await inspect(folder, names)) === 'good') return folder;
  mkdirSync(parent, { recursive: true });
  await withLock(join(parent, 'lock'), `tool ${tool.module}`, async () => {
    const state = await inspect(folder, names);
    if (state === 'good') return;
    if (state === 'corrupted') say(`the cached ${names.join(', ')} in ${folder} is corrupted: made anew`);
    // Nobody else is at work here while we hold the lock: what lies about was left by a killed set-up.
    for (const name of readdirSync(parent)) {
      if (name.startsWith('new-')) rmSync(join(parent, name), { recursive: true, force: true });
    }
    const work = mkdtempSync(join(parent, 'new-'));
    try {
      const fetched = tool.download?.sha256 ? await download(tool.download, names, work) : false;
      if (!fetched) await build(toolsDir, tool, join(work, 'bin'));
      await seal(join(work, 'bin'), names);
      rmSync(dirname(folder), { recursive: true, force: true });
      mkdirSync(dirname(dirname(folder)), { recursive: true });
      renameSync(work, dirname(folder));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
  return folder;
}

/** @param {string} toolsDir @param {Tool} tool @param {string} output */
async function build(toolsDir, tool, output) {
  const names = tool.binaries.map(({ name }) => name).join(', ');
  if (!onPath('go')) {
    throw new SetupError(
      `Go is not on PATH, and ${names} must be built: install Go 1.26 or newer, or put ${names} on PATH`,
    );
  }
  const begin = performance.now();
  mkdirSync(output);
  const flags = ['-s', '-w', ...tool.variables.flatMap((variable) => ['-X', variable])].join(' ');
  // Without cgo: no C compiler needed, and the binary runs whatever libc the machine has.
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false' };
  for (const module of new Set(tool.binaries.map((binary) => binary.module ?? tool.module))) {
    const binaries = tool.binaries.filter((binary) => (binary.module ?? tool.module) === module);
    say(
      `building ${binaries.map(({ name }) => name).join(', ')} from the Go module pinned in tools/${module}`,
    );
    const packages = binaries.map((binary) => binary.package);
    const args = ['build', '-v', '-trimpath', '-ldflags', flags, '-o', `${output}/`, ...packages];
    await run('go', args, { cwd: join(toolsDir, module), env, label: `go build ${module}` });
  }
  say(`built ${names} in ${Math.round((performance.now() - begin) / 1000)} s`);
}
