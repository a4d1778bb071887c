/**
 * Every image by digest in every repository that will have a tag of it, before an index or a tag moves: a registry
 * that refuses one of them stops the release while it is still nowhere.
 */
import * as pulumi from '@pulumi/pulumi';
import { entryOf, imageNames } from './imageNames';
import { ImageCopy } from './resources';
import { ImageEntry, PublishSettings } from './settings';

export interface ImageCopiesArgs {
  settings: PublishSettings;
  /** By name in the catalog. */
  images: Record<string, ImageEntry>;
}

export class ImageCopies extends pulumi.ComponentResource {
  readonly all: ImageCopy[];

  constructor(
    name: string,
    { settings, images }: ImageCopiesArgs,
    dependsOn: pulumi.Resource[],
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('artifacts:components:ImageCopies', name, {}, opts);
    this.all = imageNames(settings, images).flatMap(({ image, registry, repository, label }) => {
      const { repository: own, digest, attachments } = entryOf(images, image);
      const there = `${registry}/${repository}`;
      if (there === own) return [];
      const inputs = { image: own, digest, repository: there, tag: '', ...(attachments && { attachments }) };
      return [new ImageCopy(`${name}-${label}`, inputs, { parent: this, dependsOn })];
    });
    this.registerOutputs({});
  }
}
