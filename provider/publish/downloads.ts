/**
 * The download folder: files by plain name with a detached `.asc` each, one clear-signed SHA256SUMS.asc, an index
 * page for people. The commit point is `manifest.json`, compare-and-swapped; what is written after it is derived
 * from it, and repaired by the next run.
 */
import { downloadsPage } from '../formats/downloadsPage';
import { Signer } from '../gpg';
import { clearText, verifiedText } from '../gpgVerify';
import { ConflictError, Store } from '../store/store';
import { ensureBlob, poolKeys, unbuilt } from './blobs';
import {
  backOff,
  latestAliases,
  PublishedPackage,
  publishKeys,
  publishPlain,
  putIfChanged,
  removeUnusedKeys,
  RepositorySettings,
  TRIES,
} from './published';

export interface DownloadsEntry extends PublishedPackage {
  /** Day of the publication, `YYYY-MM-DD`. */
  date: string;
}

export interface DownloadsManifest {
  format: 1;
  entries: DownloadsEntry[];
}

type Settings = RepositorySettings;

const manifestKey = ({ prefix }: Settings) => `${prefix}/manifest.json`;
const sumsKey = ({ prefix }: Settings) => `${prefix}/SHA256SUMS.asc`;
const pageKey = ({ prefix }: Settings) => `${prefix}/index.html`;

async function load(
  store: Store,
  settings: Settings,
): Promise<{ manifest: DownloadsManifest; etag?: string }> {
  const found = await store.get(manifestKey(settings));
  if (found) return { manifest: JSON.parse(found.body.toString()) as DownloadsManifest, etag: found.etag };
  if (await store.head(sumsKey(settings))) {
    throw new Error(
      `${settings.prefix} has a SHA256SUMS.asc but no manifest of ours; it was made by other means: adopt it first (npm run adopt)`,
    );
  }
  return { manifest: { format: 1, entries: [] } };
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
): Promise<DownloadsManifest> {
  const day = date.toISOString().slice(0, 10);
  for (const one of packages) await ensureBlob(store, one, []);
  const manifest = await change(store, settings, (entries) => {
    const before = new Map(entries.map((entry) => [entry.fileName, entry]));
    for (const one of packages) {
      const same = before.get(one.fileName)?.sha256 === one.sha256;
      before.set(one.fileName, {
        ...unbuilt(one),
        date: same ? (before.get(one.fileName)?.date ?? day) : day,
      });
    }
    return [...before.values()].sort(byName);
  });
  await derive(store, settings, manifest, signer);
  return manifest;
}

async function change(
  store: Store,
  settings: Settings,
  merge: (entries: DownloadsEntry[]) => DownloadsEntry[],
): Promise<DownloadsManifest> {
  for (let attempt = 0; ; attempt++) {
    const { manifest, etag } = await load(store, settings);
    const after: DownloadsManifest = { format: 1, entries: merge(manifest.entries) };
    const body = Buffer.from(`${JSON.stringify(after, undefined, 1)}\n`);
    if (etag && JSON.stringify(after) === JSON.stringify(manifest)) return after;
    try {
      if (after.entries.length === 0 && etag) await store.delete(manifestKey(settings), etag);
      else if (after.entries.length > 0) await store.compareAndSwap(manifestKey(settings), body, etag);
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

/** Plain name and pool entry of everything the folder shows. */
function plainFiles(manifest: DownloadsManifest): [string, DownloadsEntry][] {
  const fixed = manifest.entries.flatMap((entry) =>
    [entry.fileName, ...entry.aliases].map((name): [string, DownloadsEntry] => [name, entry]),
  );
  return [...fixed, ...latestAliases(manifest.entries)].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function derive(
  store: Store,
  settings: Settings,
  manifest: DownloadsManifest,
  signer: Signer,
): Promise<void> {
  await publishKeys(store, settings, signer);
  for (const [name, entry] of plainFiles(manifest)) {
    await publishPlain(store, signer, entry, `${settings.prefix}/${name}`);
  }
  await publishSums(store, settings, manifest, signer);
  await putIfChanged(store, pageKey(settings), Buffer.from(page(settings, manifest)));
}

/** `<sha256>  <name>` lines, as `sha256sum --check` reads them. */
function sums(manifest: DownloadsManifest): string {
  return plainFiles(manifest)
    .map(([name, { sha256 }]) => `${sha256}  ${name}\n`)
    .join('');
}

function page(settings: Settings, manifest: DownloadsManifest): string {
  const latest = new Map(
    [...latestAliases(manifest.entries)].map(([alias, entry]) => [alias, entry.fileName]),
  );
  return downloadsPage({
    title: settings.title,
    entries: manifest.entries,
    latest,
    publicKey: settings.publicKey,
    prefix: settings.prefix,
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
  if (before && (await verifiedText(before.body, await signer.keyring())) === wanted) return;
  await store.put(sumsKey(settings), await signer.clearSign(Buffer.from(wanted)));
}

/** Takes this stack's files away; an emptied folder leaves no object. */
export async function unpublishDownloads(
  store: Store,
  settings: Settings,
  stack: string,
  signer: Signer,
): Promise<void> {
  const { manifest: before, etag } = await load(store, settings);
  // Nothing of ours was ever here: whatever is, is somebody else's.
  if (etag === undefined) return;
  const after = await change(store, settings, (entries) => entries.filter((entry) => entry.stack !== stack));
  const isEmpty = after.entries.length === 0;
  if (!isEmpty) await derive(store, settings, after, signer);
  const kept = new Set(plainFiles(after).map(([name]) => name));
  const pools = new Set(after.entries.map(({ key }) => key));
  for (const [name, entry] of plainFiles(before)) {
    if (!kept.has(name)) {
      await store.delete(`${settings.prefix}/${name}`);
      await store.delete(`${settings.prefix}/${name}.asc`);
    }
    if (!pools.has(entry.key)) await store.delete(entry.key);
  }
  if (!isEmpty) return;
  for (const key of [sumsKey(settings), pageKey(settings)]) await store.delete(key);
  for (const key of await poolKeys(store, settings.prefix)) await store.delete(key);
  await removeUnusedKeys(store, settings);
}

/** What is not as the manifest says; a refresh shows it, the next update repairs it. */
export async function checkDownloads(
  store: Store,
  settings: Settings,
  packages: PublishedPackage[],
): Promise<string[]> {
  const { manifest } = await load(store, settings);
  const problems: string[] = [];
  const listed = new Map(manifest.entries.map((entry) => [entry.fileName, entry]));
  for (const { fileName, sha256 } of packages) {
    if (listed.get(fileName)?.sha256 !== sha256) problems.push(`${fileName} is not listed`);
  }
  for (const [name, { key, size }] of plainFiles(manifest)) {
    if ((await store.head(key))?.size !== size) problems.push(`${key} is missing or truncated`);
    if ((await store.head(`${settings.prefix}/${name}`))?.size !== size)
      problems.push(`${name} is missing or truncated`);
    if (!(await store.head(`${settings.prefix}/${name}.asc`))) problems.push(`${name}.asc is missing`);
  }
  const found = await store.get(sumsKey(settings));
  if (!found || clearText(found.body) !== sums(manifest))
    problems.push('SHA256SUMS.asc is missing or edited');
  const shown = await store.get(pageKey(settings));
  if (shown?.body.toString() !== page(settings, manifest)) problems.push('index.html is missing or edited');
  return [...new Set(problems)];
}
