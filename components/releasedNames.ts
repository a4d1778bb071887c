/** The check that no name gets other bytes that must not: the last thing before the barrier. */
import * as pulumi from '@pulumi/pulumi';
import { listing, RepositoriesArgs } from './repositories';
import { ReleasedNames } from './resources';
import { ImageEntry } from './settings';

export interface ReleasedNamesArgs extends Pick<RepositoriesArgs, 'settings' | 'version' | 'packages'> {
  images: ImageEntry[];
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
      images: Object.fromEntries(images.map((image) => [image.repository, image.digest])),
    },
    { dependsOn },
  );
}
