/** What is told of each image, to be attached to it: its SBOM and its provenance. */
import * as pulumi from '@pulumi/pulumi';
import { ImageRow } from '../model';
import { Images } from './images';
import { Packages } from './packages';
import { buildFacts, Inputs, sbomProduct } from './provenance';
import { ImageStatements, Source } from './resources';
import { ImageEntry, ReleaseSettings } from './settings';

export interface ImageStatementsArgs {
  settings: ReleaseSettings;
  inputs: Inputs;
  source: Source;
  packages: Packages;
  images: Images;
  /** Gates by name: an image has passed its own before anything is told of it. */
  after: Record<string, pulumi.Resource>;
}

export class ImagesStatements extends pulumi.ComponentResource {
  /** The images by name, each with what is told of it. */
  readonly images: Record<string, ImageEntry> = {};

  constructor(name: string, args: ImageStatementsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:components:ImagesStatements', name, {}, opts);
    const { settings, inputs, source, images, after } = args;
    const { product } = settings.catalog;
    for (const row of settings.catalog.images) {
      const image = images.all[row.name];
      if (!image) continue;
      const artifact = `image-${row.name}`;
      const facts = { settings, inputs, source, images: image.madeOn, packages: contained(row, args) };
      const gate = after[artifact];
      const { statements } = new ImageStatements(
        `${name}-${row.name}`,
        {
          bucket: settings.bucket,
          prefix: `build/${settings.stack}/statements/${artifact}`,
          artifact,
          name: `${product.imageNamespace}/${row.name}`,
          repository: image.repository,
          digest: image.digest,
          platform: settings.architecture.oci,
          product: sbomProduct(settings.catalog),
          facts: buildFacts(facts),
        },
        { parent: this, ...(gate && { dependsOn: [gate] }) },
      );
      const { repository, digest, support } = image;
      this.images[row.name] = { repository, digest, support, statements };
    }
    this.registerOutputs({});
  }
}

/** SHA-256 of the packages that an image has something of, by file name. */
function contained(
  { context }: ImageRow,
  { packages }: ImageStatementsArgs,
): pulumi.Output<Record<string, string>> {
  const wanted = new Set(context.flatMap((entry) => ('package' in entry ? [entry.package] : [])));
  const found = packages.built
    .filter(({ row }) => wanted.has(row.key))
    .map(({ names, resource }) =>
      pulumi.all([names, resource.sha256]).apply(([{ fileName }, sha256]) => [fileName, sha256] as const),
    );
  return pulumi.all(found).apply((all) => Object.fromEntries(all));
}
