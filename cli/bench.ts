/** `npm run bench`: a program of its own for each row or pair of rows, which prints them below the head of the table. */
import * as path from 'node:path';
import { tableHead } from '../bench/measure/table';
import { SettingError } from '../names';
import { Given } from './options';
import { runNode } from './tests';

/** Files of bench/, in the order of the table. */
const BENCHES = ['noop', 'release', 'publish', 'memory', 'setup'];

/** Runs those that are named, else all. Resolves to the exit status. */
export async function runBench(root: string, given: Given): Promise<number> {
  const names = given.positionals.length > 0 ? given.positionals : BENCHES;
  const unknown = names.find((name) => !BENCHES.includes(name));
  if (unknown !== undefined)
    throw new SettingError('npm run bench', `there is no ${unknown}; known: ${BENCHES.join(', ')}`);
  process.stdout.write(tableHead());
  for (const name of names) {
    const file = path.join(root, 'bench', `${name}.ts`);
    const status = await runNode(root, ['-r', 'ts-node/register/transpile-only', file]);
    if (status !== 0) return status;
  }
  return 0;
}
