/** What of a repository is not as its manifest says. Reads only. */
import * as path from 'node:path';
import { Signer } from '../gpg';
import { withTemporaryFolder } from '../gpgSession';
import { isSignedBy } from '../gpgVerify';
import { hashFile } from '../source/files';
import { Store } from '../store/store';
import { isIntact, sizesOf } from './blobs';
import type { Kind } from './job';
import { checkKeys, expectedKeys, expectedOf } from './keys';
import { filesOf, Manifest, plainNames, PoolFile } from './manifest';
import { PublishedPackage, RepositorySettings } from './published';

/**
 * Problems with blobs and plain names of all entries, from one listing, and with the packages' own bytes and the
 * signatures beside them.
 */
export async function checkFiles<F>(
  store: Store,
  settings: RepositorySettings,
  kind: Kind<F>,
  manifest: Manifest<F>,
  packages: PublishedPackage[],
  keyring: Buffer,
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
  const isWhole = async (key: string, file: PoolFile) =>
    sizes.get(key) === file.size && (!own.has(file.fileName) || (await isIntact(store, key, file)));
  for (const file of manifest.entries.flatMap(filesOf)) {
    if (!(await isWhole(file.key, file))) report(file.fileName, `${file.key} is missing or damaged`);
  }
  for (const [name, entry] of names) {
    const key = kind.plainKey(name);
    if (!(await isWhole(key, entry))) report(entry.fileName, `${key} is missing or damaged`);
    if (!sizes.get(`${key}.asc`)) report(entry.fileName, `${key}.asc is missing`);
  }
  for (const file of manifest.entries.filter(({ fileName }) => own.has(fileName)).flatMap(filesOf)) {
    const keys = [...names].filter(([, { key }]) => key === file.key).map(([name]) => kind.plainKey(name));
    const what = [file.fileName, ...(file.document ? [file.document] : [])].join('.');
    for (const key of await badSignatures(store, file, keys, keyring))
      report(file.fileName, `${key} is not a signature of ${what} by a published key`);
  }
  const listed = new Set(manifest.entries.map(({ fileName }) => fileName));
  for (const fileName of own)
    if (!listed.has(fileName)) problems.push(`${settings.prefix} does not list ${fileName}`);
  return { problems, fileNames };
}

/** Which of a file's `.asc` files no published key made of its bytes. Those that are missing are told elsewhere. */
async function badSignatures(
  store: Store,
  { key, sha256, fileName }: PoolFile,
  plainKeys: string[],
  keyring: Buffer,
): Promise<string[]> {
  return withTemporaryFolder(async (folder) => {
    const file = path.join(folder, fileName);
    const isThere = await store.head(key);
    if (!isThere) return [];
    await store.download(key, file);
    if ((await hashFile(file)) !== sha256) return [];
    const known = new Map<string, boolean>();
    const bad: string[] = [];
    for (const asc of plainKeys.map((one) => `${one}.asc`)) {
      const signature = await store.get(asc);
      if (!signature) continue;
      const id = signature.body.toString('latin1');
      // All names of a package share one signature.
      const isGood = known.get(id) ?? (await isSignedBy({ file }, signature.body, keyring));
      known.set(id, isGood);
      if (!isGood) bad.push(asc);
    }
    return bad;
  });
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
  const keys = await expectedKeys(store, settings, signer);
  if (!keys) return [`${settings.publicKey} or ${settings.keyring} is missing`];
  const { manifest } = await kind.read();
  const expected = await expectedOf(manifest, settings, keys, signer);
  const { problems } = await checkFiles(store, settings, kind, manifest, packages, expected.keyring);
  return [...(await checkKeys(store, settings, expected)), ...(await kind.check(expected)), ...problems];
}
