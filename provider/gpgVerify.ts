/** Checks OpenPGP signatures with gpgv: no key folder, no agent, no trust database. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { dearmor } from './formats/openpgp';
import { execute, withTemporaryFolder } from './gpgSession';

/**
 * The text of a clear-signed document, unverified, or undefined when it is none (RFC 4880 section 7) or has more
 * than that: what follows the signature is signed by nobody.
 */
export function clearText(document: Buffer): string | undefined {
  const match =
    /^-----BEGIN PGP SIGNED MESSAGE-----\n(?:[^\n]+\n)*\n([\s\S]*?)\n?-----BEGIN PGP SIGNATURE-----\n[^]*?\n-----END PGP SIGNATURE-----\n?$/.exec(
      document.toString(),
    );
  return match ? `${match[1].replace(/^- /gm, '')}\n` : undefined;
}

interface Verified {
  /** Fingerprints of the primary keys that made a good signature, in the order of the signatures. */
  signers: string[];
  output: Buffer;
  /** No key of the keyring made a signature, good or bad. */
  isUnknown: boolean;
}

async function gpgv(keyring: Buffer, args: (folder: string) => Promise<string[]>): Promise<Verified> {
  return withTemporaryFolder(async (folder) => {
    const keys = path.join(folder, 'keyring.gpg');
    await fs.writeFile(keys, dearmor(keyring));
    const file = path.join(folder, 'output');
    const common = ['--homedir', folder, '--keyring', keys, '--status-fd', '1'];
    const { stdout } = await execute('gpgv', [...common, '--output', file, ...(await args(folder))]);
    const status = stdout.toString();
    // An expired key does not undo what it signed while it was valid; a bad signature or a revoked key does.
    const signers = [...status.matchAll(/^\[GNUPG:\] VALIDSIG .* ([0-9A-F]{40})$/gm)].map(([, key]) => key);
    const isBad = /^\[GNUPG:\] (BADSIG|REVKEYSIG) /m.test(status);
    const isUnknown = signers.length === 0 && !isBad && /^\[GNUPG:\] NO_PUBKEY /m.test(status);
    if (isBad || signers.length === 0) return { signers: [], output: Buffer.alloc(0), isUnknown };
    return { signers, output: await fs.readFile(file).catch(() => Buffer.alloc(0)), isUnknown };
  });
}

async function verifiedDocument(document: Buffer, keyring: Buffer): Promise<Verified | undefined> {
  if (clearText(document) === undefined) return undefined;
  return gpgv(keyring, async (folder) => {
    const file = path.join(folder, 'document');
    await fs.writeFile(file, document);
    return [file];
  });
}

/** The signed text of a clear-signed document, or undefined when no key of the keyring (armored or not) made it. */
export async function verifiedText(document: Buffer, keyring: Buffer): Promise<string | undefined> {
  const verified = await verifiedDocument(document, keyring);
  return verified && verified.signers.length > 0 ? verified.output.toString() : undefined;
}

/** Whether a clear-signed document has signatures, all of keys that the keyring does not have. */
export async function isByUnknownKey(document: Buffer, keyring: Buffer): Promise<boolean> {
  return (await verifiedDocument(document, keyring))?.isUnknown ?? false;
}

/** Which keys of the keyring clear-signed a document: fingerprints, in order; none when a signature is bad. */
export async function textSigners(document: Buffer, keyring: Buffer): Promise<string[]> {
  return (await verifiedDocument(document, keyring))?.signers ?? [];
}

async function detached(
  data: Buffer | { file: string },
  signature: Buffer,
  keyring: Buffer,
): Promise<Verified> {
  return gpgv(keyring, async (folder) => {
    const signed = Buffer.isBuffer(data) ? path.join(folder, 'data') : data.file;
    if (Buffer.isBuffer(data)) await fs.writeFile(signed, data);
    const file = path.join(folder, 'signature');
    await fs.writeFile(file, signature);
    return [file, signed];
  });
}

/** Which keys of the keyring made this detached signature (armored or not) of the data. */
export async function signersOf(
  data: Buffer | { file: string },
  signature: Buffer,
  keyring: Buffer,
): Promise<string[]> {
  return (await detached(data, signature, keyring)).signers;
}

/** Whether a detached signature is of keys that the keyring does not have. */
export async function isOfUnknownKey(data: Buffer, signature: Buffer, keyring: Buffer): Promise<boolean> {
  return (await detached(data, signature, keyring)).isUnknown;
}

/** Whether a key of the keyring made this detached signature of the data. */
export async function isSignedBy(
  data: Buffer | { file: string },
  signature: Buffer,
  keyring: Buffer,
): Promise<boolean> {
  return (await signersOf(data, signature, keyring)).length > 0;
}
