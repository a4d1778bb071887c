/** The public keys as clients fetch them, and whose signatures a repository is to have. */
import { warn } from '../diagnostics';
import { dearmor, issuerOf } from '../formats/openpgp';
import { Signer } from '../gpg';
import { fingerprintsIn, KeyError } from '../gpgKeys';
import { Store } from '../store/store';
import { isIntact } from './blobs';
import type { Job } from './job';
import type { Manifest } from './manifest';
import { PlainEntry } from './plain';
import { putIfChanged, RepositorySettings } from './published';

/**
 * The public keys as they are to be in the bucket: the signer's, `also`, and those of other repositories that share the
 * files. What else is in the files is nobody's.
 */
async function keyFiles(
  store: Store,
  settings: RepositorySettings,
  signer: Signer,
  also: string[] = [],
): Promise<{ publicKey: Buffer; keyring: Buffer }> {
  const found = (await store.get(settings.keyring))?.body;
  const files = { publicKey: await signer.publicKey(also), keyring: await signer.keyring(also) };
  // Where nothing else is in the file, nobody else has to be asked.
  if (!found || found.equals(files.keyring)) return files;
  const own = [...signer.publishedKeys, ...also];
  const extra = (await fingerprintsIn(found)).filter((key) => !own.includes(key));
  if (extra.length === 0) return files;
  const needed = await settings.othersKeys?.(store, await signer.trustedKeys());
  const shared = extra.filter((key) => needed?.includes(key));
  for (const key of shared) {
    if (await signer.primaryOf(key)) continue;
    throw new KeyError(
      `${store.url}/${settings.keyring} has the key ${key}, with which another repository here is published, and ${signer.home} does not: import its public part there with gpg.`,
    );
  }
  const others = [...also, ...shared];
  return { publicKey: await signer.publicKey(others), keyring: await signer.keyring(others) };
}

/** The published keys in both forms; `also` stay a little longer, as far as the key folder has them. */
export async function publishKeys(
  store: Store,
  settings: RepositorySettings,
  signer: Signer,
  also: string[] = [],
): Promise<void> {
  const { publicKey, keyring } = await keyFiles(store, settings, signer, also);
  await putIfChanged(store, settings.publicKey, publicKey);
  await putIfChanged(store, settings.keyring, keyring);
}

/** What a repository is checked against. */
export interface ExpectedKeys {
  /** The published keys, armored and binary. */
  publicKey: Buffer;
  keyring: Buffer;
  /** The keys that clients are set up with in a `.sources` file, binary: those of the state. */
  clientKeys: Buffer;
  /** Keys whose signatures are told apart: also of a key that is to sign no more. */
  trusted: Buffer;
  /** Fingerprints whose signatures each index has, in order; absent: any of the keyring. */
  indexKeys?: string[];
}

export async function signerKeys(
  store: Store,
  settings: RepositorySettings,
  signer: Signer,
): Promise<ExpectedKeys> {
  const { indexKeys } = signer;
  const files = await keyFiles(store, settings, signer);
  return { ...files, clientKeys: await signer.keyring(), trusted: await signer.trustedKeys(), indexKeys };
}

/** The signer's keys; without one, as where the key folder is elsewhere, the keys that are published. */
export async function expectedKeys(
  store: Store,
  settings: RepositorySettings,
  signer: Signer | undefined,
): Promise<ExpectedKeys | undefined> {
  if (signer) return signerKeys(store, settings, signer);
  const [publicKey, keyring] = [await store.get(settings.publicKey), await store.get(settings.keyring)];
  if (!publicKey || !keyring) return undefined;
  const [armored, keys] = [publicKey.body, keyring.body];
  return { publicKey: armored, keyring: keys, clientKeys: keys, trusted: keys };
}

/**
 * What is expected of a state. One that another stack of the same repository committed has the signatures of that one's
 * keys: then any published key will do, for each stack has a key of its own. A key that is not published never does,
 * whatever the state says.
 */
export async function expectedOf(
  { stack, keys = [] }: Pick<Manifest<unknown>, 'stack' | 'keys'>,
  settings: RepositorySettings,
  expected: ExpectedKeys,
  signer?: Signer,
): Promise<ExpectedKeys> {
  if (!stack || !settings.stack || stack === settings.stack) return expected;
  const { publicKey, keyring } = expected;
  const published = await fingerprintsIn(keyring);
  const clientKeys = (await signer?.keyringOf(keys.filter((key) => published.includes(key)))) ?? keyring;
  return { publicKey, keyring, clientKeys, trusted: keyring };
}

/** Which form of the public keys is missing or has other keys. */
export async function checkKeys(
  store: Store,
  settings: RepositorySettings,
  expected: ExpectedKeys,
): Promise<string[]> {
  const wanted = [
    [settings.publicKey, expected.publicKey],
    [settings.keyring, expected.keyring],
  ] as const;
  const problems: string[] = [];
  for (const [key, body] of wanted)
    if (!(await store.get(key))?.body.equals(body)) problems.push(`${key} is missing or edited`);
  return problems;
}

/** Whether an index has the signatures that it is to have, no more and no less. */
export function isSignedAsExpected(
  signers: string[],
  { indexKeys }: Pick<ExpectedKeys, 'indexKeys'>,
): boolean {
  if (!indexKeys) return signers.length > 0;
  return signers.length === indexKeys.length && signers.every((signer, i) => signer === indexKeys[i]);
}

/** Whether other keys are published now than those of a manifest. */
export function hasOtherKeys(keys: string[] = [], { publishedKeys }: Signer): boolean {
  return keys.length !== publishedKeys.length || keys.some((key) => !publishedKeys.includes(key));
}

/**
 * Where one of `keys` is no longer published, the signatures that it made beside these files are made by another. Reads
 * signatures; of the files, those that it had signed. A file that has no copy left is told and left as it is.
 */
export async function signAnew<F>(
  { store, signer, plain }: Pick<Job<F>, 'store' | 'signer' | 'plain'>,
  keys: string[] = [],
  names: () => Iterable<readonly [plainKey: string, entry: PlainEntry]>,
): Promise<void> {
  if (keys.every((key) => signer.publishedKeys.includes(key))) return;
  for (const [plainKey, entry] of names()) {
    const signature = await store.get(`${plainKey}.asc`);
    const issuer = signature && issuerOf(dearmor(signature.body));
    const made = issuer && (await signer.primaryOf(issuer));
    if (!signature || (made && signer.publishedKeys.includes(made))) continue;
    const isWhole = await isIntact(store, entry.key, entry);
    const source = isWhole ? entry : { ...entry, key: plainKey };
    await plain.signAgain(source, plainKey).catch((error: Error) => warn(error.message));
  }
}

/** Removes the public keys when nothing else is left in their folder: the last repository takes them with it. */
export async function removeUnusedKeys(store: Store, settings: RepositorySettings): Promise<void> {
  const keys = [settings.publicKey, settings.keyring];
  const folder = settings.publicKey.slice(0, settings.publicKey.lastIndexOf('/') + 1);
  if (folder === '') return;
  if ((await store.list(folder)).some((key) => !keys.includes(key))) return;
  for (const key of keys) await store.delete(key);
}
