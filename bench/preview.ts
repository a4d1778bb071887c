/**
 * What a preview without changes costs, beside the peer that does nothing: a Pulumi program of two resources, with
 * the same engine, the same backend and the same way to start. Runs are paired and take turns; needs a stack that
 * is up (`npm run up`).
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openStack } from '../cli/stack';

const PAIRS = 7;
/** The limit of the issue that asked for this: a no-op preview costs about what an empty program costs. */
const LIMIT = 1.5;
const root = path.resolve(__dirname, '..');
const folder = path.join(root, '.local', 'bench', 'two-resources');

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

function run(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): number {
  const started = process.hrtime.bigint();
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return Number(process.hrtime.bigint() - started) / 1e9;
}

function makePeer(env: NodeJS.ProcessEnv): void {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(
    path.join(folder, 'Pulumi.yaml'),
    'name: two-resources\nruntime: nodejs\nmain: index.ts\n',
  );
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "name": "two-resources", "private": true }\n');
  fs.writeFileSync(path.join(folder, 'tsconfig.json'), '{ "compilerOptions": { "strict": true } }\n');
  fs.writeFileSync(path.join(folder, 'index.ts'), PROGRAM);
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  run('pulumi', ['stack', 'init', 'bench', '--non-interactive'], folder, env);
  run('pulumi', ['up', '--yes', '--skip-preview', '--stack', 'bench'], folder, env);
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const show = (values: number[]) =>
  `${median(values).toFixed(2)} s (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`;

const { env } = openStack(root, 'local', {});
const state = path.join(folder, '..', 'state');
fs.rmSync(state, { recursive: true, force: true });
fs.mkdirSync(state, { recursive: true });
// Without type check, which takes two seconds more: the quickest way that Pulumi has for TypeScript.
const peerEnv = {
  ...env,
  PULUMI_BACKEND_URL: `file://${state}`,
  PULUMI_CONFIG_PASSPHRASE: '',
  PULUMI_NODEJS_TRANSPILE_ONLY: 'true',
  PULUMI_LANGUAGE_NODEJS_RUN_PATH: '',
};
makePeer(peerEnv);

const peer = () => run('pulumi', ['preview', '--expect-no-changes', '--stack', 'bench'], folder, peerEnv);
const ours = () => run('npm', ['run', '--silent', 'preview', '--', '--expect-no-changes'], root, process.env);
const times = { peer: [] as number[], ours: [] as number[] };
peer();
ours();
for (let pair = 0; pair < PAIRS; pair++) {
  times.peer.push(peer());
  times.ours.push(ours());
}
const ratio = median(times.ours.map((one, i) => one / (times.peer[i] ?? NaN)));
console.log(`a program of two resources, pulumi preview   ${show(times.peer)}`);
console.log(`the whole release, npm run preview           ${show(times.ours)}`);
console.log(`ratio (median of ${PAIRS} pairs) ${ratio.toFixed(2)}, wanted: at most ${LIMIT}`);
process.exitCode = ratio <= LIMIT ? 0 : 1;
