/** What images take from their distribution, kept by digest in the release's registry. */
import * as pulumi from '@pulumi/pulumi';
import { ImageRow } from '../model';
import { BASE_REPOSITORY } from '../names';
import { dependsOf, stageOf, usedBases } from '../systems';
import { Base, System } from './resources';
import { ReleaseSettings } from './settings';

/** What every base and system is told. */
function common({ bucket, registry, buildkit, systems, stack }: ReleaseSettings, name: string) {
  return {
    bucket,
    repository: `${registry}/${BASE_REPOSITORY}`,
    buildkit,
    pinned: systems[name],
    command: `npm run resolve -- --stack ${stack}`,
  };
}

/** The root file systems that something starts from, by name. */
export function declareBases(settings: ReleaseSettings): Record<string, Base> {
  const rows = Object.entries(usedBases(settings.catalog, settings.libraries));
  return Object.fromEntries(
    rows.map(([name, row]) => [
      name,
      new Base(`base-${name}`, { base: name, row, ...common(settings, name) }),
    ]),
  );
}

export interface ImageSystemArgs {
  settings: ReleaseSettings;
  image: ImageRow;
  /** The base, by digest. */
  from: pulumi.Input<string>;
  /** What a deb of the release depends on, `name (>= version) | other`. */
  debDepends?: pulumi.Input<string[]>;
}

/** The stage of an image that has its packages, or nothing where the image has no such stage. */
export function imageSystem(
  { settings, image, from, debDepends = [] }: ImageSystemArgs,
  opts: pulumi.CustomResourceOptions,
): System | undefined {
  const { libraries, architecture, cache } = settings;
  const stage = stageOf(image, libraries);
  if (!stage) return undefined;
  return new System(
    `system-${image.name}`,
    {
      ...stage,
      from,
      depends: pulumi.output(debDepends).apply((found) => dependsOf(image, found)),
      platform: architecture.oci,
      ...(cache !== undefined && { cache: `${cache}:system-${image.name}` }),
      ...common(settings, image.name),
    },
    opts,
  );
}
