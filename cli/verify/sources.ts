/** Where the sources of a release are to be had again. */
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { isGitUrl } from '../../location';
import { SettingError } from '../../names';
import { CHECKOUTS } from '../../provider/resources/source';
import { checkout } from '../../provider/source/git';
import type { VerifiedRecord } from './release';

const SETTING = 'npm run verify';

/** Locations by what they are in a record's `inputs`: `source`, `tree`, `patches`, or the name of a further source. */
export type Sources = Record<string, string>;

/** What a stack's settings name, for a release that was made of folders of this machine. */
export function settledSources(config: Record<string, unknown>, root: string): Sources {
  const { 'falco:source': source, 'falco:tree': tree, 'falco:patches': patches } = config;
  const given = { ...(config['falco:extra'] as object | undefined), source, tree, patches };
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, at]) =>
      typeof at === 'string' && at !== '' ? [[name, isGitUrl(at) ? at : path.resolve(root, at)]] : [],
    ),
  );
}

/**
 * Git URLs as the record has them, of the main source with its commit; else what the stack's settings say.
 *
 * @param from stack that the release was taken over from, for the message
 * @throws SettingError naming what nobody says
 */
export function sourcesOf(
  { version, commit, build }: VerifiedRecord,
  settled: Sources,
  from?: string,
): Sources {
  const urls: Sources = { ...build.extra };
  if (build.source !== '') urls.source = `${build.source.replace(/#.*/, '')}#${commit}`;
  return Object.fromEntries(
    Object.keys(build.inputs).map((name) => {
      const at = urls[name] ?? settled[name];
      if (at !== undefined) return [name, at];
      const remedy =
        from === undefined
          ? 'where it was made, name the stack'
          : `it was taken over from the stack ${from}: npm run verify -- ${from} --version ${version}`;
      throw new SettingError(
        SETTING,
        `${version} was made of a folder or file (${name}), which its record does not name; ${remedy}. What others are to make again is published from a git URL`,
      );
    }),
  );
}

/**
 * Fetches them where the build will look for them.
 *
 * @param folder of the project that builds
 * @throws Error naming what is not to be had
 */
export async function takeSources(folder: string, sources: Sources): Promise<void> {
  for (const [name, at] of Object.entries(sources)) {
    if (isGitUrl(at)) await checkout(at, path.join(folder, CHECKOUTS), SETTING);
    else if (!existsSync(at))
      throw new SettingError(SETTING, `the release was made of ${at} (${name}), which is not there any more`);
  }
}

/** What a rebuild was made of, held against the record. @throws SettingError where it is not the same */
export function refuseOthers(
  { build }: VerifiedRecord,
  found: Record<string, string>,
  sources: Sources,
): void {
  for (const [name, sha256] of Object.entries(build.inputs)) {
    if (found[name] === sha256) continue;
    throw new SettingError(
      SETTING,
      `${sources[name]} (${name}) is not what the release was made of: its archive has SHA-256 ${found[name] ?? 'none'}, the record says ${sha256}`,
    );
  }
}
