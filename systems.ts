/** What a release takes from its distribution, as the catalog says it: bases, and stages of images. Pure. */
import type { BaseRow, Catalog, ImageRow, Libraries } from './model';

/** The root file systems that something starts from, by name. */
export function usedBases(catalog: Catalog, libraries: Libraries): Record<string, BaseRow> {
  const images = catalog.images.flatMap(({ from }) => ('base' in from ? [from.base] : []));
  const used = new Set([...images, catalog.gates.base, catalog.libraries[libraries].base]);
  return Object.fromEntries(Object.entries(catalog.bases).filter(([name]) => used.has(name)));
}

/** What the stage `system` of an image is built from, but for its base; undefined where the image has none. */
export function stageOf({ name, dockerfile, from, system }: ImageRow, libraries: Libraries) {
  if (!system) return undefined;
  return {
    image: name,
    folder: `dockerfiles/${dockerfile}`,
    buildArgs: ('compiles' in from ? { LIBRARIES: libraries } : {}) as Record<string, string>,
  };
}

/**
 * Names of the packages that a stage has besides, sorted.
 *
 * @param debDepends what a deb of the release depends on, `name (>= version) | other`; of alternatives the first counts
 */
export function dependsOf({ system }: ImageRow, debDepends: string[]): string[] {
  if (system !== 'dependencies') return [];
  return [...new Set(debDepends.map((one) => one.trim().split(/[ (:|]/)[0]))].filter(Boolean).sort();
}
