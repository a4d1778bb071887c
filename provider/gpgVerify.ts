/** Checks OpenPGP signatures with gpgv: no key folder, no agent, no trust database. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { sha256 } from './formats/compress';
import { dearmor } from './formats/openpgp';
import { execute, withTemporaryFolder } from './gpgSession';

/**
 * The text of a clear-signed document, unverified, or undefined when it is none (RFC 4880 section 7) or has more
 * than that: what follows the signature is signed by nobody.
 *
 * Strict, for gpgv must see the same text: to it a header of blanks ends the headers, and a line of dashes with a blank
 * behind it ends the text.
 */
export function clearText(document: Buffer): string | undefined {
  const match =
    /^-----BEGIN PGP SIGNED MESSAGE-----\n(?:Hash: [^\n]+\n)*\n([\s\S]*?)\n?-----BEGIN PGP SIGNATURE-----\n(?:[^-\n][^\n]*\n|\n)*-----END PGP SIGNATURE-----\n?$/.exec(
      document.toString(),
    );
  if (!match || /^-(?! )/m.test(match[1])) return undefined;
  return `${match[1].replace(/^- /gm, '')}\n`;
}

/** What signatures say, one by one, and who made them. */
export interface Signatures {
  /** Fingerprints of the primary keys that made a good one, in the order of the signatures. */
  good: string[];
  /** Makers of those that cannot be checked, for want of their keys: fingerprints, or key ids of 16 hex digits. */
  unknown: string[];
  /** Key ids of those that are not of this document, or of a revoked key. */
  bad: string[];
}

interface Checked extends Signatures {
  output: Buffer;
}

async function gpgv(keyring: Buffer, args: (folder: string) => Promise<string[]>): Promise<Checked> {
  return withTemporaryFolder(async (folder) => {
    const keys = path.join(folder, 'keyring.gpg');
    await fs.writeFile(keys, dearmor(keyring));
    const file = path.join(folder, 'output');
    const common = ['--homedir', folder, '--keyring', keys, '--status-fd', '1'];
    const all = [...common, '--output', file, ...(await args(folder))];
    const { code, stdout, stderr } = await execute('gpgv', all);
    // It ended by a signal: that says nothing of the signature.
    if (code < 0) throw new Error(`gpgv was stopped: ${stderr.trim() || 'by a signal'}`);
    const status = stdout.toString();
    const found = (pattern: RegExp) => [...status.matchAll(pattern)].map(([, one]) => one);
    return {
      // An expired key does not undo what it signed while it was valid; a bad signature or a revoked key does.
      good: found(/^\[GNUPG:\] VALIDSIG .* ([0-9A-F]{40})$/gm),
      unknown: [...status.matchAll(/^\[GNUPG:\] ERRSIG ([0-9A-F]+) .* ([0-9A-F]{40}|-)$/gm)].map(
        ([, keyId, fingerprint]) => (fingerprint === '-' ? keyId : fingerprint),
      ),
      bad: found(/^\[GNUPG:\] (?:BADSIG|REVKEYSIG) ([0-9A-F]+)/gm),
      output: await readIfThere(file),
    };
  });
}

/** gpgv writes nothing of what is not signed. */
const readIfThere = (file: string) =>
  fs.readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });

interface Verified {
  /** Fingerprints of the primary keys that made a good signature, in the order of the signatures. */
  signers: string[];
  output: Buffer;
}

const verified = ({ good, bad, output }: Checked): Verified | undefined =>
  good.length === 0 || bad.length > 0 ? undefined : { signers: good, output };

/**
 * What was said of the same bytes last: a publication looks at the indexes before its commit and after it, and a start of
 * gpgv costs more than all of its work.
 */
const said = new Map<string, Promise<Checked>>();
/** Answers that are kept, those asked for last, and the bytes up to which one is. */
const KEPT = 200;
const SMALL = 1 << 20;

function once(parts: Buffer[], check: () => Promise<Checked>): Promise<Checked> {
  if (parts.some(({ length }) => length > SMALL)) return check();
  const id = parts.map(sha256).join(' ');
  const known = said.get(id) ?? check();
  said.delete(id);
  said.set(id, known);
  // What could not be looked at may be another time.
  known.catch(() => said.delete(id));
  for (const oldest of [...said.keys()].slice(0, said.size - KEPT)) said.delete(oldest);
  return known;
}

function checkedDocument(document: Buffer, keyring: Buffer): Promise<Checked> {
  const check = () =>
    gpgv(keyring, async (folder) => {
      const file = path.join(folder, 'document');
      await fs.writeFile(file, document);
      return [file];
    });
  return once([keyring, document], check);
}

async function checkedFile(
  data: Buffer | { file: string },
  signature: Buffer,
  keyring: Buffer,
): Promise<Checked> {
  const check = (body: Buffer | { file: string }) =>
    gpgv(keyring, async (folder) => {
      const signed = Buffer.isBuffer(body) ? path.join(folder, 'data') : body.file;
      if (Buffer.isBuffer(body)) await fs.writeFile(signed, body);
      const file = path.join(folder, 'signature');
      await fs.writeFile(file, signature);
      return [file, signed];
    });
  if (!Buffer.isBuffer(data) && (await fs.stat(data.file)).size > SMALL) return check(data);
  // The answer is kept for the bytes that gpgv gets, whatever becomes of the file meanwhile.
  const body = Buffer.isBuffer(data) ? data : await fs.readFile(data.file);
  return once([keyring, signature, body], () => check(body));
}

/** Every signature of a clear-signed document, good or not. */
export async function textSignatures(document: Buffer, keyring: Buffer): Promise<Signatures> {
  const { good, unknown, bad } = await checkedDocument(document, keyring);
  return { good, unknown, bad };
}

/** Every detached signature (armored or not) of the data, good or not. */
export async function detachedSignatures(
  data: Buffer | { file: string },
  signature: Buffer,
  keyring: Buffer,
): Promise<Signatures> {
  const { good, unknown, bad } = await checkedFile(data, signature, keyring);
  return { good, unknown, bad };
}

/** The text that a clear-signed document's signatures are of, and whose they are; undefined when one is bad or none known. */
export async function verifiedDocument(document: Buffer, keyring: Buffer): Promise<Verified | undefined> {
  return clearText(document) === undefined ? undefined : verified(await checkedDocument(document, keyring));
}

/** The signed text of a clear-signed document, or undefined when no key of the keyring (armored or not) made it. */
export async function verifiedText(document: Buffer, keyring: Buffer): Promise<string | undefined> {
  return (await verifiedDocument(document, keyring))?.output.toString();
}

/** Signatures that are all of keys that the keyring does not have: neither good nor bad. */
const areUnknown = ({ good, unknown, bad }: Signatures) =>
  good.length === 0 && bad.length === 0 && unknown.length > 0;

/** Whether a clear-signed document has signatures, all of keys that the keyring does not have. */
export async function isByUnknownKey(document: Buffer, keyring: Buffer): Promise<boolean> {
  return clearText(document) !== undefined && areUnknown(await textSignatures(document, keyring));
}

/** Whether a detached signature is of keys that the keyring does not have. */
export async function isOfUnknownKey(data: Buffer, signature: Buffer, keyring: Buffer): Promise<boolean> {
  return areUnknown(await detachedSignatures(data, signature, keyring));
}

/** Which keys of the keyring clear-signed a document: fingerprints, in order; none when a signature is bad. */
export async function textSigners(document: Buffer, keyring: Buffer): Promise<string[]> {
  return (await verifiedDocument(document, keyring))?.signers ?? [];
}

/** Which keys of the keyring made this detached signature (armored or not) of the data. */
export async function signersOf(
  data: Buffer | { file: string },
  signature: Buffer,
  keyring: Buffer,
): Promise<string[]> {
  return verified(await checkedFile(data, signature, keyring))?.signers ?? [];
}

/** Whether a key of the keyring made this detached signature of the data. */
export async function isSignedBy(
  data: Buffer | { file: string },
  signature: Buffer,
  keyring: Buffer,
): Promise<boolean> {
  return (await signersOf(data, signature, keyring)).length > 0;
}
