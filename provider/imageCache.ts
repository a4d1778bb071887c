/** Builds the steps of an image with a build cache in a registry, ahead of docker-build. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { BuildFailure, cacheArguments, solve, warnOfUnsaved } from './buildctl';
import type { ImageStepsInputs } from './resources/imageSteps';

/** Name of the stage that `withLastStage` adds. */
const LAST = 'fetched';

/**
 * Builds the image without a result. The build that follows finds all its steps in the builder.
 *
 * @throws Error when a step fails, with its last lines
 */
export async function buildSteps(image: ImageStepsInputs): Promise<void> {
  const { folder, contexts, platform, buildArgs, buildkit, cache } = image;
  const recipe = await withLastStage(folder);
  const options = [
    ...Object.entries(contexts).map(([name, location]) => `context:${name}=${location}`),
    ...Object.entries(buildArgs).map(([name, value]) => `build-arg:${name}=${value}`),
    `platform=${platform}`,
    `no-cache=${LAST}`,
  ];
  const args = [
    ...['--local', `context=${folder}`, '--local', `dockerfile=${recipe}`],
    ...options.flatMap((option) => ['--opt', option]),
    ...cacheArguments(cache, 'max'),
  ];
  try {
    await solve(buildkit, args, { onUnsaved: warnOfUnsaved(cache) });
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
