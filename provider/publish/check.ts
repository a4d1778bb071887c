/** What of a repository is not as its manifest says. Reads only. */
import { Signer } from '../gpg';
import { Store } from '../store/store';
import { isIntact, sizesOf } from './blobs';
import { checkKeys, expectedKeys } from './keys';
import { Manifest, ManifestEntry, plainNames } from './manifest';
import { PublishedPackage, RepositorySettings } from './published';
import type { Kind } from './repository';

/** Problems with blobs and plain names of all entries, from one listing, and with the packages' own bytes. */
export async function checkFiles<F>(
  store: Store,
  settings: RepositorySettings,
  kind: Kind<F>,
  manifest: Manifest<F>,
  packages: PublishedPackage[],
): Promise<{ problems: string[]; fileNames: Set<string> }> {
  const sizes = await sizesOf(store, settings.prefix);
  const own = new Set(packages.map(({ fileName }) => fileName));
  const problems: string[] = [];
  const fileNames = new Set<string>();
  const names = plainNames(manifest.entries);
  const report = (fileName: string, problem: string) => {
    fileNames.add(fileName);
    problems.push(problem);
  };
  const isWhole = async (key: string, entry: ManifestEntry<F>) =>
    sizes.get(key) === entry.size && (!own.has(entry.fileName) || (await isIntact(store, key, entry)));
  for (const entry of manifest.entries) {
    if (!(await isWhole(entry.key, entry))) report(entry.fileName, `${entry.key} is missing or damaged`);
  }
  for (const [name, entry] of names) {
    const key = kind.plainKey(name);
    if (!(await isWhole(key, entry))) report(entry.fileName, `${key} is missing or damaged`);
    if (!sizes.get(`${key}.asc`)) report(entry.fileName, `${key}.asc is missing`);
  }
  const listed = new Set(manifest.entries.map(({ fileName }) => fileName));
  for (const fileName of own)
    if (!listed.has(fileName)) problems.push(`${settings.prefix} does not list ${fileName}`);
  return { problems, fileNames };
}

/**
 * Everything that is missing or edited. Without a signer, as where the key folder is elsewhere, the signatures are
 * checked against the keys that are published.
 */
export async function checkRepository<F>(
  store: Store,
  settings: RepositorySettings,
  kind: Kind<F>,
  packages: PublishedPackage[],
  signer?: Signer,
): Promise<string[]> {
  const expected = await expectedKeys(store, settings, signer);
  if (!expected) return [`${settings.publicKey} or ${settings.keyring} is missing`];
  const { manifest } = await kind.read();
  const { problems } = await checkFiles(store, settings, kind, manifest, packages);
  return [...(await checkKeys(store, settings, expected)), ...(await kind.check(expected)), ...problems];
}
