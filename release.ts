/** The release, left to right: source, tool chain, packages, images, repositories, tags. */
import * as dockerBuild from '@pulumi/docker-build';
import { Gates } from './components/gates';
import { Images } from './components/images';
import { Packages } from './components/packages';
import { ReleaseImage } from './components/releaseImage';
import { Base, Source } from './components/resources';
import { ReleaseSettings } from './components/settings';
import { signingKey, SigningSettings } from './components/signingKey';
import { BASE_REPOSITORY } from './names';
import { releaseOutputs } from './outputs';
import { publish } from './publish';

/** Where a release comes from and who signs it; see `config.ts` for each field. */
export interface Origin extends SigningSettings {
  source?: string;
  tree?: string;
  extra: Record<string, string>;
  patches?: string;
  version?: string;
  epoch?: number;
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
    channel: settings.channel,
    source: origin.source,
    tree: origin.tree,
    extra: origin.extra,
    patches: origin.patches,
    version: origin.version ?? '',
    epoch: origin.epoch ?? 0,
    layout: catalog.layout,
    elfMachine: architecture.elfMachine,
  });
  const key = signingKey(settings, origin);
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
  const { repositories, tags } = publish(
    {
      settings,
      version: source.version,
      key,
      packages: packages.built,
      images: images.all,
      bases: Object.values(bases).map(({ ref }) => ref),
    },
    proved,
  );
  const { version } = source;
  return releaseOutputs({
    ...{ settings, version, source, key, packages, images, gates, repositories, tags, bases },
  });
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
