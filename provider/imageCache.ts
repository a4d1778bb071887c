/**
 * The steps of an image, taken from a cache in a registry into the builder's own, and put there. docker-build has
 * inputs for that, which would make every image a changed one when the cache's address changes.
 */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { BuildFailure, cacheArguments, solve } from './buildctl';

/** What decides the steps of an image: inputs of docker-build's Image. */
export interface ImageSteps {
  context: { location: string; named?: Record<string, { location: string }> };
  platforms?: string[];
  buildArgs?: Record<string, string>;
}

/** Name of the stage that `withLastStage` adds. */
const LAST = 'fetched';

/**
 * Builds the image without a result. The build that follows finds all its steps in the builder.
 *
 * @param address of buildkitd
 * @param ref of the cache, `host/path:tag`
 * @throws Error when a step fails, with its last lines
 */
export async function buildSteps(
  { context, platforms, buildArgs }: ImageSteps,
  { address, ref }: { address: string; ref: string },
): Promise<void> {
  const recipe = await withLastStage(context.location);
  const options = [
    ...Object.entries(context.named ?? {}).map(([name, { location }]) => `context:${name}=${location}`),
    ...Object.entries(buildArgs ?? {}).map(([name, value]) => `build-arg:${name}=${value}`),
    ...(platforms ? [`platform=${platforms.join(',')}`] : []),
    `no-cache=${LAST}`,
  ];
  const args = [
    ...['--local', `context=${context.location}`, '--local', `dockerfile=${recipe}`],
    ...options.flatMap((option) => ['--opt', option]),
    ...cacheArguments(ref, 'max'),
  ];
  try {
    await solve(address, args);
  } catch (error) {
    if (!(error instanceof BuildFailure) || error.kind === 'unreachable') throw error;
    throw new Error([error.message, ...error.printed].join('\n'), { cause: error });
  } finally {
    await fs.rm(recipe, { recursive: true, force: true });
  }
}

/**
 * A copy of the recipe, with a stage at its end that looks into the image. Without, BuildKit would only note which
 * layers the registry has, and forget them at the end of this build.
 */
async function withLastStage(location: string): Promise<string> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-recipe-'));
  const ignored = 'Dockerfile.dockerignore';
  await fs.copyFile(path.join(location, ignored), path.join(folder, ignored)).catch(onlyIfThere);
  const text = await fs.readFile(path.join(location, 'Dockerfile'), 'utf8');
  const stages = text.match(/^FROM /gim)?.length ?? 0;
  const look = `FROM scratch AS ${LAST}\nCOPY --from=${stages - 1} --exclude=** / /\n`;
  await fs.writeFile(path.join(folder, 'Dockerfile'), `${text}\n${look}`);
  return folder;
}

function onlyIfThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
