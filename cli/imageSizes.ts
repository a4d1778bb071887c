/** Sizes of images in a registry, for the table of `up`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

interface Manifest {
  config?: { size: number };
  layers?: { size: number }[];
}

/**
 * Compressed size in bytes (what a pull transfers) of each reference. A reference that the registry does not answer
 * for, or that is an index of several platforms, is left out.
 */
export async function imageSizes(
  references: string[],
  env: NodeJS.ProcessEnv,
): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  await Promise.all(
    [...new Set(references)].map(async (reference) => {
      const size = await sizeOf(reference, env).catch(() => undefined);
      if (size !== undefined) sizes[reference] = size;
    }),
  );
  return sizes;
}

async function sizeOf(reference: string, env: NodeJS.ProcessEnv): Promise<number | undefined> {
  const { stdout } = await execute('crane', ['manifest', reference], { env, timeout: 10_000 });
  const { config, layers } = JSON.parse(stdout) as Manifest;
  if (!config || !layers) return undefined;
  return layers.reduce((sum, { size }) => sum + size, config.size);
}
