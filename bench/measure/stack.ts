/** The stack that is measured: releases of a copy of examples/falco-mini, with a bucket and images of its own. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { openStack } from '../../cli/stack';
import { run, say } from './table';

const execute = promisify(execFile);

export const root = path.resolve(__dirname, '..', '..');
/** What benches leave for each other. */
export const benchFolder = path.join(root, '.local', 'bench');
const NAME = 'bench';
/** As a stack without a file of its own has it. */
export const bucket = path.join(root, '.local', `bucket-${NAME}`);
/** The copy that rounds edit. */
export const source = path.join(benchFolder, 'source');
const companion = path.join(benchFolder, 'companion');

/** Of all versions of all runs, so that no build meets its own result in a cache: `1.<minutes since 1970>.<round>`. */
const minutes = Math.floor(Date.now() / 60_000);
export const versionOf = (round: number) => `1.${minutes}.${round}`;

/** The gates stay as they passed last. */
export const WITHOUT_GATES = ['--exclude', '**artifacts:index:Gate::**'];
const target = (urn: string) => ['--target', urn];
/** What comes before packages: the sources, the tool chain, the install tree. */
export const TREE_ONLY = [
  ...target('**artifacts:index:Source::**'),
  ...target('**::image-falco-builder'),
  ...target('**artifacts:index:InstallTree::**'),
];

/** With the former: the packages, unpublished. */
export const PACKAGES = target('**artifacts:index:Package::**');

/**
 * Makes the sources anew, as they are in the example, in a repository of their own: the project's ignores `.local`.
 * With `falcoSize`, a program of 24 MB comes along as falcoctl does with Falco's own: packages of a size that users
 * have.
 */
export function freshStack({ falcoSize }: { falcoSize: boolean }) {
  for (const folder of [source, companion]) fs.rmSync(folder, { recursive: true, force: true });
  fs.cpSync(path.join(root, 'examples', 'falco-mini'), source, { recursive: true });
  run('git', ['init', '--quiet', source]);
  if (falcoSize) addCompanion();
  const extra = falcoSize ? { companion } : {};
  return {
    /** What `npm run` is given. */
    flags: (version: string) => [
      ...['--stack', NAME, '--source', source, '--version', version],
      ...Object.entries(extra).flatMap(([name, folder]) => ['--extra', `${name}=${folder}`]),
    ],
    /** Makes the whole release, gates too: what is measured afterwards has something to start from. */
    make(version: string): void {
      say(`making the release ${version} of the stack ${NAME}`);
      run('npm', ['run', '--silent', 'up', '--', ...this.flags(version)], { cwd: root });
    },
    /** `pulumi up` as `npm run up` runs it; the further arguments choose resources. @param tree a ready install tree */
    async up(version: string, args: string[], tree?: string): Promise<void> {
      const overrides = { source, version, extra, ...(tree !== undefined && { tree }) };
      const { configFile, env } = openStack(root, NAME, overrides);
      const all = ['up', '--yes', '--skip-preview', '--suppress-outputs', '--non-interactive', ...args];
      const stackArgs = ['--stack', NAME, '--config-file', configFile];
      await execute('pulumi', [...all, ...stackArgs], { cwd: root, env, maxBuffer: 1 << 28 }).catch(
        (error: Error & { stdout?: string }) => {
          throw new Error(`${error.message}\n${error.stdout ?? ''}`);
        },
      );
    },
  };
}

function addCompanion(): void {
  fs.mkdirSync(companion, { recursive: true });
  run('git', ['init', '--quiet', companion]);
  fs.copyFileSync(path.join(root, '.local', 'bin', 'buildctl'), path.join(companion, 'falcoctl'));
  fs.appendFileSync(
    path.join(source, 'CMakeLists.txt'),
    '\ninstall(PROGRAMS /extra/companion/falcoctl DESTINATION bin)\n',
  );
}

interface Checkpoint {
  checkpoint: { latest: { resources: { urn: string; outputs?: Record<string, unknown> }[] } };
}

/** What the engine has recorded of a resource. */
export function resource(name: string): Record<string, unknown> {
  const { checkpoint } = openStack(root, NAME, { source });
  const recorded = JSON.parse(fs.readFileSync(checkpoint, 'utf8')) as Checkpoint;
  const found = recorded.checkpoint.latest.resources.find(({ urn }) => urn.endsWith(`::${name}`));
  if (!found?.outputs) throw new Error(`the stack ${NAME} has no ${name}`);
  return found.outputs;
}
