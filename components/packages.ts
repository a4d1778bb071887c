/** The install tree and every package of the catalog, built and kept in the pools, not yet listed. */
import * as pulumi from '@pulumi/pulumi';
import { PackageRow, Part } from '../model';
import type { PartHashes } from '../provider/source/parts';
import { fileNames, fill } from '../names';
import { InstallTree, Package, SigningKey, Source } from './resources';
import { PackageEntry, ReleaseSettings } from './settings';

export interface PackagesArgs {
  settings: ReleaseSettings;
  /** Where the files come from. */
  source: Source;
  /** The tool-chain image, by digest. */
  builder: pulumi.Input<string>;
  /** Signs the rpms. */
  key: SigningKey;
}

export interface BuiltPackage extends PackageEntry {
  resource: Package;
}

export class Packages extends pulumi.ComponentResource {
  readonly tree: InstallTree;
  readonly built: BuiltPackage[];

  constructor(name: string, args: PackagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:components:Packages', name, {}, opts);
    const { settings, source } = args;
    this.tree = this.installTree(name, args);
    this.built = settings.catalog.packages
      .filter((row) => row.from !== 'source' || settings.hasSource)
      .map((row) => renderRow(row, settings.catalog.product.name))
      .map((row) => ({
        row,
        names: source.version.apply((version) =>
          fileNames(settings.catalog.product, row, version, settings.architecture),
        ),
        resource: this.package(name, row, args),
      }));
    this.registerOutputs({});
  }

  private installTree(name: string, { settings, source, builder }: PackagesArgs): InstallTree {
    return new InstallTree(
      `${name}-tree`,
      {
        bucket: settings.bucket,
        prefix: `build/${settings.stack}/tree`,
        sourceArchive: source.sourceArchive,
        extraArchives: source.extraArchives,
        patchesArchive: source.patchesArchive,
        treeArchive: source.treeArchive,
        sourceParts: source.parts,
        treeParts: source.treeParts,
        builder,
        buildkit: settings.buildkit,
        cache: settings.cache && `${settings.cache}:install-tree`,
        cmakeArgs: cmakeArguments(settings),
        version: source.version,
        epoch: source.epoch,
        layout: settings.catalog.layout,
        product: settings.catalog.product.name,
      },
      { parent: this },
    );
  }

  private package(name: string, row: PackageRow, { settings, source, key }: PackagesArgs): Package {
    const { catalog, architecture } = settings;
    const fromTree = row.from !== 'source';
    const archive = fromTree
      ? pulumi
          .all([this.tree.key, this.tree.sha256, this.tree.size])
          .apply(([k, sha256, size]) => ({ key: k, sha256, size }))
      : source.sourceArchive.apply((blob) => blob as NonNullable<typeof blob>);
    const parts: pulumi.Output<Partial<PartHashes> | undefined> = fromTree ? this.tree.parts : source.parts;
    return new Package(
      `${name}-${row.key}`,
      {
        bucket: settings.bucket,
        prefix: `build/${settings.stack}/package/${row.key}`,
        product: catalog.product,
        row,
        fileName: source.version.apply(
          (version) => fileNames(catalog.product, row, version, architecture).fileName,
        ),
        version: source.version,
        architecture,
        epoch: source.epoch,
        archive,
        facts: fromTree ? this.tree.facts : undefined,
        cmake: fromTree
          ? undefined
          : {
              versionVariable: catalog.layout.versionVariable,
              args: [...catalog.layout.cmakeArgs, ...cmakeArguments(settings)],
            },
        parts: parts.apply((all) => only(row.parts, all)),
        contents: fromTree ? this.tree.contents.apply((all) => only(row.parts, all)) : undefined,
        signing:
          row.format === 'rpm'
            ? { home: key.home, fingerprint: key.fingerprint, setting: key.setting }
            : undefined,
      },
      { parent: this },
    );
  }
}

function only<T>(names: Part[], all: Partial<Record<Part, T>> | undefined): Partial<Record<Part, T>> {
  return Object.fromEntries(names.filter((part) => all && part in all).map((part) => [part, all?.[part]]));
}

/** After those of every build. */
const cmakeArguments = ({ catalog, libraries, cmakeArgs }: ReleaseSettings) => [
  ...catalog.libraries[libraries].cmakeArgs,
  ...cmakeArgs,
];

/** Fills in the product's name where a row says `{name}` or `{package}`. */
function renderRow(row: PackageRow, product: string): PackageRow {
  const name = row.package && fill(row.package, { name: product });
  const render = (text: string) => fill(text, { name: product, package: name ?? product });
  return {
    ...row,
    package: name,
    provides: row.provides?.map(render),
    conflicts: row.conflicts?.map(render),
    replaces: row.replaces?.map(render),
    depends: row.depends?.map(render),
    recommends: row.recommends?.map(render),
    texts: row.texts.map((text) => ({ ...text, to: render(text.to) })),
  };
}
