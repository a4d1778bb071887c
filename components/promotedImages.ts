/** The images of a release that another stack published, in this stack's registry, by digest. */
import * as pulumi from '@pulumi/pulumi';
import { ImageCopy, Promotion } from './resources';
import { ImageEntry, PublishSettings } from './settings';

export interface PromotedImagesArgs {
  settings: PublishSettings;
  promotion: Promotion;
  /** Version of the release: its tag still has to stand for the digest where it comes from. */
  version: string;
  /** Names of the catalog's images that the release has. */
  names: string[];
}

export class PromotedImages extends pulumi.ComponentResource {
  /** By name, in the catalog's order. */
  readonly all: Record<string, ImageEntry & { copy: ImageCopy }> = {};

  constructor(name: string, args: PromotedImagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:components:PromotedImages', name, {}, opts);
    const { settings, promotion, version, names } = args;
    const { bucket, channel, stack } = settings;
    for (const image of settings.catalog.images.filter((one) => names.includes(one.name))) {
      const repository = `${settings.registry}/${image.name}`;
      const recorded = promotion.record.images.apply((all) => all[image.name]);
      const signer = promotion.record.apply(({ cosignKey }) => cosignKey ?? '');
      const inputs = {
        image: recorded.repository,
        digest: recorded.digest,
        repository,
        tag: channel === 'master' ? 'master' : version,
        publisher: { bucket, channel, stack, version },
        signer,
      };
      const copy = new ImageCopy(`${name}-${image.name}`, inputs, { parent: this });
      this.all[image.name] = {
        repository,
        digest: copy.digest,
        support: [],
        attachments: copy.attachments,
        signer,
        copy,
      };
    }
    this.registerOutputs({});
  }
}
