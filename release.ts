/** The release, left to right: source, tool chain, packages, images, repositories, tags. */
import * as dockerBuild from '@pulumi/docker-build';
import * as pulumi from '@pulumi/pulumi';
import { cosignKey } from './components/cosignKey';
import { Gates } from './components/gates';
import { Images } from './components/images';
import { ImagesStatements } from './components/imageStatements';
import { Packages } from './components/packages';
import { Statements } from './components/packageStatements';
import { Inputs } from './components/provenance';
import { ReleaseImage } from './components/releaseImage';
import { Base, RecordFile, SigningKey, Source, System } from './components/resources';
import { ReleaseSettings } from './components/settings';
import { signingKey, SigningSettings } from './components/signingKey';
import { declareBases } from './components/systems';
import { rebuiltOutputs, releaseOutputs } from './outputs';
import { publish } from './publish';
import { Recorded, releaseRecord } from './records';

/** Where a release comes from and who signs it; see `config.ts` for each field. */
export interface Origin extends SigningSettings, Inputs {
  version?: string;
  epoch?: number;
}

/** Source, tool chain, packages, images by digest: what a release consists of, before anybody is given any of it. */
function declareArtifacts(settings: ReleaseSettings, origin: Origin) {
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
  const bases = declareBases(settings);
  const builder = toolChain(settings, source, bases, providers);
  const packages = new Packages('package', { settings, source, builder: builder.ref, key });
  const images = new Images('image', { settings, source, packages, bases, builder }, { providers });
  return { source, key, bases, builder, packages, images };
}

/** Declares a release that was published before, to be compared with it. Nothing is published. */
export function declareRebuild(settings: ReleaseSettings, origin: Origin) {
  const made = declareArtifacts(settings, origin);
  const told = new Statements('statements', { settings, inputs: origin, ...made });
  return rebuiltOutputs(settings, origin, { ...made, told });
}

/** Declares every resource of a release and returns the stack's outputs. */
export function declareRelease(settings: ReleaseSettings, origin: Origin) {
  const { source, key, bases, builder, packages, images } = declareArtifacts(settings, origin);
  const built = [
    ...packages.built.map(({ resource }) => resource),
    ...Object.values(images.all).map(({ build }) => build),
  ];
  const gates = new Gates('gate', { settings, source, packages, images, bases, builder, key });
  const told = new Statements('statements', {
    ...{ settings, source, packages, bases, builder, inputs: origin, after: gates.all },
  });
  const toldImages = new ImagesStatements('image-statements', {
    ...{ settings, source, packages, images, inputs: origin, after: gates.all },
  });
  const proved = [...built, ...Object.values(gates.all)];
  const systems = { ...bases, ...imageSystems(images) };
  const imageKey = cosignKey(settings, origin);
  const { repositories, tags, attestations } = publish(
    {
      settings,
      version: source.version,
      key,
      cosignKey: imageKey,
      packages: told.packages,
      images: toldImages.images,
      systems: Object.values(systems).map(({ ref }) => ref),
    },
    proved,
  );
  const { version } = source;
  const record = releaseRecord({
    ...{ settings, version, source, key, packages, images, systems, gates, repositories, attestations },
    cosignKey: imageKey,
    inputs: origin,
  });
  if (settings.channel === 'release') keepRecord(settings, record, key, [...tags.fixed, ...tags.moving]);
  return releaseOutputs({
    ...{ settings, version, packages, gates, repositories, tags, bases, record },
    ...{ key, cosignKey: imageKey },
  });
}

/** What each image takes from its distribution, by the image's name. */
function imageSystems(images: Images): Record<string, System> {
  const found = Object.entries(images.all).flatMap(([name, { system }]) => (system ? [[name, system]] : []));
  return Object.fromEntries(found) as Record<string, System>;
}

/** For the stack that promotes it. Nobody promotes a master build. */
function keepRecord(
  { bucket }: ReleaseSettings,
  record: Recorded,
  { home, fingerprint, setting }: SigningKey,
  published: pulumi.Resource[],
): void {
  new RecordFile(
    'record',
    { bucket, prefix: record.records, record, signing: { home, fingerprint, setting } },
    { dependsOn: published },
  );
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
