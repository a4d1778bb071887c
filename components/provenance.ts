/** What is told of how artifacts are made: in the record of a release, and in the provenance of each artifact. */
import * as pulumi from '@pulumi/pulumi';
import { isGitUrl } from '../location';
import type { BuildFacts } from '../provider/attest/provenance';
import type { SbomProduct } from '../provider/attest/spdx';
import type { RecordedBuild } from '../provider/promotion/record';
import type { Catalog } from '../model';
import { fill } from '../names';
import { Source } from './resources';
import { ReleaseSettings } from './settings';

/** Where sources come from; see `config.ts` for each field. */
export interface Inputs {
  source?: string;
  tree?: string;
  extra: Record<string, string>;
  patches?: string;
}

/** How it is built. A folder of this machine says nothing to others: of that, the digest alone. */
export function recordedBuild(
  { libraries, cmakeArgs }: ReleaseSettings,
  { source: location, tree: ready, patches: folder, extra }: Inputs,
  { sourceArchive, extraArchives, patchesArchive, treeArchive }: Source,
): pulumi.Output<RecordedBuild> {
  const gitUrl = (text: string | undefined) => (text && isGitUrl(text) ? text : '');
  // Only of what was given: what a resource does not have is unknown in a preview, and all that is made of it.
  const given = <T>(setting: string | undefined, archive: pulumi.Output<T>) =>
    setting === undefined ? pulumi.output(undefined) : archive;
  return pulumi
    .all([
      given(location, sourceArchive),
      extraArchives,
      given(folder, patchesArchive),
      given(ready, treeArchive),
    ])
    .apply(([source, others, patches, tree]) => {
      const archives = Object.entries({ ...others, source, patches, tree });
      return {
        source: gitUrl(location),
        extra: Object.fromEntries(Object.entries(extra).filter(([, url]) => isGitUrl(url))),
        libraries,
        cmakeArgs,
        inputs: Object.fromEntries(archives.flatMap(([name, one]) => (one ? [[name, one.sha256]] : []))),
      };
    });
}

export interface FactsArgs {
  settings: ReleaseSettings;
  inputs: Inputs;
  source: Source;
  /** Digests of images that it was made in or on, by name. */
  images: Record<string, pulumi.Input<string>>;
  /** SHA-256 of packages that are in it, by file name. */
  packages?: pulumi.Input<Record<string, string>>;
}

/** What the provenance of an artifact tells. */
export function buildFacts({
  settings,
  inputs,
  source,
  images,
  packages = {},
}: FactsArgs): pulumi.Output<BuildFacts> {
  const { product } = settings.catalog;
  return pulumi
    .all([
      source.version,
      // Of a folder that has something else, a commit would tell what it was not made from.
      pulumi.all([source.revision, source.isEdited]).apply(([commit, edited]) => (edited ? '' : commit)),
      source.epoch,
      recordedBuild(settings, inputs, source),
      pulumi.output(images),
      pulumi.output(packages),
    ])
    .apply(([version, commit, epoch, build, made, contained]) => ({
      ...{ builder: product.builder, version, commit, epoch, build },
      ...{ images: made, packages: contained },
    }));
}

export function sbomProduct({ product, packages }: Catalog): SbomProduct {
  const { title, homepage, license, imageNamespace: namespace } = product;
  const names = packages.flatMap((row) =>
    row.package === undefined ? [] : [fill(row.package, { name: product.name })],
  );
  return { title, homepage, license, namespace, packages: [...new Set(names)].sort() };
}
