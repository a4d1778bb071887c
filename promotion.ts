/** A release that another stack built and proved, taken over by digest: nothing is built here. */
import * as pulumi from '@pulumi/pulumi';
import { recordsPrefix } from './bucketKeys';
import { cosignKey } from './components/cosignKey';
import { PromotedImages } from './components/promotedImages';
import { PromotedPackages } from './components/promotedPackages';
import { PromotedSystems } from './components/promotedSystems';
import { Promotion, RecordFile } from './components/resources';
import { signingKey, SigningSettings } from './components/signingKey';
import { PublishSettings } from './components/settings';
import type { Catalog } from './model';
import { isPrerelease, SettingError } from './names';
import { publishedOutputs } from './outputs';
import type { PinnedRelease, ReleaseRecord } from './provider/promotion/record';
import { publish } from './publish';
import { promotedRecord } from './records';

/** What is taken over; see `config.ts` for each field. */
export interface PromotionOrigin {
  /** Stack that has published it. */
  from: string;
  /** What a reviewer agreed to. */
  pinned: PinnedRelease;
  /** Fingerprint of that stack's key. */
  expectedKey: string;
  /** Fingerprint of the key that has to have signed its images. A release that is out already needs none. */
  expectedCosignKey?: string;
  signing: SigningSettings;
  /** `<owner>/<name>` on GitHub whose releases page gets one for the version. */
  releases?: string;
  /** Markdown file whose section of the version is that page's text. */
  changelog?: string;
}

/** Declares every resource of a promoted release and returns the stack's outputs. */
export async function declarePromotion(settings: PublishSettings, origin: PromotionOrigin) {
  const { namespace } = settings;
  const { from, pinned, expectedKey, expectedCosignKey } = origin;
  refuseUnknown(settings, pinned);
  const stack = new pulumi.StackReference('from', { name: stackName(from) });
  const promotion = new Promotion('promotion', {
    from,
    record: stack.getOutput('release') as pulumi.Output<ReleaseRecord>,
    pinned: pinned,
    expectedKey,
    ...(expectedCosignKey !== undefined && { expectedCosignKey }),
    floors: floorsOf(settings.catalog),
    ...{ namespace, bucket: settings.bucket, channel: settings.channel, stack: settings.stack },
  });
  const key = signingKey(settings, origin.signing);
  const imageKey = cosignKey(settings, origin.signing);
  const { version } = pinned;
  const packages = new PromotedPackages('package', {
    ...{ settings, promotion, from, version, expectedKey, key },
    keys: Object.keys(pinned.packages),
  });
  const images = new PromotedImages('image', {
    ...{ settings, promotion, version },
    names: Object.keys(pinned.images),
  });
  const systems = new PromotedSystems('system', {
    ...{ settings, promotion },
    names: Object.keys(pinned.systems),
  });
  const moved = [
    promotion,
    ...packages.all.map(({ resource }) => resource),
    ...Object.values(images.all).map(({ copy }) => copy),
    ...systems.all,
  ];
  const published = publish(
    {
      settings,
      version: pulumi.output(version),
      key,
      cosignKey: imageKey,
      packages: packages.all,
      images: images.all,
      systems: systems.refs,
    },
    moved,
  );
  const { repositories, tags, attestations } = published;
  const record = promotedRecord({
    ...{ settings, key, repositories, attestations, cosignKey: imageKey, record: promotion.record },
    ...{ packages: packages.all, images: images.all },
  });
  const { home, fingerprint, setting } = key;
  new RecordFile(
    'record',
    {
      ...{ bucket: settings.bucket, prefix: recordsPrefix(settings.stack), record },
      signing: { home, fingerprint, setting },
    },
    { dependsOn: [...tags.fixed, ...tags.moving] },
  );
  const outputs = publishedOutputs({
    ...{ settings, version: pulumi.output(version), repositories, tags },
    ...{ key, cosignKey: imageKey },
  });
  const [latest] = published.tags.moving;
  if (origin.releases === undefined || !latest) return outputs;
  // Loaded only here: the SDK of GitHub is of no use to others.
  const { declareReleasePage } = await import('./releasePage');
  const isLatest = latest.targetVersion.apply((newest) => newest === version);
  const page = await declareReleasePage(
    {
      ...{ version, isLatest, packages: outputs.packages, images: outputs.images },
      isWithdrawn: settings.withdrawn.includes(version),
      commit: pinned.commit,
      repository: origin.releases,
      changelog: origin.changelog,
      setting: `${namespace}:changelog`,
    },
    published.tags.moving,
  );
  return { ...outputs, page };
}

/** `staging` as a backend on files or S3 knows it; a full name as it is. */
function stackName(from: string): string {
  return from.includes('/') ? from : `organization/${pulumi.getProject()}/${from}`;
}

/** Packages with binaries (components/gates.ts). */
const floorsOf = ({ packages }: Catalog) =>
  packages.filter(({ gate }) => ['deb', 'rpm', 'install'].includes(gate)).map(({ key }) => key);

/** A name that the catalog does not have would be left out in silence. */
function refuseUnknown({ catalog, namespace }: PublishSettings, pinned: PinnedRelease): void {
  if (isPrerelease(pinned.version))
    throw new SettingError(
      `${namespace}:release`,
      `${pinned.version} is a candidate, which is for those who try it there; promote the release`,
    );
  const known = {
    packages: catalog.packages.map(({ key }) => key),
    images: catalog.images.map(({ name }) => name),
    systems: [...Object.keys(catalog.bases), ...catalog.images.map(({ name }) => name)],
  };
  for (const what of ['packages', 'images', 'systems'] as const) {
    const unknown = Object.keys(pinned[what]).find((name) => !known[what].includes(name));
    if (unknown)
      throw new SettingError(
        `${namespace}:release`,
        `the catalog has no ${unknown} among its ${what}; known: ${known[what].join(', ')}`,
      );
  }
}
