/** A signing key with a passphrase, unlocked in an agent of its own, and what of it nobody may ever see. */
import { execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { dearmor } from '../../provider/formats/openpgp';

const run = promisify(execFile);

export interface PlantedKey {
  fingerprint: string;
  /** Bytes by what they are: private numbers, and how gpg keeps and exports them under the passphrase. */
  secrets: Record<string, Buffer>;
  /** The files that a leak could be a copy of: the key's own, armored and binary exports, before the passphrase and after. */
  files: Record<string, Buffer>;
  /** Ends the agent. */
  close(): Promise<void>;
}

/** @param home GNUPGHOME, made here; short, because of the agent's socket */
export async function plantKey(home: string, passphrase: string): Promise<PlantedKey> {
  await fs.mkdir(home, { mode: 0o700 });
  await fs.writeFile(path.join(home, 'gpg-agent.conf'), 'default-cache-ttl 7200\nmax-cache-ttl 7200\n');
  const gpg = (input: string, ...args: string[]) =>
    new Promise<Buffer>((resolve, reject) => {
      const common = ['--homedir', home, '--batch', '--quiet', '--pinentry-mode', 'loopback'];
      const child = spawn('gpg', [...common, '--passphrase-fd', '0', ...args]);
      const out: Buffer[] = [];
      let complaint = '';
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
      child.on('error', reject);
      child.on('close', (code) => (code === 0 ? resolve(Buffer.concat(out)) : reject(new Error(complaint))));
      child.stdin.end(input);
    });
  await gpg('', '--quick-generate-key', 'Planted', 'rsa3072', 'sign', 'never');
  const listing = (await gpg('', '--with-colons', '--list-keys')).toString();
  const [, fingerprint = ''] = /^fpr:+([0-9A-F]{40}):/m.exec(listing) ?? [];
  const [file = ''] = await fs.readdir(path.join(home, 'private-keys-v1.d'));
  const keyFile = () => fs.readFile(path.join(home, 'private-keys-v1.d', file));
  // Once: under a passphrase each export is another.
  const exported = async (typed: string) => {
    const armored = await gpg(typed, '--armor', '--export-secret-keys');
    return { armored, binary: dearmor(armored), file: await keyFile() };
  };
  const open = await exported('');
  await gpg(passphrase, '--passwd', fingerprint);
  const sealed = await exported(passphrase);
  const published = await gpg('', '--export');
  // The agent remembers it from here on.
  const note = path.join(home, 'note');
  await fs.writeFile(note, 'note');
  await gpg(passphrase, '--detach-sign', note);
  return {
    fingerprint,
    secrets: {
      'the private exponent': numberOf(open.file, 'd'),
      'the first prime': numberOf(open.file, 'p'),
      'the second prime': numberOf(open.file, 'q'),
      'the sealed key as gpg exports it': secretPart(sealed.binary, published),
      'the sealed key as gpg keeps it': lastNumber(sealed.file),
    },
    files: Object.fromEntries(
      Object.entries({ open, sealed }).flatMap(([when, files]) =>
        Object.entries(files).map(([form, bytes]) => [`${when}-${form}`, bytes]),
      ),
    ),
    close: async () => {
      await run('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
    },
  };
}

/**
 * What of an encrypted key file of cosign nobody may see: what is under the password. The file is base64 of JSON that has
 * it in base64, so the text in the JSON is what is looked for, plain and once more in base64.
 */
export async function cosignSecrets(file: string): Promise<Record<string, Buffer>> {
  const armored = await fs.readFile(file, 'utf8');
  const json = Buffer.from(armored.replace(/^-----.*$/gm, ''), 'base64').toString();
  const { ciphertext } = JSON.parse(json) as { ciphertext: string };
  return { 'the sealed key of images': Buffer.from(ciphertext) };
}

const bytesOf = (hex: string) => Buffer.from(hex.replace(/\s/g, ''), 'hex');

/** A number of an open key in gpg-agent's extended private key format (GnuPG's agent/keyformat.txt). */
function numberOf(file: Buffer, name: string): Buffer {
  const [, hex = ''] = new RegExp(`\\(${name}\\s+#([0-9A-F\\s]+)#`).exec(file.toString()) ?? [];
  return bytesOf(hex);
}

function lastNumber(file: Buffer): Buffer {
  return bytesOf([...file.toString().matchAll(/#([0-9A-F\s]+)#/g)].pop()?.[1] ?? '');
}

/** Of a secret key packet what its public one does not have (RFC 4880 section 5.5.3); lengths of two octets. */
function secretPart(secret: Buffer, published: Buffer): Buffer {
  return secret.subarray(3 + published.readUInt16BE(1), 3 + secret.readUInt16BE(1));
}
