/**
 * The download folder: files by plain name with a detached `.asc` each, one clear-signed SHA256SUMS.asc, an index
 * page for people. The commit point is `manifest.json`, compare-and-swapped; what is written after it is derived
 * from it, and repaired by the next run.
 */
import { downloadsPage } from '../formats/downloadsPage';
import { Signer } from '../gpg';
import { clearText, textSigners } from '../gpgVerify';
import { ConflictError, Store } from '../store/store';
import { ensureBlob, isPoolKey, sizesOf, unbuilt } from './blobs';
import {
  checkKeys,
  expectedKeys,
  hasOtherKeys,
  isSignedAsExpected,
  publishKeys,
  removeUnusedKeys,
  signAnew,
} from './keys';
import { PlainFiles } from './plain';
import { applyPolicy } from './policy';
import {
  backOff,
  immutableName,
  latestAliases,
  PublishedPackage,
  putIfChanged,
  RepositorySettings,
  TRIES,
} from './published';
import type { PublishOptions } from './repository';

export interface DownloadsEntry extends PublishedPackage {
  /** Day of the publication, `YYYY-MM-DD`. */
  date: string;
}

export interface DownloadsManifest {
  format: 1;
  entries: DownloadsEntry[];
  /** Objects that were to be deleted right after this manifest was committed. */
  leaving: string[];
  /** Fingerprints of the keys that were published with it, one of which made each signature beside a file. */
  keys?: string[];
}

type Settings = RepositorySettings;
type Options = Pick<PublishOptions, 'policy' | 'immutable'>;

const manifestKey = ({ prefix }: Settings) => `${prefix}/manifest.json`;
const sumsKey = ({ prefix }: Settings) => `${prefix}/SHA256SUMS.asc`;
const pageKey = ({ prefix }: Settings) => `${prefix}/index.html`;

async function load(
  store: Store,
  settings: Settings,
): Promise<{ manifest: DownloadsManifest; etag?: string }> {
  const found = await store.get(manifestKey(settings));
  if (found) {
    const manifest = JSON.parse(found.body.toString()) as DownloadsManifest;
    return { manifest: { ...manifest, leaving: manifest.leaving ?? [] }, etag: found.etag };
  }
  if (await store.head(sumsKey(settings))) {
    // Somebody may have published for the first time since.
    if (await store.head(manifestKey(settings))) return load(store, settings);
    throw new Error(
      `${settings.prefix} has a SHA256SUMS.asc but no manifest of ours; it was made by other means: adopt it first (npm run adopt)`,
    );
  }
  return { manifest: { format: 1, entries: [], leaving: [] } };
}

export async function readDownloadsManifest(store: Store, settings: Settings): Promise<DownloadsManifest> {
  return (await load(store, settings)).manifest;
}

const byName = (a: DownloadsEntry, b: DownloadsEntry) => (a.fileName < b.fileName ? -1 : 1);

/** Lists the packages beside what is listed already, then brings every derived file up to date. */
export async function publishDownloads(
  store: Store,
  settings: Settings,
  packages: PublishedPackage[],
  signer: Signer,
  date: Date,
  { policy, immutable }: Options = {},
): Promise<DownloadsManifest> {
  const day = date.toISOString().slice(0, 10);
  for (const one of packages) await ensureBlob(store, one, []);
  const manifest = await change(store, settings, signer, (entries) => {
    const listed = new Map(entries.map((entry) => [entry.fileName, entry]));
    for (const one of packages) {
      const before = listed.get(one.fileName);
      const isSame = before?.sha256 === one.sha256;
      if (before && !isSame && immutable) throw immutableName(before, one);
      listed.set(one.fileName, { ...unbuilt(one), date: isSame ? before.date : day });
    }
    const all = [...listed.values()].sort(byName);
    return policy ? applyPolicy(all, policy) : all;
  });
  await derive(store, settings, manifest, signer, new Set(packages.map(({ fileName }) => fileName)));
  for (const key of manifest.leaving) await store.delete(key);
  return manifest;
}

/**
 * Commits other entries. What drops out with the change is listed in the new manifest as leaving, and is deleted by
 * whoever comes first: this publisher after it has written the rest, or the next one.
 */
async function change(
  store: Store,
  settings: Settings,
  signer: Signer,
  merge: (entries: DownloadsEntry[]) => DownloadsEntry[],
): Promise<DownloadsManifest> {
  for (let attempt = 0; ; attempt++) {
    const { manifest, etag } = await load(store, settings);
    const entries = merge(manifest.entries);
    const isSame = JSON.stringify(entries) === JSON.stringify(manifest.entries);
    if (etag && isSame && !hasOtherKeys(manifest.keys, signer)) return manifest;
    await signAnew(new PlainFiles(store, signer), signer, manifest.keys, () =>
      plainFiles(manifest.entries).map(([name, entry]) => [`${settings.prefix}/${name}`, entry] as const),
    );
    const kept = new Set(keysOf(settings, entries));
    const gone = [...keysOf(settings, manifest.entries), ...manifest.leaving].filter((key) => !kept.has(key));
    const leaving = [...new Set(gone)].sort();
    const after: DownloadsManifest = { format: 1, entries, leaving, keys: signer.publishedKeys };
    const body = Buffer.from(`${JSON.stringify(after, undefined, 1)}\n`);
    try {
      if (etag || entries.length > 0) await store.compareAndSwap(manifestKey(settings), body, etag);
      return after;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      if (attempt === TRIES) {
        throw new Error(
          `${manifestKey(settings)}: other publishers were faster ${TRIES} times; run the update again`,
        );
      }
      await backOff(attempt);
    }
  }
}

/** Every object that entries have, apart from the list of sums and the page. */
function keysOf({ prefix }: Settings, entries: DownloadsEntry[]): string[] {
  const plain = plainFiles(entries).flatMap(([name]) => [`${prefix}/${name}`, `${prefix}/${name}.asc`]);
  return [...plain, ...entries.map(({ key }) => key)];
}

/** Plain name and pool entry of everything the folder shows. */
function plainFiles(entries: DownloadsEntry[]): [string, DownloadsEntry][] {
  const fixed = entries.flatMap((entry) =>
    [entry.fileName, ...entry.aliases].map((name): [string, DownloadsEntry] => [name, entry]),
  );
  return [...fixed, ...latestAliases(entries)].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Whether a plain name has the size of its bytes, and a signature. */
function isWhole(sizes: Map<string, number>, key: string, size: number): boolean {
  return sizes.get(key) === size && (sizes.get(`${key}.asc`) ?? 0) > 0;
}

/** Writes what follows from the manifest: of the files, those named, the moving names, and what is not whole. */
async function derive(
  store: Store,
  settings: Settings,
  manifest: DownloadsManifest,
  signer: Signer,
  fileNames: Set<string>,
): Promise<void> {
  await publishKeys(store, settings, signer);
  const sizes = await sizesOf(store, settings.prefix);
  const moving = latestAliases(manifest.entries);
  const plain = new PlainFiles(store, signer);
  for (const [name, entry] of plainFiles(manifest.entries)) {
    const key = `${settings.prefix}/${name}`;
    if (isWhole(sizes, key, entry.size) && !moving.has(name) && !fileNames.has(entry.fileName)) continue;
    await plain.publish(entry, key);
  }
  await publishSums(store, settings, manifest, signer);
  await putIfChanged(store, pageKey(settings), Buffer.from(page(store, settings, manifest)));
}

/** `<sha256>  <name>` lines, as `sha256sum --check` reads them. */
function sums(manifest: DownloadsManifest): string {
  return plainFiles(manifest.entries)
    .map(([name, { sha256 }]) => `${sha256}  ${name}\n`)
    .join('');
}

function page(store: Store, settings: Settings, manifest: DownloadsManifest): string {
  const latest = new Map(
    [...latestAliases(manifest.entries)].map(([alias, entry]) => [alias, entry.fileName]),
  );
  return downloadsPage({
    title: settings.title,
    entries: manifest.entries,
    latest,
    publicKey: settings.publicKey,
    prefix: settings.prefix,
    url: store.url,
  });
}

async function publishSums(
  store: Store,
  settings: Settings,
  manifest: DownloadsManifest,
  signer: Signer,
): Promise<void> {
  const wanted = sums(manifest);
  const before = await store.get(sumsKey(settings));
  const signers = before ? await textSigners(before.body, await signer.trustedKeys()) : [];
  if (before && clearText(before.body) === wanted && isSignedAsExpected(signers, signer)) return;
  await store.put(sumsKey(settings), await signer.clearSign(Buffer.from(wanted)));
}

/** Takes this stack's files away; an emptied folder leaves no object of ours. */
export async function unpublishDownloads(
  store: Store,
  settings: Settings,
  stack: string,
  signer: Signer,
): Promise<void> {
  // Nothing of ours was ever here: whatever is, is somebody else's.
  if ((await load(store, settings)).etag === undefined) return;
  const after = await change(store, settings, signer, (entries) =>
    entries.filter((entry) => entry.stack !== stack),
  );
  if (after.entries.length > 0) await derive(store, settings, after, signer, new Set());
  for (const key of after.leaving) await store.delete(key);
  const { manifest, etag } = await load(store, settings);
  if (manifest.entries.length > 0) return;
  for (const key of [sumsKey(settings), pageKey(settings)]) await store.delete(key);
  const pool = await store.list(`${settings.prefix}/pool/`);
  for (const key of pool) if (isPoolKey(key, settings.prefix)) await store.delete(key);
  // The last to go: until then, another run of this knows that what is left is ours.
  if (etag !== undefined) await store.delete(manifestKey(settings), etag);
  await removeUnusedKeys(store, settings);
}

/** What is not as the manifest says; a refresh shows it, the next update repairs it. Reads no file. */
export async function checkDownloads(
  store: Store,
  settings: Settings,
  packages: PublishedPackage[],
  signer?: Signer,
): Promise<string[]> {
  const { manifest } = await load(store, settings);
  const expected = await expectedKeys(store, settings, signer);
  if (!expected) return [`${settings.publicKey} or ${settings.keyring} is missing`];
  const problems = await checkKeys(store, settings, expected);
  const listed = new Map(manifest.entries.map((entry) => [entry.fileName, entry]));
  for (const { fileName, sha256 } of packages) {
    if (listed.get(fileName)?.sha256 !== sha256) problems.push(`${fileName} is not listed`);
  }
  const sizes = await sizesOf(store, settings.prefix);
  for (const [name, { key, size }] of plainFiles(manifest.entries)) {
    if (sizes.get(key) !== size) problems.push(`${key} is missing or truncated`);
    if (!isWhole(sizes, `${settings.prefix}/${name}`, size))
      problems.push(`${name} or its .asc is missing or truncated`);
  }
  const found = await store.get(sumsKey(settings));
  const signers = found ? await textSigners(found.body, expected.trusted) : [];
  if (!found || clearText(found.body) !== sums(manifest) || !isSignedAsExpected(signers, expected))
    problems.push('SHA256SUMS.asc is missing, edited or signed by other keys');
  const shown = await store.get(pageKey(settings));
  if (shown?.body.toString() !== page(store, settings, manifest))
    problems.push('index.html is missing or edited');
  return [...new Set(problems)];
}
