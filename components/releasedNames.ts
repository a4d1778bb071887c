/** The check that no name gets other bytes that must not: the last thing before the barrier. */
import * as pulumi from '@pulumi/pulumi';
import { Images } from './images';
import { listing, RepositoriesArgs } from './repositories';
import { ReleasedNames } from './resources';

export interface ReleasedNamesArgs extends Pick<RepositoriesArgs, 'settings' | 'source' | 'packages'> {
  images: Images;
}

export function releasedNames(
  name: string,
  args: ReleasedNamesArgs,
  dependsOn: pulumi.Resource[],
): ReleasedNames {
  const { settings, source, images } = args;
  const repositories = (['apt', 'yum', 'downloads'] as const).map((kind) => ({
    kind,
    ...listing(kind, args),
  }));
  return new ReleasedNames(
    name,
    {
      bucket: settings.bucket,
      channel: settings.channel,
      version: source.version,
      setting: `${settings.namespace}:immutable`,
      immutable: settings.immutable,
      repositories: pulumi.output(repositories),
      images: Object.fromEntries(Object.values(images.all).map((image) => [image.repository, image.digest])),
    },
    { dependsOn },
  );
}
