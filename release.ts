/** The release, left to right: source, tool chain, packages, images, repositories, tags. */
import * as dockerBuild from '@pulumi/docker-build';
import { Gates } from './components/gates';
import { Images } from './components/images';
import { Packages } from './components/packages';
import { ReleaseImage } from './components/releaseImage';
import { releasedNames } from './components/releasedNames';
import { Repositories } from './components/repositories';
import { Base, SigningKey, Source } from './components/resources';
import { ReleaseSettings } from './components/settings';
import { Tags } from './components/tags';
import { BASE_REPOSITORY, localKeyName } from './names';
import { releaseOutputs } from './outputs';

/** Where a release comes from and who signs it; see `config.ts` for each field. */
export interface Origin {
  source?: string;
  tree?: string;
  extra: Record<string, string>;
  patches?: string;
  version?: string;
  epoch?: number;
  signingKey?: string;
  indexKeys: string[];
  publishedKeys: string[];
  gnupgHome: string;
}

/** Declares every resource of a release and returns the stack's outputs. */
export function declareRelease(settings: ReleaseSettings, origin: Origin) {
  const { catalog, architecture, namespace } = settings;
  // Declared first: its plugin starts while the source is read.
  const providers = [new dockerBuild.Provider('docker-build')];
  const source = new Source('source', {
    namespace,
    bucket: settings.bucket,
    prefix: `build/${settings.stack}/source`,
    source: origin.source,
    tree: origin.tree,
    extra: origin.extra,
    patches: origin.patches,
    version: origin.version ?? '',
    epoch: origin.epoch ?? 0,
    layout: catalog.layout,
    elfMachine: architecture.elfMachine,
  });
  const key = new SigningKey('signing-key', {
    home: origin.gnupgHome,
    key: origin.signingKey,
    localName: localKeyName(catalog.product),
    setting: `${namespace}:signingKey`,
    indexKeys: origin.indexKeys,
    indexSetting: `${namespace}:indexKeys`,
    publishedKeys: origin.publishedKeys,
  });
  const bases = Object.fromEntries(
    basesOf(settings).map(([name, row]) => {
      const repository = `${settings.registry}/${BASE_REPOSITORY}`;
      return [
        name,
        new Base(`base-${name}`, { bucket: settings.bucket, repository, row, epoch: source.epoch }),
      ];
    }),
  );
  const builder = toolChain(settings, source, bases, providers);
  const packages = new Packages('package', { settings, source, builder: builder.ref, key });
  const images = new Images('image', { settings, source, packages, bases, builder }, { providers });

  const built = [
    ...packages.built.map(({ resource }) => resource),
    ...Object.values(images.all).map(({ build }) => build),
  ];
  const gates = new Gates('gate', { settings, source, packages, images, bases, builder, key });
  const proved = [...built, ...Object.values(gates.all)];
  const names = releasedNames('released-names', { settings, source, packages, images }, proved);
  const barrier = [...proved, names];
  const repositories = new Repositories('repository', { settings, source, packages, key }, barrier);
  const published = [repositories.apt, repositories.yum, repositories.downloads];
  const tags = new Tags('tag', { settings, source, images, bases }, [...barrier, ...published]);
  return releaseOutputs({ settings, source, packages, gates, repositories, tags, bases });
}

/** The bases that something starts from. */
function basesOf({ catalog, libraries }: ReleaseSettings) {
  const images = catalog.images.flatMap(({ from }) => ('base' in from ? [from.base] : []));
  const used = new Set([...images, catalog.gates.base, catalog.libraries[libraries].base]);
  return Object.entries(catalog.bases).filter(([name]) => used.has(name));
}

/** The image that compiles; it needs nothing of the release but its version and date. */
function toolChain(
  settings: ReleaseSettings,
  source: Source,
  bases: Record<string, Base>,
  providers: dockerBuild.Provider[],
): ReleaseImage {
  const { images, layout, libraries } = settings.catalog;
  const image = images.find(({ name }) => name === layout.builderImage);
  const base = image && 'compiles' in image.from ? bases[libraries[settings.libraries].base] : undefined;
  if (!image || !base)
    throw new Error(`catalog: layout.builderImage must name an image that starts from what compiles`);
  return new ReleaseImage(
    `image-${image.name}`,
    { settings, image, source, from: base.ref, files: [] },
    { providers },
  );
}
