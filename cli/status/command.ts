/** `npm run status`: asks every place from outside and says what is not as it should be. */
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { cosignKeyFile, publicNames } from '../../names';
import type { Given } from '../options';
import { Asker, Limits, LIMITS } from './ask';
import { fileVersions, listedVersions, newestOf, wantedPackages } from './expected';
import { Answer, RegistryFacts, Signatures, there } from './facts';
import type { Means } from './files';
import { Expectation, judgeApt } from './judgeApt';
import { judgeDownloads } from './judgeDownloads';
import { judgeImages } from './judgeImages';
import { expectedKeys, judgeKeys } from './judgeKeys';
import { judgeYum } from './judgeYum';
import { movingTag, Questions, questionsOf, repositoryUrl } from './questions';
import { lookAtApt, readAptIndex } from './readApt';
import { lookAtDownloads, readDownloadsIndex } from './readDownloads';
import { imageNames, Images } from './readImages';
import { readKeys } from './readKeys';
import { lookAtSignatures, readImageKey } from './readSignatures';
import { lookAtYum, readYumIndex } from './readYum';
import { Report, statusJson, statusTable, totals } from './table';
import { PlaceReport, signatureFault } from './tally';

/** The work of the command. @throws SettingError for what cannot be asked, before anything is */
export function statusWork(root: string, given: Given): () => Promise<number> {
  const questions = questionsOf(given);
  return async () => {
    process.env.PATH = [path.join(root, '.local', 'bin'), process.env.PATH].join(path.delimiter);
    const report = await statusOf(questions);
    process.stdout.write(given.flags.has('json') ? statusJson(report) : statusTable(report));
    return totals(report).gaps === 0 ? 0 : 1;
  };
}

export async function statusOf(
  questions: Questions,
  limits: Limits = LIMITS,
  now = new Date(),
): Promise<Report> {
  const asker = new Asker(limits);
  try {
    return await askAll(questions, asker, new Images(catalog, limits.silence), now);
  } finally {
    asker.close();
  }
}

async function askAll(questions: Questions, asker: Asker, images: Images, now: Date): Promise<Report> {
  const { channel, keys: given } = questions;
  const moving = movingTag(questions);
  const probe = moving ?? questions.version ?? 'latest';
  // First what says which versions there are, from everywhere.
  const [buckets, registries] = await Promise.all([
    Promise.all(questions.buckets.map((bucket) => readBucket(questions, asker, bucket))),
    Promise.all(
      questions.registries.map(async (registry) => ({
        registry,
        ...(await images.versions(registry, probe)),
      })),
    ),
  ]);
  const withdrawn = new Set(buckets.flatMap(({ downloads }) => downloads.withdrawn));
  const tagged = channel === 'release' ? registries.flatMap(({ versions }) => versions) : [];
  const offered = [...buckets.flatMap(({ versions }) => versions), ...tagged];
  const version =
    questions.version ??
    newestOf(
      offered.filter((one) => !withdrawn.has(one)),
      channel,
    );
  const fixed = channel === 'release' ? version : undefined;
  const [places, found] = await Promise.all([
    Promise.all(buckets.map((bucket) => lookAtBucket(questions, bucket, version, withdrawn, now))),
    Promise.all(
      registries.map(async ({ registry, versions, failed }): Promise<RegistryFacts> =>
        failed === undefined
          ? images.look(registry, versions, fixed, moving)
          : { registry, failed, tags: {}, others: {} },
      ),
    ),
  ]);
  const imageKey = buckets.flatMap(({ imageKey: key }) =>
    key.kind === 'there' && key.value ? [key.value] : [],
  )[0];
  if (imageKey !== undefined)
    for (const facts of found) {
      const names = imageNames(catalog).flatMap((image) => image.names(fixed ?? moving ?? ''));
      if (facts.failed === undefined) facts.signed = await lookAtSignatures(facts, names, imageKey);
    }
  const published = [
    ...new Set(buckets.flatMap(({ means }) => means.keys?.known.map(({ fingerprint }) => fingerprint) ?? [])),
  ];
  return {
    title: catalog.product.title,
    ...(version !== undefined && { version }),
    channel,
    isGiven: questions.version !== undefined,
    keys: given.length > 0 ? given : published,
    ...(given.length === 0 &&
      questions.buckets.length > 0 && { keysFrom: publicNames(catalog.product).publicKey }),
    places: [...places.flat(), ...judgeImages(imageNames(catalog), found, fixed, moving)],
  };
}

type Bucket = Awaited<ReturnType<typeof readBucket>>;

async function readBucket(questions: Questions, asker: Asker, bucket: string) {
  const { facts, keys } = await readKeys(asker, catalog, bucket);
  const imageKey = await readImageKey(asker, bucket, questions.channel);
  const means: Means = { asker, keys, deep: questions.deep };
  const [aptUrl, yumUrl, downloadsUrl] = (['apt', 'yum', 'downloads'] as const).map((kind) =>
    repositoryUrl(bucket, catalog, kind, questions),
  );
  const [apt, yum, downloads] = await Promise.all([
    readAptIndex(means, catalog, aptUrl),
    readYumIndex(means, yumUrl),
    readDownloadsIndex(means, downloadsUrl),
  ]);
  const expected = expectedKeys(questions.keys, keys?.known);
  const isTrusted = (answer: Answer<Signatures>) =>
    !expected || (answer.kind === 'there' && signatureFault('', answer.value, expected) === undefined);
  const generation = yum.generation?.kind === 'there' ? yum.generation.value : undefined;
  const trusted = {
    apt: apt.inRelease.kind === 'there' && isTrusted(there(apt.inRelease.value.signatures)),
    yum: generation !== undefined && isTrusted(generation.signatures),
    downloads: downloads.sums.kind === 'there' && isTrusted(there(downloads.sums.value.signatures)),
  };
  const debs = trusted.apt && apt.listed.kind === 'there' ? apt.listed.value : [];
  const rpms = trusted.yum && generation?.listed.kind === 'there' ? generation.listed.value : [];
  const versions = [
    ...listedVersions(catalog, 'apt', debs).values(),
    ...listedVersions(catalog, 'yum', rpms).values(),
    trusted.downloads ? fileVersions(catalog, downloads.listed.keys()) : [],
  ].flat();
  return {
    bucket,
    means,
    facts,
    imageKey,
    expected,
    trusted,
    aptUrl,
    yumUrl,
    downloadsUrl,
    apt,
    yum,
    downloads,
    versions,
  };
}

async function lookAtBucket(
  questions: Questions,
  { bucket, means, facts, imageKey, expected, trusted, aptUrl, yumUrl, downloadsUrl, ...index }: Bucket,
  version: string | undefined,
  withdrawn: Set<string>,
  now: Date,
): Promise<PlaceReport[]> {
  const { keys: given, buckets } = questions;
  const { product, repositories } = catalog;
  const names = publicNames(product);
  const known = means.keys?.known;
  const expectation: Expectation = {
    version,
    keys: expected,
    published: known ?? [],
  };
  const [apt, yum, downloads] = await Promise.all([
    // What an index of others names is not asked for.
    trusted.apt ? lookAtApt(means, catalog, aptUrl, index.apt, version) : index.apt,
    trusted.yum ? lookAtYum(means, catalog, yumUrl, index.yum, version) : index.yum,
    trusted.downloads
      ? lookAtDownloads(means, catalog, downloadsUrl, index.downloads, version)
      : index.downloads,
  ]);
  const wanted = (kind: 'apt' | 'yum' | 'downloads') =>
    version === undefined ? [] : wantedPackages(catalog, kind, version);
  const place = (name: string) => (buckets.length > 1 ? `${name} ${bucket}` : name);
  const files = fileVersions(catalog, index.downloads.listed.keys()).filter((one) => !withdrawn.has(one));
  const aptNames = { folder: `dists/${repositories.apt.suite}`, sources: names.aptSources };
  return [
    judgeKeys(
      place('keys'),
      { armored: names.publicKey, binary: names.keyring, images: cosignKeyFile(questions.channel) },
      { ...facts, images: imageKey },
      given,
      now,
    ),
    judgeApt(place('apt'), aptNames, wanted('apt'), apt, expectation),
    judgeYum(place('yum'), names.yumRepo, wanted('yum'), yum, expectation),
    judgeDownloads(place('downloads'), wanted('downloads'), files, downloads, expectation),
  ];
}
