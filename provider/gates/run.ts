/** Runs a gate in BuildKit. A failed one is kept as a folder, with the command that repeats it. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { buildArguments, BuildFailure, solve } from '../buildctl';
import { quote } from '../shell';
import type { GateInputs } from './gate';
import { writeInput } from './input';

const FOLDER = '.local/gates';
/** `fail` of `gates/checks.sh`. */
const VERDICT = 'verdict: ';

function buildOptions(inputs: GateInputs, folder: string): string[] {
  const contexts = { base: inputs.base, ...(inputs.image && { subject: inputs.image }) };
  const input = `gate-${inputs.gate}`;
  return [
    ...['--local', `context=${folder}/input`, '--local', `dockerfile=${folder}/input`],
    // A name of its own, so that gates at the same time do not share BuildKit's copy of the folder.
    ...['--local', `${input}=${folder}/input`, '--opt', `context:input=local:${input}`],
    ...Object.entries(contexts).flatMap(([name, ref]) => ['--opt', `context:${name}=docker-image://${ref}`]),
    ...Object.entries(inputs.arguments).flatMap(([name, value]) => ['--opt', `build-arg:${name}=${value}`]),
  ];
}

/** Returns the seconds that it took. Throws with the client's last lines and the command to repeat it. */
export async function runGate(inputs: GateInputs): Promise<number> {
  const started = Date.now();
  const folder = path.resolve(FOLDER, inputs.stack, inputs.gate);
  await fs.rm(folder, { recursive: true, force: true });
  await writeInput(inputs, path.join(folder, 'input')).catch((error: NodeJS.ErrnoException) => {
    const full = error.code === 'ENOSPC' ? `there is no space left for ${folder}, free some: ` : '';
    const reason = error.message.replace(/\.$/, '');
    throw new Error(`gate ${inputs.gate}: ${full}${reason}. Nothing was published.`, { cause: error });
  });
  const options = buildOptions(inputs, folder);
  try {
    await solve(inputs.buildkit, options, { limit: inputs.limit, verdict: VERDICT });
  } catch (error) {
    if (!(error instanceof BuildFailure) || error.kind === 'unreachable') throw error;
    const repeat = path.join(folder, 'repeat');
    await fs.writeFile(repeat, repeatScript(inputs.buildkit, options));
    throw new Error(explain(inputs, error, path.relative('.', repeat)));
  }
  await fs.rm(folder, { recursive: true, force: true });
  return Math.round((Date.now() - started) / 100) / 10;
}

function repeatScript(address: string, options: string[]): string {
  const command = ['buildctl', ...buildArguments(address, options)].map(quote).join(' ');
  return `#!/bin/sh\nPATH=${quote(path.resolve('.local/bin'))}:$PATH\nexec ${command}\n`;
}

function explain(inputs: GateInputs, failure: BuildFailure, repeat: string): string {
  const { gate, limitSetting } = inputs;
  const reason = {
    limit: `${failure.message}; if it does not hang, raise ${limitSetting}`,
    said: failure.message,
    step: failure.message,
    unreachable: failure.message,
  }[failure.kind];
  const isFull = failure.printed.some((line) => /no space left on device/i.test(line));
  const full = /no space left on device/i.test(failure.message) || isFull;
  return [
    `gate ${gate}: ${reason}${full ? '; there is no space left where buildkitd keeps its data, free some' : ''}`,
    ...failure.printed.filter((line) => !line.startsWith(VERDICT)).map((line) => `  ${line}`),
    `Nothing was published. Repeat it: sh ${repeat}`,
  ].join('\n');
}
