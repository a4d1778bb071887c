/**
 * What the images of a promoted release took from their distribution, in this stack's registry: with it, and with
 * nothing else than the sources, anybody can make the release again.
 */
import * as pulumi from '@pulumi/pulumi';
import { BASE_REPOSITORY } from '../names';
import { ImageCopy, Promotion } from './resources';
import { PublishSettings } from './settings';

export interface PromotedSystemsArgs {
  settings: PublishSettings;
  promotion: Promotion;
  /** Names of bases and images in the catalog. */
  names: string[];
}

export class PromotedSystems extends pulumi.ComponentResource {
  readonly all: ImageCopy[];
  /** References of those that the release has. */
  readonly refs: pulumi.Output<string>[];

  constructor(
    name: string,
    { settings, promotion, names }: PromotedSystemsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('artifacts:components:PromotedSystems', name, {}, opts);
    const repository = `${settings.registry}/${BASE_REPOSITORY}`;
    const recorded = promotion.record.systems;
    this.all = names.map((one) => {
      const system = recorded.apply((all) => all[one]);
      const { repository: image, digest } = system;
      // Nobody signs them, so what is attached to them may be anybody's.
      const inputs = { image, digest, repository, tag: '', attachments: [] };
      return new ImageCopy(`${name}-${one}`, inputs, { parent: this });
    });
    this.refs = this.all.map(({ digest }) => pulumi.interpolate`${repository}@${digest}`);
    this.registerOutputs({});
  }
}
