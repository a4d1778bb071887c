/** The check that no name gets other bytes that must not: the last thing before the barrier. */
import * as pulumi from '@pulumi/pulumi';
import { listing, RepositoriesArgs } from './repositories';
import { ReleasedNames } from './resources';
import { entryOf, imageNames } from './imageNames';
import { ImageEntry } from './settings';

export interface ReleasedNamesArgs extends Pick<RepositoriesArgs, 'settings' | 'version' | 'packages'> {
  /** By name in the catalog. */
  images: Record<string, ImageEntry>;
}

export function releasedNames(
  name: string,
  args: ReleasedNamesArgs,
  dependsOn: pulumi.Resource[],
): ReleasedNames {
  const { settings, version, images } = args;
  const repositories = (['apt', 'yum', 'downloads'] as const).map((kind) => ({
    kind,
    ...listing(kind, args),
  }));
  return new ReleasedNames(
    name,
    {
      bucket: settings.bucket,
      channel: settings.channel,
      version,
      setting: `${settings.namespace}:immutable`,
      immutable: settings.immutable,
      repositories: pulumi.output(repositories),
      images: Object.fromEntries(Object.values(images).map((image) => [image.repository, image.digest])),
      tags: pulumi.output(fixedTags(args)),
    },
    { dependsOn },
  );
}

/** A master build has none: its tag moves. */
function fixedTags({ settings, version, images }: ReleasedNamesArgs) {
  if (settings.channel === 'master') return [];
  return imageNames(settings, images).map(({ image, registry, repository, suffix }) => ({
    reference: pulumi.interpolate`${registry}/${repository}:${version}${suffix}`,
    digest: entryOf(images, image).digest,
  }));
}
