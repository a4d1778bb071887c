/** The npm commands. `plan` reads the options and returns the work; `tools/run.mjs` calls both. */
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { catalog } from '../catalog';
import { announceCommand, announcementOf } from './announce';
import { runBench } from './bench';
import { ensureStack, runEngine, stackOutputs } from './engine';
import { imageSizes } from './imageSizes';
import { exported, findLostImages, previewRefresh, tellFindings } from './lostImages';
import { commands, CommandName, Given, helpText, isCommand, readOptions, refuseTaken } from './options';
import { SettingError } from '../names';
import { openPublished } from './published';
import { recover } from './recovery';
import { servicesCommand, servicesOf } from './services';
import { openStack, PROJECT, refuseUnknownStack, Stack } from './stack';
import { statusWork } from './status/command';
import { imageReferences, kept, summary } from './summary';
import { runTests } from './tests';
import { overridesOf, refuseBuildOptions, stackName } from './validate';
import { verifyWork } from './verify/command';

/** Does the command; resolves to the exit status. */
export interface Work {
  (): Promise<number>;
  /** Key of `needs` in tools/bootstrap/pins.mjs. Default: the command's. */
  needs?: string;
}

const tell = (line: string) => process.stderr.write(`${line}\n`);

/**
 * @param root the project's folder
 * @param args what stands behind the command
 * @returns undefined where nothing is left to do (help)
 * @throws SettingError for options that cannot work, naming the remedy
 */
export function plan(root: string, command: string, args: string[]): Work | undefined {
  process.umask(0o022); // docker-build's context hash includes mode bits.
  const isHelp = args.includes('--help') || args.includes('-h');
  if (!isCommand(command) || isHelp) {
    process.stdout.write(`${helpText(isCommand(command) ? command : undefined)}\n`);
    if (!isCommand(command) && command !== 'help') throw new Error(`unknown command ${command}`);
    return undefined;
  }
  refuseTaken(command, process.env);
  const given = readOptions(command, args);
  if (command === 'test') return () => runTests(root, given);
  if (command === 'bench') return () => runBench(root, given);
  if (command === 'status') return statusWork(root, given);
  if (command === 'verify') return verifyWork(root, given);
  // Only `up` makes a stack by its name alone; to the others it is a typing mistake.
  if (command !== 'up' && given.strings.stack !== undefined) refuseUnknownStack(root, stackName(given));
  const started = process.env.INIT_CWD ?? process.cwd();
  if (command === 'announce') {
    const announcement = announcementOf(catalog, given, started, root);
    return () =>
      announceCommand(catalog, root, announcement, process.env, (line) => {
        process.stdout.write(`${line}\n`);
      });
  }
  // What is proposed is no setting of the run.
  const overrides = command === 'propose' ? {} : overridesOf(given, started, root);
  const stack = openStack(root, stackName(given), overrides);
  if (command !== 'propose') refuseBuildOptions(command, given, stack);
  if (command === 'preview' && given.flags.has('mocks'))
    return Object.assign(() => mockedPreview(stack), { needs: 'mocks' });
  if (command === 'preview' && given.flags.has('published'))
    return async () => runOnStack(command, await openPublished(stack, overrides), given);
  return () => runOnStack(command, stack, given);
}

async function runOnStack(
  command: Exclude<CommandName, 'announce' | 'test' | 'bench' | 'status' | 'verify'>,
  stack: Stack,
  given: Given,
): Promise<number> {
  // On a runner, a state of its own would go with it.
  if (!stack.isOfThisMachine && !stack.isRemote && process.env.GITHUB_ACTIONS === 'true')
    throw new SettingError(
      'PULUMI_BACKEND_URL',
      `is not set, and the state of ${stack.name} would be lost with this runner; set the repository's variable (docs/github.md)`,
    );
  if (command === 'services') return servicesCommand(stack, given.positionals[0] ?? 'status');
  if (command === 'adopt')
    return (await import('./adopt')).adoptCommand(stack, given.positionals[0] ?? 'show');
  if (command === 'propose') {
    const say = (line: string) => process.stdout.write(`${line}\n`);
    return (await import('./proposable')).proposeCommand(stack, given, say);
  }
  if (command === 'resolve')
    return (await import('./resolve')).resolveCommand(stack, given.positionals[0] ?? 'anew');
  if (command === 'output') return output(stack, given.flags.has('json'));
  for (const remark of stack.remarks) tell(`note: ${remark}`);
  recover(stack, tell);
  await ensureStack(stack);
  const flags = ['json', 'diff'].filter((name) => given.flags.has(name)).map((name) => `--${name}`);
  switch (command) {
    case 'preview':
      return preview(stack, flags, given.flags);
    case 'up': {
      const status = await runEngine(stack, [
        'up',
        '--yes',
        '--skip-preview',
        '--suppress-outputs',
        ...flags,
      ]);
      // What was made again is nobody's to use.
      if (status !== 0 || given.flags.has('json') || stack.config['falco:program'] === 'rebuild')
        return status;
      return output(stack, false);
    }
    case 'refresh':
      await servicesOf(stack, tell);
      return given.flags.has('preview-only') ? findDrift(stack, flags) : refresh(stack, flags);
    case 'destroy': {
      refuseDestroy(stack, given.flags);
      const before = await stackOutputs(stack);
      await servicesOf(stack, tell);
      const status = await runEngine(stack, ['destroy', '--yes', '--skip-preview', ...flags]);
      if (status === 0) tell(kept(before, stack));
      return status;
    }
  }
}

/** What users have must not go by a slip of the hand. @throws SettingError */
function refuseDestroy({ name, config }: Stack, given: Set<string>): void {
  if (config['falco:immutable'] !== true || given.has('yes')) return;
  throw new SettingError(
    'npm run destroy',
    `takes away every release that ${name} has published, and falco:immutable says that these stay; add --yes if that is meant`,
  );
}

/** Outputs are the whole release again; --diff has them. */
const quiet = (flags: string[]) => (flags.length === 0 ? ['--suppress-outputs'] : []);

async function preview(stack: Stack, flags: string[], given: Set<string>): Promise<number> {
  const expect = given.has('expect-no-changes') ? ['--expect-no-changes'] : [];
  if (given.has('markdown')) return (await import('./preview')).previewMarkdown(stack, expect);
  const status = await runEngine(stack, ['preview', ...quiet(flags), ...expect, ...flags]);
  if (status === 0 && flags.length === 0 && expect.length === 0)
    tell(
      'The same by packages, indexes, images and tags: npm run -s preview -- --markdown, with the same options',
    );
  return status;
}

/** The program runs in this process, from a bundle of its own. */
async function mockedPreview({ root, name, config }: Stack): Promise<number> {
  process.chdir(root);
  const load = createRequire(path.join(root, 'package.json'));
  const { declaredResources, resourceTable } = load('./dist/mocks.js') as typeof import('./mocks');
  process.stdout.write(resourceTable(name, await declaredResources(PROJECT, name, config)));
  return 0;
}

async function refresh(stack: Stack, flags: string[]): Promise<number> {
  const before = await exported(stack);
  const args = ['refresh', '--yes', '--skip-preview', ...quiet(flags), ...flags];
  const status = await runEngine(stack, args);
  if (status === 0) await tellFindings(stack, before, tell);
  return status;
}

/** Fails where the registry or the bucket is not as the state says. Takes no lock and writes nothing. */
async function findDrift(stack: Stack, flags: string[]): Promise<number> {
  const status = await previewRefresh(stack, ['--expect-no-changes', ...flags], tell);
  const lost = await findLostImages(stack, tell);
  return status === 0 && lost.length > 0 ? 1 : status;
}

async function output(stack: Stack, asJson: boolean): Promise<number> {
  const outputs = await stackOutputs(stack);
  if (asJson) {
    process.stdout.write(`${JSON.stringify(outputs, null, 2)}\n`);
    // A script must be able to tell that nothing was made yet.
    return Object.keys(outputs).length > 0 ? 0 : 1;
  }
  const sizes = await imageSizes(imageReferences(outputs), stack.env);
  process.stdout.write(summary(outputs, stack, sizes));
  return 0;
}

export { SettingError } from '../names';
export { commands };
