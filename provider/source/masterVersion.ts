/** Which version a build of the master channel has, from git: docs/decisions/0011-master-versions.md. */
import * as semver from 'semver';
import { checkVersion, isPrerelease } from '../../names';
import { warn } from '../diagnostics';
import { compareVersions } from '../formats/versionOrder';
import { CheckError } from '../resource';
import { git } from './git';
import type { SourceVersion } from './version';

export interface MasterSource {
  /** Work tree of the source. */
  folder: string;
  /** Git directory with the commit's whole history and its version tags. Default: the work tree's own. */
  history?: string;
  /** What the source says by itself, whatever its tags are. */
  said?: SourceVersion;
  /** Name of the setting that gives another version, for messages. */
  setting: string;
}

/**
 * `<line>.<n>.g<hash>`: the line is what comes after all versions that the commit contains and before the next
 * one; n is the number of commits that it contains, so a descendant's is greater; hash is 8 digits of the commit.
 * `.dirty` is added where the work tree is not the commit's.
 * @returns undefined where git does not tell: no repository, no commit, or a folder inside a bigger repository
 * @throws CheckError of a history that is cut off, or that has no version to begin with
 */
export async function masterVersion(source: MasterSource): Promise<SourceVersion | undefined> {
  const { folder, said, setting } = source;
  const commit = await topCommit(folder);
  if (commit === undefined) return undefined;
  if (said?.fixed) {
    await warn(
      `${setting}: ${said.from} sets ${said.version} whatever the build says, so each build of the master channel ` +
        `takes the place of the last one; let the recipe take another version, to give each its own`,
    );
    return said;
  }
  const where = source.history ? [`--git-dir=${source.history}`] : ['-C', folder];
  // At once: a preview waits for this.
  const [shallow, contained, all, count, changes] = await Promise.all([
    git([...where, 'rev-parse', '--is-shallow-repository']),
    git([...where, 'tag', '--merged', commit]),
    git([...where, 'tag']),
    git([...where, 'rev-list', '--count', commit]),
    // What it reads anew of the index is not written back: a preview changes nothing.
    git(['--no-optional-locks', '-C', folder, 'status', '--porcelain', '--untracked-files=normal']),
  ]);
  if (shallow !== 'false')
    throw new CheckError(
      'version',
      `${setting}: ${source.history ? "the source's repository" : folder} is a shallow clone, which does not tell ` +
        `a master build's version; run git fetch --unshallow --tags in it, or set ${setting}`,
    );
  const line = newestLine([...versionsOf(contained).map(lineAfter), ...(said ? [lineOf(said.version)] : [])]);
  if (line === undefined)
    throw new CheckError(
      'version',
      `${setting}: the source has no version tag and says none; get its tags (git fetch --tags), ` +
        `tag a commit with x.y.z, or set ${setting}`,
    );
  const version = `${line}.${count}.g${commit.slice(0, 8)}${changes ? '.dirty' : ''}`;
  await warnOfNewerTag(version, versionsOf(all), setting);
  return { version, fixed: false, from: 'git' };
}

/** HEAD, where the folder is the top of a work tree. */
async function topCommit(folder: string): Promise<string | undefined> {
  try {
    const prefix = await git(['-C', folder, 'rev-parse', '--show-prefix']);
    return prefix === '' ? await git(['-C', folder, 'rev-parse', '--verify', 'HEAD^{commit}']) : undefined;
  } catch {
    return undefined;
  }
}

/** The tags that are versions which packages can have, an initial `v` dropped. */
function versionsOf(tags: string): string[] {
  return tags
    .split('\n')
    .map((tag) => tag.replace(/^v/, ''))
    .filter((tag) => {
      try {
        return checkVersion(tag, 'tag') === tag;
      } catch {
        return false;
      }
    });
}

/** What the builds after a version start with: 0.24.0 → 0.24.1-dev, 0.24.0-rc1 → 0.24.0-rc1.dev. */
function lineAfter(version: string): string {
  // A master build that was tagged, or 0.25.0-dev, which opens that line.
  const opened = /^(.*?[-.]dev)(\.|$)/.exec(version)?.[1];
  if (opened !== undefined) return opened;
  return isPrerelease(version) ? `${version}.dev` : `${semver.inc(version, 'patch')}-dev`;
}

/** What the builds before a release that the source announces start with. */
const lineOf = (version: string) => `${version.replace(/-.*/, '')}-dev`;

const newestLine = (lines: string[]) => [...lines].sort(compareVersions).pop();

/** Releases that are tagged on branches of their own tell the main line nothing. */
async function warnOfNewerTag(version: string, tags: string[], setting: string): Promise<void> {
  const newest = [...tags].sort(compareVersions).pop();
  if (newest === undefined || compareVersions(newest, version) < 0) return;
  await warn(
    `${setting}: the source's commit does not contain the tag ${newest}, so its build ${version} comes before that; ` +
      `to begin the next line, tag a commit of it, such as ${lineAfter(newest)}, or raise the version in CMakeLists.txt`,
  );
}
