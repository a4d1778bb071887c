/** What of the distribution a stack's releases are made on: `systems/<stack>.yaml`, written by `npm run resolve`. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parse, stringify } from 'yaml';
import { SettingError } from './names';
import type { PinnedSystems } from './provider/systems/pin';

export const systemsFile = (stack: string) => path.join('systems', `${stack}.yaml`);

const HEAD = `# What the distribution gives to this stack's releases: bases and the stage "system" of images, by digest, with the
# packages in them. Written by "npm run resolve"; a change of it is a change of every image (docs/systems.md).
`;

/** @returns none where the stack has no such file: then it keeps what it makes. @throws SettingError for a broken one */
export function readSystems(root: string, stack: string): PinnedSystems {
  const file = systemsFile(stack);
  let text: string;
  try {
    text = fs.readFileSync(path.join(root, file), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new SettingError(file, `cannot be read: ${(error as Error).message}`);
  }
  const systems = parsed(text) as Partial<PinnedSystems> | undefined;
  const isSound =
    systems &&
    Object.values(systems).every(
      (one) =>
        one &&
        /^sha256:[0-9a-f]{64}$/.test(one.digest) &&
        typeof one.recipe === 'string' &&
        Array.isArray(one.packages),
    );
  if (isSound) return systems as PinnedSystems;
  throw new SettingError(
    file,
    `is not what "npm run resolve -- --stack ${stack}" writes; take it from git again`,
  );
}

function parsed(text: string): unknown {
  try {
    return parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Names in order; the file is replaced whole. */
export function writeSystems(root: string, stack: string, systems: PinnedSystems): void {
  const file = path.join(root, systemsFile(stack));
  const sorted = Object.fromEntries(Object.entries(systems).sort(([a], [b]) => (a < b ? -1 : 1)));
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.new`, `${HEAD}${stringify(sorted, { lineWidth: 0 })}`);
  fs.renameSync(`${file}.new`, file);
}
