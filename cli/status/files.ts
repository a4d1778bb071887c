/** Looks at packages' files: in the pool, and under the names that people type. */
import * as path from 'node:path';
import { createHash } from 'node:crypto';
import { dearmor, issuerOf } from '../../provider/formats/openpgp';
import { detachedSignatures } from '../../provider/gpgVerify';
import { withTemporaryFolder } from '../../provider/gpgSession';
import { Asker, PACKAGE, SMALL } from './ask';
import type { WantedPackage } from './expected';
import { Answer, File, PlainNames, PublicKey, Signatures, there, mapped } from './facts';

/** What all places are looked at with. */
export interface Means {
  asker: Asker;
  /** The published keys and their bytes; absent where there are none. */
  keys?: { keyring: Buffer; known: PublicKey[] };
  /** Read whole files. */
  deep: boolean;
}

export const sha256 = (body: Buffer) => createHash('sha256').update(body).digest('hex');

const NONE: Signatures = { good: [], unknown: [], bad: [] };

/** Checks something against the published keys; without these it has no signatures that say anything. */
export async function checked(
  { keys }: Means,
  check: (keyring: Buffer) => Promise<Signatures>,
): Promise<Signatures> {
  return keys ? check(keys.keyring) : NONE;
}

/** A file that an index names, with its digest where whole files are read. */
export async function lookAtFile(
  { asker, deep }: Means,
  url: string,
  file: Omit<File, 'answer'>,
): Promise<File> {
  const answer = deep ? await asker.whole(url, PACKAGE) : await asker.look(url);
  return { ...file, answer };
}

/** Who says to have made a detached signature, where the file is not read to check it. */
function claimed(signature: Buffer, known: PublicKey[]): Signatures {
  let issuer: string | undefined;
  try {
    issuer = issuerOf(dearmor(signature));
  } catch {
    // A packet that ends too early: no signature.
  }
  if (issuer === undefined) return NONE;
  const maker = known.find(({ fingerprint, subkeys }) =>
    [fingerprint, ...subkeys].some((one) => one.endsWith(issuer)),
  );
  return maker ? { ...NONE, good: [maker.fingerprint] } : { ...NONE, unknown: [issuer] };
}

/** All names of a package, each with its signature. `size` and `sha256` are of the package that the index lists. */
export async function lookAtNames(
  means: Means,
  wanted: WantedPackage,
  urlOf: (name: string) => string,
  shown: (name: string) => string,
  known: { size?: number; sha256?: string } = {},
): Promise<PlainNames> {
  const names = [wanted.fileName, ...wanted.aliases, ...wanted.latestAliases];
  const looks = await Promise.all(
    names.map((name) =>
      lookAtName(means, urlOf(name), { name: shown(name), size: known.size, sha256: known.sha256 }),
    ),
  );
  await settleDoubt(means, names.map(urlOf), looks);
  return {
    fileName: shown(wanted.fileName),
    files: looks.map(({ file }) => file),
    signatures: looks.map(({ file, signature }) => ({ name: `${file.name}.asc`, answer: signature })),
  };
}

interface NameLook {
  file: File;
  signature: Answer<Signatures>;
}

async function lookAtName(means: Means, url: string, file: Omit<File, 'answer'>): Promise<NameLook> {
  const { asker, keys, deep } = means;
  const document = asker.document(`${url}.asc`, SMALL);
  if (!deep) {
    const [answer, found] = await Promise.all([asker.look(url), document]);
    const signature = await mapped(found, ({ body }) => (keys ? claimed(body, keys.known) : NONE));
    return { file: { ...file, answer }, signature };
  }
  return withTemporaryFolder(async (folder) => {
    const copy = path.join(folder, 'file');
    const [answer, found] = await Promise.all([asker.whole(url, PACKAGE, copy), document]);
    const isThere = answer.kind === 'there';
    const signature = await mapped(found, ({ body }) =>
      isThere ? checked(means, (keyring) => detachedSignatures({ file: copy }, body, keyring)) : NONE,
    );
    return { file: { ...file, answer }, signature };
  });
}

/** An ETag that is the MD5 of the bytes where the server is plain S3; elsewhere it says nothing. */
const isDigest = (etag: string | undefined) => etag !== undefined && /^[0-9a-f]{32}$/.test(etag);

/** Two names of one package whose ETags say that their bytes differ are read, to know. */
async function settleDoubt({ asker }: Means, urls: string[], looks: NameLook[]): Promise<void> {
  const etags = looks.flatMap(({ file: { answer } }) => (answer.kind === 'there' ? [answer.value.etag] : []));
  if (new Set(etags).size < 2 || !etags.every(isDigest)) return;
  await Promise.all(
    looks.map(async ({ file }, i) => {
      if (file.answer.kind !== 'there' || file.answer.value.sha256 !== undefined) return;
      const { etag } = file.answer.value;
      const whole = await asker.whole(urls[i], PACKAGE);
      file.answer = whole.kind === 'there' ? there({ ...whole.value, etag }) : whole;
    }),
  );
}
