/** The stage of a Dockerfile that has all that comes from the distribution, as an image of its own. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { BuildFailure, cacheArguments, solve, warnOfUnsaved } from '../buildctl';
import { hashOf } from '../source/parts';

/** Its name, and that of the context that takes its place. */
export const STAGE = 'system';

/** The date in its configuration: a system outlives releases. Seconds since 1970, as in the steps of the stage. */
const EPOCH = 1577836800;

/** The lines of the stage: from its FROM to the next one; undefined where there is none. Pure. */
export function stageText(dockerfile: string): string | undefined {
  const lines = dockerfile.split('\n');
  const start = lines.findIndex((line) => new RegExp(`^FROM \\S+ AS ${STAGE}$`, 'i').test(line));
  if (start < 0) return undefined;
  const length = lines.slice(start + 1).findIndex((line) => /^FROM /i.test(line));
  const stage = length < 0 ? lines.slice(start) : lines.slice(start, start + 1 + length);
  return stage.filter((line) => line !== '' && !line.startsWith('# ')).join('\n');
}

export interface StageBuild {
  /** Folder of the Dockerfile. */
  folder: string;
  /** The base, by digest. */
  from: string;
  buildArgs: Record<string, string>;
  /** Names of packages that are to be there besides. */
  depends: string[];
  /** OCI platform, `os/arch`. */
  platform: string;
  /** Address of buildkitd. */
  buildkit: string;
  /** Reference of the build cache in a registry. Default: the builder's own cache is all. */
  cache?: string;
  /** Repository that gets it. */
  repository: string;
}

/** Hash of what it is made by, but for packages that are to be there besides. @throws Error where there is no stage */
export async function stageRecipe({ folder, from, platform, buildArgs }: StageBuild): Promise<string> {
  const file = path.join(folder, 'Dockerfile');
  const stage = stageText(await fs.readFile(file, 'utf8'));
  if (stage === undefined)
    throw new Error(`${file} has no stage "FROM base AS ${STAGE}", which the catalog asks for`);
  return hashOf(stage, from.slice(from.indexOf('@')), buildArgs, platform);
}

/**
 * Builds the stage and pushes it by digest.
 *
 * @param isAnew takes no step from a cache: packages as the distribution has them now
 * @returns the digest
 * @throws Error when a step fails, with its last lines
 */
export async function buildStage(build: StageBuild, isAnew = false): Promise<string> {
  const { folder, from, buildArgs, depends, platform, buildkit, cache, repository } = build;
  const work = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-system-'));
  const metadata = path.join(work, 'metadata.json');
  const options = [
    `target=${STAGE}`,
    `platform=${platform}`,
    `context:base=docker-image://${from}`,
    `build-arg:SOURCE_DATE_EPOCH=${EPOCH}`,
    ...Object.entries({ ...buildArgs, DEPENDS: depends.join(' ') }).map(
      ([name, value]) => `build-arg:${name}=${value}`,
    ),
  ];
  const args = [
    ...['--local', `context=${folder}`, '--local', `dockerfile=${folder}`],
    ...options.flatMap((option) => ['--opt', option]),
    ...(isAnew ? ['--no-cache'] : []),
    ...['--output', `type=image,name=${repository},${PUSH_BY_DIGEST}`, '--metadata-file', metadata],
    ...(cache === undefined ? [] : cacheArguments(cache, 'max')),
  ];
  try {
    await solve(buildkit, args, { onUnsaved: warnOfUnsaved(cache ?? '') });
    const told = JSON.parse(await fs.readFile(metadata, 'utf8')) as { 'containerimage.digest': string };
    return told['containerimage.digest'];
  } catch (error) {
    if (!(error instanceof BuildFailure) || error.kind === 'unreachable') throw error;
    throw new Error([error.message, ...error.printed].join('\n'), { cause: error });
  } finally {
    await fs.rm(work, { recursive: true, force: true });
  }
}

/** As images are pushed (components/releaseImage.ts): their layers are these. */
const PUSH_BY_DIGEST =
  'push=true,push-by-digest=true,name-canonical=true,oci-mediatypes=true,compression=gzip,force-compression=true';
