/** What every stack does with packages and images that have proved themselves, built here or taken over. */
import * as pulumi from '@pulumi/pulumi';
import { Attestations } from './components/attestations';
import { publishedCosignKey } from './components/cosignKey';
import { ImageCopies } from './components/imageCopies';
import { releasedNames } from './components/releasedNames';
import { Repositories } from './components/repositories';
import { CosignKey, SigningKey } from './components/resources';
import { ImageEntry, PackageEntry, PublishSettings } from './components/settings';
import { Tags } from './components/tags';

export interface PublishArgs {
  settings: PublishSettings;
  /** Version of the release. */
  version: pulumi.Output<string>;
  /** Signs the indexes and what lies beside packages. */
  key: SigningKey;
  /** Signs the images. */
  cosignKey: CosignKey;
  packages: PackageEntry[];
  /** By name in the catalog. */
  images: Record<string, ImageEntry>;
  /** References of what the images start from. */
  systems: pulumi.Output<string>[];
}

/**
 * Signatures, indexes, tags, then what moves. `proved`: nothing is signed and no index and no tag moves before all of it
 * is there; and none of these moves before every image is signed, and its signature verified.
 */
export function publish(args: PublishArgs, proved: pulumi.Resource[]) {
  const { settings, version, key, packages, systems } = args;
  const names = releasedNames('released-names', { settings, version, packages, images: args.images }, proved);
  const attestations = new Attestations(
    'attestation',
    { bucket: settings.bucket, key: args.cosignKey, images: args.images },
    [names],
  );
  const { images } = attestations;
  const copies = new ImageCopies('copy', { settings, images }, [names]);
  const barrier = [...proved, names, ...Object.values(attestations.all), ...copies.all];
  const repositories = new Repositories('repository', { settings, version, packages, key }, barrier);
  const published = [repositories.apt, repositories.yum, repositories.downloads];
  const keyFile = publishedCosignKey(settings, args.cosignKey, published);
  const tags = new Tags('tag', { settings, version, images, systems }, [...barrier, ...published, keyFile]);
  return { repositories, tags, attestations };
}
