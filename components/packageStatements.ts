/** What is told of each package, published beside it: its SBOM and its provenance. */
import * as pulumi from '@pulumi/pulumi';
import { buildFacts, Inputs, sbomProduct } from './provenance';
import { BuiltPackage, Packages } from './packages';
import { ReleaseImage } from './releaseImage';
import { Base, PackageStatements, Source } from './resources';
import { PackageEntry, ReleaseSettings } from './settings';

export interface StatementsArgs {
  settings: ReleaseSettings;
  inputs: Inputs;
  source: Source;
  packages: Packages;
  /** Root file systems by their name in the catalog. */
  bases: Record<string, Base>;
  /** The tool-chain image. */
  builder: ReleaseImage;
  /** What a package has to pass before anything is told of it, by its key. */
  after?: Record<string, pulumi.Resource>;
}

export class Statements extends pulumi.ComponentResource {
  /** The packages, each with what lies beside it. */
  readonly packages: PackageEntry[];

  constructor(name: string, args: StatementsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:components:Statements', name, {}, opts);
    this.packages = args.packages.built.map((built) => ({
      ...built,
      statements: this.statements(name, built, args).statements,
    }));
    this.registerOutputs({});
  }

  private statements(
    name: string,
    { row, names, resource }: BuiltPackage,
    args: StatementsArgs,
  ): PackageStatements {
    const { settings, after } = args;
    const gate = after?.[row.key];
    return new PackageStatements(
      `${name}-${row.key}`,
      {
        bucket: settings.bucket,
        prefix: `build/${settings.stack}/statements/${row.key}`,
        artifact: row.key,
        format: row.format,
        fileName: names.fileName,
        package: { key: resource.key, sha256: resource.sha256, size: resource.size },
        identity: resource.identity,
        product: sbomProduct(settings.catalog),
        facts: buildFacts({ ...factsOf(args), images: row.from === 'source' ? {} : imagesOf(args) }),
      },
      { parent: this, ...(gate && { dependsOn: [gate] }) },
    );
  }
}

/** A ready tree was compiled elsewhere. */
function imagesOf({ inputs, bases, builder }: StatementsArgs): Record<string, pulumi.Output<string>> {
  if (inputs.tree !== undefined) return {};
  const made = Object.entries(bases).map(([name, { digest }]) => [name, digest] as const);
  return { ...Object.fromEntries(made), builder: builder.digest };
}

const factsOf = ({ settings, inputs, source }: StatementsArgs) => ({ settings, inputs, source });
