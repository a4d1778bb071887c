// The set-up that does itself: everything a command of this project needs, from a fresh clone on.
// `node tools/bootstrap.mjs <command>` makes it ready without running the command.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureCompiled } from './bootstrap/compile.mjs';
import { ensureTools } from './bootstrap/gotools.mjs';
import { elapsed, SetupError } from './bootstrap/log.mjs';
import { ensureNpm } from './bootstrap/npm.mjs';
import { needs } from './bootstrap/pins.mjs';
import { planSystem } from './bootstrap/system.mjs';

/** The project's folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** npm dependencies and dist/cli.js: what the command line needs to look at its arguments. */
export async function prepare() {
  mkdirSync(join(root, '.local'), { recursive: true });
  await ensureNpm(root);
  await ensureCompiled(['cli']);
}

/**
 * System packages, tools, the compiled provider and program of one command. A second run looks at file times only.
 *
 * @param {string} command a key of `needs` in bootstrap/pins.mjs
 * @throws {SetupError} naming what is missing and the remedy
 */
export async function provide(command) {
  const need = needs[command];
  if (!need) throw new SetupError(`unknown command ${command}; known: ${Object.keys(needs).join(', ')}`);
  const install = await planSystem(need.system);
  await Promise.all([install?.(), ensureTools(root, need.tools)]);
  if (command === 'mocks') await ensureCompiled(['mocks']);
  if (need.tools.includes('docker-build') || command === 'compile')
    await ensureCompiled(['provider', 'program']);
}

/** @param {unknown} error Reports it and sets the exit status. */
export function fail(error) {
  // What this project throws on purpose says all in its message; a stack is for the others.
  const isBug = error instanceof Error && ['TypeError', 'RangeError', 'ReferenceError'].includes(error.name);
  const text = error instanceof Error ? (isBug ? error.stack : error.message) : String(error);
  process.stderr.write(`${elapsed()} error: ${text}\n`);
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await prepare()
    .then(() => provide(process.argv[2] ?? 'up'))
    .catch(fail);
}
