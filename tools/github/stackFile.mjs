// The settings of a stack, as its file has them. `config.ts` reads them for the program; a step needs some before it.
// node tools/github/stackFile.mjs STACK KEY prints the value of falco:KEY.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/**
 * @param {string} stack
 * @param {string} [folder] where the stack files are; default: the project's
 * @returns {Record<string, any>} by key, without the namespace
 */
export function stackSettings(stack, folder = process.env.STACK_FILES ?? process.cwd()) {
  if (!/^[\w.-]+$/.test(stack)) throw new Error(`"${stack}" is no stack`);
  const { config = {} } = parse(readFileSync(join(folder, `Pulumi.${stack}.yaml`), 'utf8'));
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace(/^falco:/, ''), value]),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [stack = '', key = ''] = process.argv.slice(2);
  const value = stackSettings(stack)[key];
  if (typeof value !== 'string') throw new Error(`Pulumi.${stack}.yaml has no falco:${key}; set it there`);
  process.stdout.write(`${value}\n`);
}
