/**
 * What a run without changes costs, beside the peer that does nothing: a Pulumi program of two resources, with the
 * same engine, the same kind of backend and the quickest start that Pulumi has for TypeScript.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openStack } from '../cli/stack';
import { benchFolder, freshStack, root, versionOf } from './measure/stack';
import { inTurns, main, printRow, run, timed } from './measure/table';

const folder = path.join(benchFolder, 'two-resources');

const PROGRAM = `import * as pulumi from '@pulumi/pulumi';

class Thing extends pulumi.ComponentResource {
  constructor(name: string) {
    super('bench:index:Thing', name);
    this.registerOutputs({});
  }
}
new Thing('one');
new Thing('two');
`;

/** Makes the peer's program and its stack; gives what runs it. */
function makePeer(): (...args: string[]) => void {
  const state = path.join(benchFolder, 'state');
  for (const one of [folder, state]) fs.rmSync(one, { recursive: true, force: true });
  for (const one of [folder, state]) fs.mkdirSync(one, { recursive: true });
  const files = {
    'Pulumi.yaml': 'name: two-resources\nruntime: nodejs\nmain: index.ts\n',
    'package.json': '{ "name": "two-resources", "private": true }\n',
    'tsconfig.json': '{ "compilerOptions": { "strict": true } }\n',
    'index.ts': PROGRAM,
  };
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), text);
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  const env = {
    ...openStack(root, 'local', {}).env,
    PULUMI_BACKEND_URL: `file://${state}`,
    PULUMI_CONFIG_PASSPHRASE: '',
    // A type check takes two seconds more.
    PULUMI_NODEJS_TRANSPILE_ONLY: 'true',
    PULUMI_LANGUAGE_NODEJS_RUN_PATH: '',
  };
  run('pulumi', ['stack', 'init', 'bench', '--non-interactive'], { cwd: folder, env });
  return (...args) => void run('pulumi', [...args, '--stack', 'bench'], { cwd: folder, env });
}

main(async () => {
  const stack = freshStack({ falcoSize: false });
  const version = versionOf(0);
  stack.make(version);
  const peer = makePeer();
  const ours = (command: string, ...args: string[]) =>
    run('npm', ['run', '--silent', command, '--', ...stack.flags(version), ...args], { cwd: root });
  const up = ['up', '--yes', '--skip-preview'];
  peer(...up);

  const preview = ['preview', '--expect-no-changes'] as const;
  peer(...preview);
  ours(...preview);
  printRow({
    what: 'no-op preview of the whole set',
    beside: 'an empty program of two resources',
    pairs: await inTurns(
      () => timed(() => ours(...preview)),
      () => timed(() => peer(...preview)),
    ),
    goal: 1.3,
  });
  printRow({
    what: 'no-op `up`',
    beside: 'the same',
    pairs: await inTurns(
      () => timed(() => ours('up')),
      () => timed(() => peer(...up)),
    ),
    goal: 1.5,
  });
});
