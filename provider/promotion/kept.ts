/**
 * A stack's records of its releases, in its bucket and clear-signed: a release that waits to be agreed to outlives the
 * next one, which takes its place in the stack's outputs.
 */
import type { Signer } from '../gpg';
import { clearText, verifiedDocument } from '../gpgVerify';
import { sortKeys } from '../source/parts';
import type { Store } from '../store/store';
import type { ReleaseRecord } from './record';

/** One object, so that a record and its signature are never of two releases. */
export const keyOf = (prefix: string, version: string) => `${prefix}/${version}.json.asc`;

/** Writes the record of a release; one of the same version before is replaced. */
export async function keepRecord(
  store: Store,
  prefix: string,
  record: ReleaseRecord,
  signer: Signer,
): Promise<void> {
  const text = `${JSON.stringify(record, sortKeys, 2)}\n`;
  await store.put(keyOf(prefix, record.version), await signer.clearSign(Buffer.from(text)));
}

export interface KeptRecord {
  record: ReleaseRecord;
  /** Fingerprints of the published keys that signed it; none where it was edited. */
  signers: string[];
}

/** @returns undefined where none was kept of the version */
export async function keptRecord(
  store: Pick<Store, 'get'>,
  prefix: string,
  version: string,
  publicKey: string,
): Promise<KeptRecord | undefined> {
  const found = await store.get(keyOf(prefix, version));
  const keyring = await store.get(publicKey);
  // What gpgv read, not what we would read ourselves.
  const verified = found && keyring && (await verifiedDocument(found.body, keyring.body));
  const text = verified ? verified.output.toString() : found && clearText(found.body);
  if (text === undefined) return undefined;
  try {
    return { record: JSON.parse(text) as ReleaseRecord, signers: verified?.signers ?? [] };
  } catch {
    return undefined;
  }
}
