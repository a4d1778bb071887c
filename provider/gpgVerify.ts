/** Checks OpenPGP signatures with gpgv: no key folder, no agent, no trust database. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { execute, withTemporaryFolder } from './gpgSession';

/** Armored text (one or more blocks, RFC 4880 section 6.2) as bytes; binary input is returned as it is. */
export function dearmor(text: Buffer): Buffer {
  const blocks = text.toString('latin1').match(/-----BEGIN PGP [^\n]*-----[\s\S]*?-----END PGP [^\n]*-----/g);
  if (!blocks) return text;
  const bodies = blocks.map((block) => {
    const lines = block.split(/\r?\n/).slice(1, -1);
    // Header lines end at the first empty line; a line with `=` in front is the checksum.
    const data = lines.slice(lines.indexOf('') + 1).filter((line) => !line.startsWith('='));
    return Buffer.from(data.join(''), 'base64');
  });
  return Buffer.concat(bodies);
}

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

async function gpgv(
  keyring: Buffer,
  args: (folder: string) => Promise<string[]>,
): Promise<Buffer | undefined> {
  return withTemporaryFolder(async (folder) => {
    const keys = path.join(folder, 'keyring.gpg');
    await fs.writeFile(keys, dearmor(keyring));
    const output = path.join(folder, 'output');
    const common = ['--homedir', folder, '--keyring', keys, '--status-fd', '1'];
    const { stdout } = await execute('gpgv', [...common, '--output', output, ...(await args(folder))]);
    const status = stdout.toString();
    // An expired key does not undo what it signed while it was valid; a bad signature or a revoked key does.
    if (!/^\[GNUPG:\] VALIDSIG /m.test(status) || /^\[GNUPG:\] (BADSIG|REVKEYSIG) /m.test(status))
      return undefined;
    return fs.readFile(output).catch(() => Buffer.alloc(0));
  });
}

/** The signed text of a clear-signed document, or undefined when no key of the keyring (armored or not) made it. */
export async function verifiedText(document: Buffer, keyring: Buffer): Promise<string | undefined> {
  if (clearText(document) === undefined) return undefined;
  const text = await gpgv(keyring, async (folder) => {
    const file = path.join(folder, 'document');
    await fs.writeFile(file, document);
    return [file];
  });
  return text?.toString();
}

/** Whether a key of the keyring made this detached signature (armored or not) of the data. */
export async function isSignedBy(
  data: Buffer | { file: string },
  signature: Buffer,
  keyring: Buffer,
): Promise<boolean> {
  const result = await gpgv(keyring, async (folder) => {
    const signed = Buffer.isBuffer(data) ? path.join(folder, 'data') : data.file;
    if (Buffer.isBuffer(data)) await fs.writeFile(signed, data);
    const file = path.join(folder, 'signature');
    await fs.writeFile(file, signature);
    return [file, signed];
  });
  return result !== undefined;
}
