/** The npm commands. `plan` reads the options and returns the work; `tools/run.mjs` calls both. */
import { ensureStack, runEngine, stackOutputs } from './engine';
import { imageSizes } from './imageSizes';
import { findLostImages, markLostImages } from './lostImages';
import { commands, CommandName, Given, helpText, isCommand, readOptions, refuseTaken } from './options';
import { recover } from './recovery';
import { servicesCommand, servicesOf } from './services';
import { openStack, Stack } from './stack';
import { imageReferences, kept, summary } from './summary';
import { runBench, runTests } from './tests';
import { overridesOf, stackName } from './validate';

/** Does the command; resolves to the exit status. */
export type Work = () => Promise<number>;

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
  const started = process.env.INIT_CWD ?? process.cwd();
  const stack = openStack(root, stackName(given), overridesOf(given, started, root));
  return () => runOnStack(command, stack, given);
}

async function runOnStack(
  command: Exclude<CommandName, 'test' | 'bench'>,
  stack: Stack,
  given: Given,
): Promise<number> {
  if (command === 'services') return servicesCommand(stack, given.positionals[0] ?? 'status');
  if (command === 'adopt')
    return (await import('./adopt')).adoptCommand(stack, given.positionals[0] ?? 'show');
  if (command === 'output') return output(stack, given.flags.has('json'));
  for (const remark of stack.remarks) tell(`note: ${remark}`);
  recover(stack, tell);
  await ensureStack(stack);
  const flags = ['json', 'diff'].filter((name) => given.flags.has(name)).map((name) => `--${name}`);
  switch (command) {
    case 'preview':
      return preview(stack, flags, given.flags.has('expect-no-changes'));
    case 'up': {
      const status = await runEngine(stack, [
        'up',
        '--yes',
        '--skip-preview',
        '--suppress-outputs',
        ...flags,
      ]);
      if (status !== 0 || given.flags.has('json')) return status;
      return output(stack, false);
    }
    case 'refresh':
      await servicesOf(stack, tell);
      return given.flags.has('preview-only') ? findDrift(stack, flags) : refresh(stack, flags);
    case 'destroy': {
      const before = await stackOutputs(stack);
      await servicesOf(stack, tell);
      const status = await runEngine(stack, ['destroy', '--yes', '--skip-preview', ...flags]);
      if (status === 0) tell(kept(before, stack));
      return status;
    }
  }
}

async function preview(stack: Stack, flags: string[], expectNoChanges: boolean): Promise<number> {
  const expect = expectNoChanges ? ['--expect-no-changes'] : [];
  return runEngine(stack, ['preview', ...expect, ...flags]);
}

async function refresh(stack: Stack, flags: string[]): Promise<number> {
  const status = await runEngine(stack, ['refresh', '--yes', '--skip-preview', ...flags]);
  if (status === 0) await markLostImages(stack, tell);
  return status;
}

/** Fails where the registry or the bucket is not as the state says. Takes no lock and writes nothing. */
async function findDrift(stack: Stack, flags: string[]): Promise<number> {
  const status = await runEngine(stack, ['refresh', '--preview-only', '--expect-no-changes', ...flags]);
  const lost = await findLostImages(stack, tell);
  return status === 0 && lost.length > 0 ? 1 : status;
}

async function output(stack: Stack, asJson: boolean): Promise<number> {
  const outputs = await stackOutputs(stack);
  if (asJson) {
    process.stdout.write(`${JSON.stringify(outputs, null, 2)}\n`);
    return 0;
  }
  const sizes = await imageSizes(imageReferences(outputs), stack.env);
  process.stdout.write(summary(outputs, stack, sizes));
  return 0;
}

export { SettingError } from '../names';
export { commands };
