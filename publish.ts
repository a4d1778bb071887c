/** What every stack does with packages and images that have proved themselves, built here or taken over. */
import * as pulumi from '@pulumi/pulumi';
import { ImageCopies } from './components/imageCopies';
import { releasedNames } from './components/releasedNames';
import { Repositories } from './components/repositories';
import { SigningKey } from './components/resources';
import { ImageEntry, PackageEntry, PublishSettings } from './components/settings';
import { Tags } from './components/tags';

export interface PublishArgs {
  settings: PublishSettings;
  /** Version of the release. */
  version: pulumi.Output<string>;
  /** Signs the indexes and what lies beside packages. */
  key: SigningKey;
  packages: PackageEntry[];
  /** By name in the catalog. */
  images: Record<string, ImageEntry>;
  /** References of what the images start from. */
  bases: pulumi.Output<string>[];
}

/** Indexes, tags, then what moves. `proved`: no index and no tag moves before all of it is there. */
export function publish(args: PublishArgs, proved: pulumi.Resource[]) {
  const { settings, version, key, packages, images, bases } = args;
  const names = releasedNames('released-names', { settings, version, packages, images }, proved);
  const copies = new ImageCopies('copy', { settings, images }, [names]);
  const barrier = [...proved, names, ...copies.all];
  const repositories = new Repositories('repository', { settings, version, packages, key }, barrier);
  const published = [repositories.apt, repositories.yum, repositories.downloads];
  const tags = new Tags('tag', { settings, version, images, bases }, [...barrier, ...published]);
  return { repositories, tags };
}
