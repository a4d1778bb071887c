/**
 * Signatures and attestations of images, through the `cosign` program, with a key and without a transparency log. They
 * are Sigstore bundles, attached to the image's digest as OCI referrers (bundle.ts). The password of a key reaches the
 * program by its environment alone; public keys do, too, so that no file of ours has to be there.
 */
import { execFile } from 'node:child_process';
import { createHash, createPublicKey } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';

/** A private key: what cosign takes for `--key`, and what opens it. */
export interface PrivateKey {
  /** Path of an encrypted key file, or a URI such as `awskms://…` or `env://NAME`. */
  key: string;
  /** Default: `COSIGN_PASSWORD` of the environment, empty where that is not set. */
  password?: string;
}

/** A claim about an image (in-toto attestation framework, "Statement"), without its subject, which is the image. */
export interface Statement {
  /** URI that says what `predicate` is, such as `https://slsa.dev/provenance/v1`. */
  type: string;
  predicate: object;
}

/** Predicate type of what `cosign sign` makes. */
export const SIGNATURE = 'https://sigstore.dev/cosign/sign/v1';

const SILENCE = 5 * 60_000;
/** Bytes that may come back: a list of an image's contents has megabytes. */
const MOST = 256 << 20;
/** Name of the variable that holds a public key. */
const PUBLIC_KEY = 'ARTIFACTS_COSIGN_PUBLIC_KEY';
/** No log and no service of others: what is signed here is verified with the key alone. */
const WITHOUT_LOG = ['--use-signing-config=false', '--tlog-upload=false', '--yes'];
const VERIFYING = ['--key', `env://${PUBLIC_KEY}`, '--insecure-ignore-tlog=true'];

/** What cosign answered in place of what was asked for. One that did not come to its end answers nothing. */
export class CosignError extends Error {}

/** Exit statuses of a cosign that ended with an answer (its cmd/cosign/errors/exit_codes.go); a crash in Go has 2. */
const ANSWERED = [1, 10, 11, 12, 13];

/** Whether cosign said that an image has no signature by the key, and not that it could not find out. */
export const isUnsigned = (error: unknown): boolean =>
  error instanceof CosignError &&
  /no signatures found|no matching (attestations|signatures)/.test(error.message);

/** Settings of the user's own cosign would send signatures elsewhere (`COSIGN_REPOSITORY`); credentials stay. */
function environment(further: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('COSIGN_'));
  return { ...Object.fromEntries(kept), ...further };
}

function cosign(args: string[], further: NodeJS.ProcessEnv, about: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: environment(further), timeout: SILENCE, maxBuffer: MOST };
    const child = execFile('cosign', args, { ...options, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if (error.code === 'ENOENT' && error.syscall?.startsWith('spawn'))
        return reject(new Error('cosign is not on PATH; "npm run up" installs it'));
      // Silence says nothing of what was asked for, and neither does one that was killed or crashed.
      if (error.killed) return reject(new Error(`${about}: no answer`));
      if (ANSWERED.includes(Number(error.code))) return reject(new CosignError(`${about}: ${said(stderr)}`));
      const end = error.signal ? `was ended by ${error.signal}` : `ended with ${error.code}`;
      reject(new Error(`${about}: cosign ${end}: ${said(stderr)}`));
    });
    // It would wait for an answer where it asks something.
    child.stdin?.end();
  });
}

/** The reason out of cosign's last words. */
function said(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const reason = lines.filter((line) => line.startsWith('Error: ')).pop() ?? lines.pop() ?? '';
  return reason.replace(/^Error: /, '').slice(0, 500) || 'cosign failed and did not say why';
}

/** With what opens the key. It may be in a variable of the user's own, `env://COSIGN_KEY`. */
function opened({ key, password }: PrivateKey): NodeJS.ProcessEnv {
  const named = key.replace(/^env:\/\//, '');
  const own = Object.entries(process.env).filter(([name]) => name === named);
  return { ...Object.fromEntries(own), COSIGN_PASSWORD: password ?? process.env.COSIGN_PASSWORD ?? '' };
}

/** Whether a key is named by a URI rather than by a path. */
export const isUri = (key: string) => /^[a-z0-9]+:\/\//.test(key);

/** The public part of a private key, as PEM. @throws CosignError for a key that is not there, or another password */
export async function publicKeyOf(key: PrivateKey): Promise<string> {
  return normalized(await cosign(['public-key', '--key', key.key], opened(key), key.key));
}

/** One block and nothing beside it: of several, Node and cosign would each take another one (RFC 7468). */
const PEM = /^\s*-----BEGIN ((?:RSA )?PUBLIC KEY)-----[A-Za-z0-9+/=\s]+-----END \1-----\s*$/;

function parsed(pem: string) {
  if (!PEM.test(pem)) throw new Error('this is not one public key in PEM form and nothing else');
  return createPublicKey(pem);
}

/** PEM of a public key in the one form that we keep. @throws Error for what is not one public key alone */
export function normalized(pem: string): string {
  return parsed(pem).export({ type: 'spki', format: 'pem' }).toString();
}

/**
 * SHA-256 of the DER form of a public key, 64 hex digits: says which key it is.
 *
 * @throws Error for what is not one public key alone
 */
export function fingerprintOf(pem: string): string {
  const der = parsed(pem).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex');
}

/** Makes a key pair, `<prefix>.key` and `<prefix>.pub`, and resolves to the public key. */
export async function makeKey(prefix: string, password: string): Promise<string> {
  await fs.mkdir(path.dirname(prefix), { recursive: true, mode: 0o700 });
  const args = ['generate-key-pair', '--output-key-prefix', prefix];
  await cosign(args, { COSIGN_PASSWORD: password }, prefix);
  return normalized(await fs.readFile(`${prefix}.pub`, 'utf8'));
}

/** @param reference `<repository>@<digest>` */
export async function sign(reference: string, key: PrivateKey): Promise<void> {
  await cosign(['sign', '--key', key.key, ...WITHOUT_LOG, reference], opened(key), `signing ${reference}`);
}

/** Attaches a signed statement. @param reference `<repository>@<digest>` */
export async function attest(
  reference: string,
  { type, predicate }: Statement,
  key: PrivateKey,
): Promise<void> {
  await withFile(JSON.stringify(predicate), async (file) => {
    const what = ['--predicate', file, '--type', type];
    const args = ['attest', '--key', key.key, ...what, ...WITHOUT_LOG, reference];
    await cosign(args, opened(key), `attesting ${type} of ${reference}`);
  });
}

interface Verified {
  critical: { image: { 'docker-manifest-digest': string }; type: string };
}

/**
 * Verifies an image as its users do. Resolves to the predicate types of what the key has signed of it, sorted; one that
 * has attestations alone is verified by cosign, too, so that only `SIGNATURE` among them says that it is signed.
 *
 * @throws CosignError where the key signed nothing of it
 */
export async function verify(reference: string, publicKey: string): Promise<string[]> {
  const args = ['verify', ...VERIFYING, '--output', 'json', reference];
  const text = await cosign(args, { [PUBLIC_KEY]: normalized(publicKey) }, `verifying ${reference}`);
  return (JSON.parse(text) as Verified[]).map(({ critical }) => critical.type).sort();
}

/**
 * Whether the key has signed the image itself, not an attestation alone.
 *
 * @throws CosignError where cosign cannot find out, as where the registry does not answer
 */
export async function hasSignature(reference: string, publicKey: string): Promise<boolean> {
  try {
    return (await verify(reference, publicKey)).includes(SIGNATURE);
  } catch (error) {
    if (isUnsigned(error)) return false;
    throw error;
  }
}

/**
 * Predicates of one type that the key has signed of an image.
 *
 * @throws CosignError where there is none
 */
export async function verifyAttestation(
  reference: string,
  type: string,
  publicKey: string,
): Promise<object[]> {
  const args = ['verify-attestation', ...VERIFYING, '--type', type, '--output', 'json', reference];
  const text = await cosign(
    args,
    { [PUBLIC_KEY]: normalized(publicKey) },
    `verifying ${type} of ${reference}`,
  );
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const { payload } = JSON.parse(line) as { payload: string };
      const { predicate } = JSON.parse(Buffer.from(payload, 'base64').toString()) as { predicate: object };
      return predicate;
    });
}

/**
 * Whether the key has signed a bundle about the digest.
 *
 * @param type predicate type that it claims
 * @param digest `sha256:…`
 */
export async function isSigned(
  bundle: string,
  type: string,
  digest: string,
  publicKey: string,
): Promise<boolean> {
  return withFile(bundle, async (file) => {
    const [digestAlg, hex] = digest.split(':');
    const subject = ['--type', type, '--digest', hex, '--digestAlg', digestAlg];
    const args = ['verify-blob-attestation', ...VERIFYING, '--bundle', file, ...subject];
    const key = { [PUBLIC_KEY]: normalized(publicKey) };
    try {
      await cosign(args, key, `verifying ${type} of ${digest}`);
      return true;
    } catch (error) {
      if (error instanceof CosignError) return false;
      throw error;
    }
  });
}

async function withFile<T>(text: string, use: (file: string) => Promise<T>): Promise<T> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-cosign-'));
  try {
    const file = path.join(folder, 'content.json');
    await fs.writeFile(file, text);
    return await use(file);
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}
