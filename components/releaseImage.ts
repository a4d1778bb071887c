/** One image of the catalog: the files that it gets, and its build, pushed once, by digest. */
import * as dockerBuild from '@pulumi/docker-build';
import * as pulumi from '@pulumi/pulumi';
import type { ContextFile } from '../provider/resources/contextImage';
import { ImageRow } from '../model';
import { usageText } from '../names';
import { ContextImage, ImageSteps, Source, System } from './resources';
import { ReleaseSettings } from './settings';
import { imageSystem } from './systems';

/** The stage of a Dockerfile that a system takes the place of. */
const STAGE = 'system';

export interface ReleaseImageArgs {
  settings: ReleaseSettings;
  image: ImageRow;
  /** Tells version, revision and date. */
  source: Source;
  /** The base or parent image, by digest. */
  from: pulumi.Input<string>;
  /** What a deb of the release depends on; for an image whose system has that, too. */
  debDepends?: pulumi.Input<string[]>;
  /** What the named context `artifacts` holds; empty where the image needs nothing of the release. */
  files: ContextFileArgs[];
}

/** A file of the context: what it is, where it comes from, and what the update finds in it. */
export interface ContextFileArgs {
  file: pulumi.Input<Omit<ContextFile, 'identity'>>;
  /** Known in previews even where the archive is not. */
  identity: pulumi.Input<unknown>;
  contents?: pulumi.Input<unknown>;
}

export class ReleaseImage extends pulumi.ComponentResource {
  /** `<registry>/<namespace>/<name>`. */
  readonly repository: string;
  readonly digest: pulumi.Output<string>;
  /** `<repository>@<digest>`. */
  readonly ref: pulumi.Output<string>;
  /** References of what it was built from and that nothing else keeps. */
  readonly support: pulumi.Output<string>[];
  readonly build: dockerBuild.Image;
  /** What it takes from its distribution. */
  readonly system?: System;
  /** Digests of what it is made on, by name. */
  readonly madeOn: Record<string, pulumi.Output<string>>;

  constructor(name: string, args: ReleaseImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:components:ReleaseImage', name, {}, opts);
    const { settings, image } = args;
    this.system = imageSystem(args, { parent: this });
    const base = pulumi.output(args.from).apply((ref) => ref.replace(/^.*@/, ''));
    this.madeOn = { base, ...(this.system && { system: this.system.digest }) };
    this.repository = `${settings.registry}/${image.name}`;
    const context = args.files.length > 0 ? this.context(name, args) : undefined;
    this.support = context ? [context.ref] : [];
    this.build = this.image(name, args, context);
    this.digest = this.build.digest;
    this.ref = pulumi.interpolate`${this.repository}@${this.digest}`;
    this.registerOutputs({ ref: this.ref });
  }

  private context(name: string, { settings, source, files }: ReleaseImageArgs): ContextImage {
    return new ContextImage(
      `${name}-context`,
      {
        bucket: settings.bucket,
        repository: this.repository,
        files: files.map(({ file }) => file) as pulumi.Input<ContextFile[]>,
        identities: files.map(({ identity }) => identity),
        contents: files.map(({ contents }) => contents ?? null),
        epoch: source.epoch,
      },
      { parent: this },
    );
  }

  private image(name: string, args: ReleaseImageArgs, context: ContextImage | undefined): dockerBuild.Image {
    const { settings, image, source } = args;
    const folder = `dockerfiles/${image.dockerfile}`;
    const parent = 'image' in image.from ? image.from.image : this.system ? STAGE : 'base';
    const named: Record<string, { location: pulumi.Input<string> }> = {
      [parent]: { location: pulumi.interpolate`docker-image://${this.system?.ref ?? args.from}` },
    };
    if (context) named.artifacts = { location: pulumi.interpolate`docker-image://${context.ref}` };
    const usage = source.version.apply((version) =>
      usageText(settings.catalog.product, image, settings.channel === 'master' ? 'master' : version),
    );
    const platform = settings.architecture.oci as dockerBuild.Platform;
    const buildArgs = {
      VERSION: source.version,
      USAGE: usage,
      SOURCE_DATE_EPOCH: source.epoch.apply(String),
    };
    const allLabels = { ...labels(args), usage };
    const contexts = Object.fromEntries(Object.entries(named).map(([key, { location }]) => [key, location]));
    const steps =
      settings.cache === undefined
        ? undefined
        : new ImageSteps(
            `${name}-steps`,
            {
              ...{ folder, contexts, platform, buildArgs, labels: allLabels },
              buildkit: settings.buildkit,
              cache: `${settings.cache}:${name}`,
            },
            { parent: this },
          );
    return new dockerBuild.Image(
      name,
      {
        context: { location: folder, named },
        dockerfile: { location: `${folder}/Dockerfile` },
        builder: { name: settings.builder },
        platforms: [platform],
        buildArgs,
        labels: allLabels,
        exports: [{ raw: `type=image,name=${this.repository},${PUSH_BY_DIGEST}` }],
        push: false,
        buildOnPreview: false,
      },
      // Deletion goes through the ledger: docker-build would remove a digest that another release has
      // (pulumi/pulumi-docker-build#581, #606).
      { parent: this, retainOnDelete: true, dependsOn: steps },
    );
  }
}

/**
 * Tags are resources of their own. Without BuildKit's "rewrite-timestamp", which packs every layer anew for every
 * release: the steps of our Dockerfiles leave no time of their own behind. Compression is forced because BuildKit
 * would take a cached layer of another kind as it is.
 */
const PUSH_BY_DIGEST =
  'push=true,push-by-digest=true,name-canonical=true,oci-mediatypes=true,compression=gzip,force-compression=true';

/** Annotations of the OCI image specification; `created` is the source's date, not the build's. */
function labels({ settings, image, source }: ReleaseImageArgs): Record<string, pulumi.Input<string>> {
  const { product } = settings.catalog;
  return {
    'org.opencontainers.image.title': image.title,
    'org.opencontainers.image.vendor': product.vendor,
    'org.opencontainers.image.version': source.version,
    'org.opencontainers.image.revision': source.revision,
    'org.opencontainers.image.source': product.source,
    'org.opencontainers.image.url': product.homepage,
    'org.opencontainers.image.licenses': product.license,
    'org.opencontainers.image.created': source.epoch.apply((epoch) => new Date(epoch * 1000).toISOString()),
  };
}
