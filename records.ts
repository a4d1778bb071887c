/** What a stack says of its release, for another to publish the same and for anybody to make it again (provider/promotion/record.ts). */
import * as pulumi from '@pulumi/pulumi';
import { recordsPrefix } from './bucketKeys';
import { Attestations } from './components/attestations';
import { Gates } from './components/gates';
import { Images } from './components/images';
import { Packages } from './components/packages';
import { Inputs, recordedBuild } from './components/provenance';
import { Repositories } from './components/repositories';
import { Base, CosignKey, SigningKey, Source, System } from './components/resources';
import {
  ImageEntry,
  PackageEntry,
  PublishSettings,
  ReleaseSettings,
  repositoryOf,
} from './components/settings';
import { absoluteBucket } from './location';
import { BASE_REPOSITORY, publicNames } from './names';
import type { PublishedUrl } from './provider/resources/repository';
import {
  SIGNATURE_GATE,
  RecordedImage,
  RecordedPackage,
  RecordedSystem,
  ReleaseRecord,
} from './provider/promotion/record';

/** What a record tells of. */
export interface Made {
  settings: ReleaseSettings;
  inputs: Inputs;
  repositories: Repositories;
  source: Source;
  key: SigningKey;
  packages: Packages;
  images: Images;
  /** By name of base or image. */
  systems: Record<string, Base | System>;
  gates: Gates;
  cosignKey: CosignKey;
  attestations: Attestations;
}

/** What another stack needs to publish the same (provider/promotion/record.ts). */
export function releaseRecord({
  settings,
  inputs,
  source,
  key,
  packages,
  images,
  systems,
  gates,
  repositories,
  cosignKey,
  attestations,
}: Made) {
  const { catalog, bucket, stack } = settings;
  const pushed = Object.entries(images.all).map(([name, { repository, digest }]) =>
    digest.apply((found): [string, RecordedImage] => [name, { repository, digest: found }]),
  );
  const kept = Object.entries(systems).map(([name, { repository, digest, recipe }]) =>
    pulumi
      .all([repository, digest, recipe])
      .apply(([at, found, by]): [string, RecordedSystem] => [
        name,
        { repository: at, digest: found, recipe: by },
      ]),
  );
  const passed = Object.entries(gates.subjects).map(([name, digests]) =>
    digests.apply((found): [string, string[]] => [name, found]),
  );
  return {
    format: 1 as const,
    version: source.version,
    commit: source.revision,
    epoch: source.epoch,
    build: recordedBuild(settings, inputs, source),
    zlib: pulumi
      .all(packages.built.map(({ resource }) => resource.zlib))
      .apply((all) => [...new Set(all)].filter((one) => one !== undefined).sort()),
    bucket: absoluteBucket(bucket),
    records: recordsPrefix(stack),
    publicKey: publicNames(catalog.product).publicKey,
    signingKey: key.fingerprint,
    cosignKey: cosignKey.publicKey,
    packages: publishedPackages(settings, packages.built, repositories),
    images: pulumi.all(pushed).apply((all) => Object.fromEntries(all)),
    systems: pulumi.all(kept).apply((all) => Object.fromEntries(all)),
    gates: pulumi
      .all([...passed, ...signatureGates(attestations, cosignKey)])
      .apply((all) => Object.fromEntries(all)),
  };
}

/** A verified signature is a gate, too: of what, and by which key. */
function signatureGates({ all }: Attestations, { fingerprint }: CosignKey) {
  return Object.entries(all).map(([name, { digest }]) =>
    pulumi
      .all([digest, fingerprint])
      .apply(([found, by]): [string, string[]] => [`${SIGNATURE_GATE}${name}`, [found, by]]),
  );
}

/** Where each package is published, and what it is. */
function publishedPackages(
  { catalog, url }: PublishSettings,
  packages: PackageEntry[],
  repositories: Repositories,
): pulumi.Output<Record<string, RecordedPackage>> {
  const files = repositoryFiles(repositories);
  const published = packages.map(({ row, names, resource }) =>
    pulumi
      .all([names, resource.sha256, resource.identity, files])
      .apply(([{ fileName }, proved, identity, all]): [string, RecordedPackage] => {
        const { url: at = '', sha256 = '', size = 0, statements } = all[fileName] ?? {};
        const plain = at.slice(url.length + 1);
        const prefix = catalog.repositories[repositoryOf(row)].prefix;
        const root = Object.values(prefix).find((one) => plain.startsWith(`${one}/`)) ?? '';
        const key = `${root}/pool/${sha256}/${fileName}`;
        const told = statements && { statements: recorded(statements) };
        return [row.key, { fileName, key, plain, sha256, size, identity, proved, ...told }];
      }),
  );
  return pulumi.all(published).apply((all) => Object.fromEntries(all));
}

const recorded = (statements: NonNullable<PublishedUrl['statements']>) =>
  Object.fromEntries(Object.entries(statements).map(([name, { sha256, size }]) => [name, { sha256, size }]));

interface Promoted {
  settings: PublishSettings;
  /** Of the stack that built it. */
  record: pulumi.Output<ReleaseRecord>;
  key: SigningKey;
  cosignKey: CosignKey;
  packages: PackageEntry[];
  images: Record<string, ImageEntry>;
  repositories: Repositories;
  attestations: Attestations;
}

/** The same release as this stack publishes it: who has it makes it again without the stack that built it. */
export function promotedRecord(promoted: Promoted) {
  const { settings, record, key, cosignKey, packages, images, repositories, attestations } = promoted;
  const { catalog, bucket, stack, registry } = settings;
  const pushed = Object.entries(images).map(([name, { repository, digest }]) =>
    digest.apply((found): [string, RecordedImage] => [name, { repository, digest: found }]),
  );
  const here = {
    bucket: absoluteBucket(bucket),
    records: recordsPrefix(stack),
    publicKey: publicNames(catalog.product).publicKey,
  };
  return pulumi
    .all([
      record,
      key.fingerprint,
      cosignKey.publicKey,
      pulumi.all(signatureGates(attestations, cosignKey)).apply((all) => Object.fromEntries(all)),
      publishedPackages(settings, packages, repositories),
      pulumi.all(pushed).apply((all) => Object.fromEntries(all)),
    ])
    .apply(([from, signingKey, imageKey, signed, files, copied]): ReleaseRecord => {
      const kept = Object.entries(from.systems).map(([name, system]) => [
        name,
        { ...system, repository: `${registry}/${BASE_REPOSITORY}` },
      ]);
      return {
        ...from,
        ...here,
        signingKey,
        cosignKey: imageKey,
        packages: files,
        images: copied,
        systems: Object.fromEntries(kept) as ReleaseRecord['systems'],
        gates: { ...from.gates, ...signed },
      };
    });
}

/** A record as the program has it, before its values are known. */
export type Recorded = ReturnType<typeof releaseRecord>;

export const repositoryFiles = ({ apt, yum, downloads }: Repositories) =>
  pulumi
    .all([apt.files, yum.files, downloads.files])
    .apply((all) => Object.assign({}, ...all) as Record<string, (typeof all)[0][string]>);
