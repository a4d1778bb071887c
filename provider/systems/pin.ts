/** What of the distribution a release is made on, by digest, as a reviewer agreed to it (`systems/<stack>.yaml`). Pure. */

export interface PinnedSystem {
  /** Digest of the image, `sha256:…`. */
  digest: string;
  /** Hash of what it was made by: settings of a root file system, or a stage, its base and its arguments. */
  recipe: string;
  /** Installed packages, `name version architecture`, sorted. */
  packages: string[];
}

/** By the name in the catalog, of a base or an image. */
export type PinnedSystems = Record<string, PinnedSystem>;

/** Those names that are not among packages, `name version architecture`. */
export function lacking(packages: string[], names: string[]): string[] {
  const installed = new Set(packages.map((line) => line.split(/[ :]/)[0]));
  return names.filter((name) => !installed.has(name));
}
