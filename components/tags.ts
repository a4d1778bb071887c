/** Tags and aliases of every image, and the ledger between the fixed and the moving ones. */
import * as pulumi from '@pulumi/pulumi';
import { entryOf, ImageName, imageNames } from './imageNames';
import { Release, Tag } from './resources';
import { ImageEntry, PublishSettings } from './settings';

export interface TagsArgs {
  settings: PublishSettings;
  /** Version of the release. */
  version: pulumi.Output<string>;
  /** By name in the catalog; those that are not there get no tag. */
  images: Record<string, ImageEntry>;
  /** References of what the images start from, which the ledger keeps with them. */
  systems: pulumi.Output<string>[];
}

export class Tags extends pulumi.ComponentResource {
  readonly fixed: Tag[];
  readonly moving: Tag[];

  /** `barrier`: what must be published before a tag moves. */
  constructor(
    name: string,
    args: TagsArgs,
    barrier: pulumi.Resource[],
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('artifacts:components:Tags', name, {}, opts);
    const { settings, version, images } = args;
    const names = imageNames(settings, images);
    const isRelease = settings.channel === 'release';
    const make = (label: string, tag: pulumi.Input<string>, newest: boolean, dependsOn: pulumi.Resource[]) =>
      names.map((one) => this.tag(`${name}-${one.label}-${label}`, one, tag, newest, args, dependsOn));
    this.fixed = isRelease ? make('version', version, false, barrier) : [];
    const ledger = this.ledger(name, args, names, [...barrier, ...this.fixed]);
    this.moving = isRelease
      ? make('latest', 'latest', true, [ledger])
      : make('master', 'master', false, [ledger]);
    this.registerOutputs({});
  }

  private tag(
    label: string,
    { image, registry, repository, suffix }: ImageName,
    tag: pulumi.Input<string>,
    newest: boolean,
    { settings, version, images }: TagsArgs,
    dependsOn: pulumi.Resource[],
  ): Tag {
    const built = entryOf(images, image);
    return new Tag(
      label,
      {
        bucket: settings.bucket,
        channel: settings.channel,
        stack: settings.stack,
        repository: `${registry}/${repository}`,
        tag: pulumi.interpolate`${tag}${suffix}`,
        image: built.repository,
        digest: built.digest,
        version,
        newest,
        withdrawn: settings.withdrawn,
      },
      { parent: this, dependsOn },
    );
  }

  private ledger(
    name: string,
    { settings, version, images, systems }: TagsArgs,
    names: ImageName[],
    dependsOn: pulumi.Resource[],
  ): Release {
    const built = Object.values(images);
    const support = [
      ...systems,
      ...built.flatMap((image) => image.support),
      // A tag in another repository or registry is a copy there.
      ...names
        .map(({ image, registry, repository }) => ({ image, at: `${registry}/${repository}` }))
        .filter(({ image, at }) => entryOf(images, image).repository !== at)
        .map(({ image, at }) => pulumi.interpolate`${at}@${entryOf(images, image).digest}`),
    ];
    const tags = this.fixed.map(({ repository, tag, target }) =>
      pulumi
        .all([repository, tag, target])
        .apply(([repo, text, digest]) => ({ repository: repo, tag: text, digest })),
    );
    return new Release(
      `${name}-ledger`,
      {
        bucket: settings.bucket,
        channel: settings.channel,
        stack: settings.stack,
        version,
        images: Object.fromEntries(built.map((image) => [image.repository, image.digest])),
        tags: pulumi.all(tags),
        support: pulumi.all(support),
        withdrawn: settings.withdrawn,
        keep: settings.keep,
      },
      { parent: this, dependsOn },
    );
  }
}
