/** Tags and aliases of every image, and the ledger between the fixed and the moving ones. */
import * as pulumi from '@pulumi/pulumi';
import { ImageRow } from '../model';
import { Images } from './images';
import { Base, Release, Source, Tag } from './resources';
import { ReleaseSettings } from './settings';

export interface TagsArgs {
  settings: ReleaseSettings;
  source: Source;
  images: Images;
  bases: Record<string, Base>;
}

/** One name that an image gets in one registry: its own, or a legacy alias in another repository. */
interface Name {
  image: ImageRow;
  /** `<host>/<namespace>`. */
  registry: string;
  repository: string;
  suffix: string;
  /** Tells the resources of several registries apart. */
  label: string;
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
    const { settings, source } = args;
    const names = [settings.registry, ...settings.mirrors].flatMap((registry, index) =>
      settings.catalog.images.flatMap((image) => namesOf(image, registry, index === 0 ? '' : `${registry}/`)),
    );
    const isRelease = settings.channel === 'release';
    const make = (label: string, tag: pulumi.Input<string>, newest: boolean, dependsOn: pulumi.Resource[]) =>
      names.map((one) => this.tag(`${name}-${one.label}-${label}`, one, tag, newest, args, dependsOn));
    this.fixed = isRelease ? make('version', source.version, false, barrier) : [];
    const ledger = this.ledger(name, args, names, [...barrier, ...this.fixed]);
    this.moving = isRelease
      ? make('latest', 'latest', true, [ledger])
      : make('master', 'master', false, [ledger]);
    this.registerOutputs({});
  }

  private tag(
    label: string,
    { image, registry, repository, suffix }: Name,
    tag: pulumi.Input<string>,
    newest: boolean,
    { settings, source, images }: TagsArgs,
    dependsOn: pulumi.Resource[],
  ): Tag {
    const built = images.all[image.name];
    if (!built) throw new Error(`catalog: there is no image ${image.name}`);
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
        version: source.version,
        newest,
        withdrawn: settings.withdrawn,
      },
      { parent: this, dependsOn },
    );
  }

  private ledger(
    name: string,
    { settings, source, images, bases }: TagsArgs,
    names: Name[],
    dependsOn: pulumi.Resource[],
  ): Release {
    const built = Object.values(images.all);
    const support = [
      ...Object.values(bases).map(({ ref }) => ref),
      ...built.flatMap((image) => image.support),
      // A tag in another repository or registry is a copy there.
      ...names
        .map(({ image, registry, repository }) => ({ image, at: `${registry}/${repository}` }))
        .filter(({ image, at }) => images.all[image.name]?.repository !== at)
        .map(({ image, at }) => pulumi.interpolate`${at}@${images.all[image.name]?.digest}`),
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
        version: source.version,
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

/** Its own repository, then the legacy ones (`<tag>-slim`). */
function namesOf(image: ImageRow, registry: string, prefix: string): Name[] {
  const own = { repository: image.name, suffix: '' };
  return [own, ...image.aliases].map(({ repository, suffix }) => ({
    image,
    registry,
    repository,
    suffix,
    label: `${prefix}${repository}${suffix}`,
  }));
}
