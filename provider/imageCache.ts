/**
 * The steps of an image, taken from a cache in a registry into the builder's own, and put there. docker-build has
 * inputs for that, which would make every image a changed one when the cache's address changes.
 */
import { BuildFailure, cacheArguments, solve } from './buildctl';

/** What decides the steps of an image: inputs of docker-build's Image. */
export interface ImageSteps {
  context: { location: string; named?: Record<string, { location: string }> };
  platforms?: string[];
  buildArgs?: Record<string, string>;
}

/**
 * Builds the image without a result. The build that follows finds all its steps in the builder.
 *
 * @param address of buildkitd
 * @param ref of the cache, `host/path:tag`
 * @param onLine gets what BuildKit says
 * @throws Error when a step fails, with its last lines
 */
export async function buildSteps(
  { context, platforms, buildArgs }: ImageSteps,
  { address, ref, onLine }: { address: string; ref: string; onLine?: (line: string) => void },
): Promise<void> {
  const options = [
    ...Object.entries(context.named ?? {}).map(([name, { location }]) => `context:${name}=${location}`),
    ...Object.entries(buildArgs ?? {}).map(([name, value]) => `build-arg:${name}=${value}`),
    ...(platforms ? [`platform=${platforms.join(',')}`] : []),
  ];
  const args = [
    ...['--local', `context=${context.location}`, '--local', `dockerfile=${context.location}`],
    ...options.flatMap((option) => ['--opt', option]),
    ...cacheArguments(ref, 'max'),
  ];
  await solve(address, args, { onLine }).catch((error: unknown) => {
    if (!(error instanceof BuildFailure) || error.kind === 'unreachable') throw error;
    throw new Error([error.message, ...error.printed].join('\n'));
  });
}
