/** Every image of the catalog but the tool chain, from the very packages of this release. */
import * as pulumi from '@pulumi/pulumi';
import { ContextEntry, ImageRow, Part } from '../model';
import { Packages } from './packages';
import { ContextFileArgs, ReleaseImage } from './releaseImage';
import { Base, Source } from './resources';
import { ReleaseSettings } from './settings';

export interface ImagesArgs {
  settings: ReleaseSettings;
  source: Source;
  packages: Packages;
  /** Root file systems by their name in the catalog. */
  bases: Record<string, Base>;
  /** Made before the packages, because it compiles them. */
  builder: ReleaseImage;
}

export class Images extends pulumi.ComponentResource {
  /** In the catalog's order, by name. */
  readonly all: Record<string, ReleaseImage> = {};

  constructor(name: string, args: ImagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:components:Images', name, {}, opts);
    const { settings, source } = args;
    for (const image of settings.catalog.images) {
      this.all[image.name] =
        image.name === settings.catalog.layout.builderImage
          ? args.builder
          : new ReleaseImage(
              `${name}-${image.name}`,
              {
                settings,
                image,
                source,
                from: this.parentOf(image, args.bases),
                debDepends: args.packages.tree.facts.debDepends,
                files: contextFiles(image, args),
              },
              { parent: this },
            );
    }
    this.registerOutputs({});
  }

  private parentOf(image: ImageRow, bases: Record<string, Base>): pulumi.Output<string> {
    const { from } = image;
    const parent = 'image' in from ? this.all[from.image] : 'base' in from ? bases[from.base] : undefined;
    if (!parent) throw new Error(`catalog: image ${image.name} starts from something that is not there`);
    return parent.ref;
  }
}

const only = <T>(parts: Part[], all: Partial<Record<Part, T>> | undefined) =>
  parts.map((part) => all?.[part] ?? null);

function contextFiles(image: ImageRow, args: ImagesArgs): ContextFileArgs[] {
  return image.context.map((entry) => {
    const file = contextFile(entry, args);
    // What is taken of an archive, and where it goes, counts as its contents do.
    return {
      ...file,
      identity: pulumi.all([pulumi.output(file.identity)]).apply(([found]) => [entry, found]),
    };
  });
}

function contextFile(entry: ContextEntry, { settings, source, packages }: ImagesArgs): ContextFileArgs {
  const { tree } = packages;
  if ('source' in entry) {
    if (!settings.hasSource) return { file: { to: entry.to }, identity: 'no source' };
    const parts = { names: entry.parts, rules: settings.catalog.layout.sourceParts };
    return {
      file: {
        archive: source.sourceArchive as pulumi.Output<never>,
        to: entry.to,
        unpack: entry.source,
        parts,
      },
      identity: source.parts.apply((all) => only(entry.parts, all)),
    };
  }
  const fromTree = (parts: Part[]) => ({
    identity: tree.parts.apply((all) => only(parts, all)),
    contents: tree.contents.apply((all) => only(parts, all)),
  });
  if ('tree' in entry) {
    const archive = blobOf(tree);
    return {
      file: pulumi.output({ archive, to: entry.to, unpack: entry.tree, root: 'tree' }),
      ...fromTree(entry.parts),
    };
  }
  const built = packages.built.find(({ row }) => row.key === entry.package);
  if (!built) throw new Error(`catalog: an image wants the package ${entry.package}, which is not there`);
  const archive = blobOf(built.resource);
  if (!entry.unpack)
    return { file: pulumi.output({ archive, to: entry.to }), identity: built.resource.sha256 };
  const file = pulumi.output({ archive, to: entry.to, unpack: entry.unpack.match, root: '*' });
  return { file, ...fromTree(entry.unpack.parts) };
}

function blobOf(from: {
  key: pulumi.Output<string>;
  sha256: pulumi.Output<string>;
  size: pulumi.Output<number>;
}) {
  return { key: from.key, sha256: from.sha256, size: from.size };
}
