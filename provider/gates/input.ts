/** The folder that a gate's script gets: what it is about, and the files that it needs. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { packageVersion } from '../../names';
import { openSigner } from '../gpg';
import { imageCommand } from '../oci';
import { assignments, quote } from '../shell';
import { hashOf } from '../source/parts';
import { fetchFile } from './fetch';
import type { GateCheck, GateInputs, GateKind } from './gate';
import { makeRepository } from './repository';

/** Dockerfiles and scripts, relative to the project. */
const SCRIPTS = 'gates';

const hashes = new Map<GateKind, Promise<string>>();

/** Hash of a gate's script, read once by a process. */
export function scriptHash(kind: GateKind): Promise<string> {
  const found = hashes.get(kind) ?? scriptFiles(kind).then((files) => hashOf(files));
  hashes.set(kind, found);
  return found;
}

/** A gate's script by file name: those of its folder, and what all have. */
async function scriptFiles(kind: GateKind): Promise<Record<string, string>> {
  const folder = path.join(SCRIPTS, kind);
  const names = (await fs.readdir(folder)).sort();
  const files = names.map((name): [string, string] => [name, path.join(folder, name)]);
  const all = [...files, ['checks.sh', path.join(SCRIPTS, 'checks.sh')] as [string, string]];
  return Object.fromEntries(
    await Promise.all(all.map(async ([name, file]) => [name, await fs.readFile(file, 'utf8')] as const)),
  );
}

/** One line for the shell; `gates/checks.sh` explains the words. */
function checkLine(check: GateCheck, entryPoint: string[]): string {
  const words = [
    ...(check.environment ?? []).flatMap((one) => ['--env', one]),
    ...(check.says === undefined ? [] : ['--says', check.says]),
    ...(check.lasts === undefined ? [] : ['--for', String(check.lasts)]),
    ...(check.orSays === undefined ? [] : ['--or-says', check.orSays]),
    '--',
    ...entryPoint,
    ...check.run,
  ];
  return `check ${words.map(quote).join(' ')}`;
}

/** Writes the folder anew. */
export async function writeInput(inputs: GateInputs, folder: string): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(await scriptFiles(inputs.kind))) {
    await fs.writeFile(path.join(folder, name), text);
  }
  const variables: Record<string, string> = {};
  if (inputs.repository) {
    Object.assign(variables, await makeRepository(inputs, inputs.repository, folder));
  } else {
    for (const file of inputs.files) await fetchFile(inputs.bucket, file, folder);
  }
  if (inputs.signing) {
    const { home, fingerprint, setting } = inputs.signing;
    const signer = await openSigner({ home, key: fingerprint, setting });
    await fs.writeFile(path.join(folder, 'release.asc'), await signer.publicKey());
  }
  const [file, other] = inputs.files.map(({ fileName }) => fileName);
  const present = [...inputs.files, ...(inputs.previous ? [inputs.previous] : [])];
  const settings = assignments({
    ...inputs.settings,
    ...variables,
    FILE: file ?? '',
    WITH: other ?? '',
    FILES: present.map(({ fileName }) => `/gate/input/${fileName}`),
    PREVIOUS: inputs.previous ? packageVersion(inputs.previous.version) : '',
  });
  await fs.writeFile(path.join(folder, 'settings'), settings);
  const image = inputs.image === undefined ? undefined : await imageCommand(inputs.image);
  const lines = inputs.checks.map((check) =>
    // As `docker run` does it: no arguments, the image's own.
    image && check.run.length === 0
      ? checkLine({ ...check, run: image.command }, image.entryPoint)
      : checkLine(check, image?.entryPoint ?? []),
  );
  await fs.writeFile(path.join(folder, 'checks'), `${lines.join('\n')}\n`);
}
