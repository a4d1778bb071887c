/** `npm test`: mocha, with services and tools ready. */
import { ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { SettingError } from '../names';
import { LANES, runLanes, statusOf } from './lanes';
import { Given } from './options';
import { openStack } from './stack';

/** mocha's pattern; the set-up's tests are plain JavaScript as it is. */
const TESTS = '**/*.test.{ts,mjs}';

/** Runs mocha on the files given, else on all of test/. Resolves to its exit status. */
export function runTests(root: string, given: Given): Promise<number> {
  const started = process.env.INIT_CWD ?? process.cwd();
  const files = given.positionals.map((file) => {
    const absolute = path.resolve(started, file);
    if (!fs.existsSync(absolute))
      throw new SettingError('npm test', `there is no ${absolute}; give test files`);
    return fs.statSync(absolute).isDirectory() ? path.join(absolute, TESTS) : absolute;
  });
  const grep = given.strings.grep;
  const args = (some: string[]) => [
    path.join(root, 'node_modules/mocha/bin/mocha.js'),
    '--reporter',
    path.join(root, 'test/reporter.ts'),
    ...(grep === undefined ? [] : ['--grep', grep]),
    ...some,
  ];
  if (files.length > 0 || grep !== undefined)
    return runNode(root, args(files.length > 0 ? files : [path.join('test', TESTS)]));
  const start = (folders: string[]) =>
    startNode(root, args(folders.map((folder) => `test/${folder}/${TESTS}`)), 'pipe');
  return untilDone(runLanes(LANES, start, (text) => process.stdout.write(text)));
}

/** A program of the project with the engine's environment. */
export function runNode(root: string, args: string[]): Promise<number> {
  const child = startNode(root, args, 'inherit');
  return untilDone(
    new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve(statusOf(code, signal)));
    }),
  );
}

function startNode(root: string, args: string[], output: 'inherit' | 'pipe'): ChildProcess {
  const { env } = openStack(root, 'local', {});
  return spawn(process.execPath, args, { cwd: root, env, stdio: ['inherit', output, output] });
}

/** What runs is in the same group as npm, so that Ctrl-C ends it with us: we wait for its end. */
function untilDone(status: Promise<number>): Promise<number> {
  const ignore = () => {};
  process.on('SIGINT', ignore);
  return status.finally(() => process.off('SIGINT', ignore));
}
