/** Looks at packages' files: in the pool, and under the names that people type. */
import * as path from 'node:path';
import { createHash } from 'node:crypto';
import { dearmor, issuerOf } from '../../provider/formats/openpgp';
import { detachedSignatures } from '../../provider/gpgVerify';
import { withTemporaryFolder } from '../../provider/gpgSession';
import { Asker, PACKAGE, SMALL } from './ask';
import type { WantedPackage } from './expected';
import { Answer, File, ListedPackage, PlainNames, PublicKey, Signatures, there, mapped } from './facts';

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

/**
 * All names of packages, each with its signature.
 *
 * @param folder what messages put before names; below `url`, with a slash at its end
 * @param listed what is known of the package with this file name
 */
export function lookAtNames(
  means: Means,
  url: string,
  folder: string,
  wanted: WantedPackage[],
  listed: (fileName: string) => { size?: number; sha256?: string } | undefined,
): Promise<PlainNames[]> {
  return Promise.all(
    wanted.map(async ({ fileName, aliases, latestAliases }) => {
      const names = [fileName, ...aliases, ...latestAliases].map((name) => `${folder}${name}`);
      const { size, sha256 } = listed(fileName) ?? {};
      const urls = names.map((name) => `${url}/${name}`);
      const looks = await Promise.all(
        names.map((name, i) => lookAtName(means, urls[i], { name, size, sha256 })),
      );
      await settleDoubt(means, urls, looks);
      return {
        fileName: `${folder}${fileName}`,
        files: looks.map(({ file }) => file),
        signatures: looks.map(({ file, signature }) => ({ name: `${file.name}.asc`, answer: signature })),
      };
    }),
  );
}

/** By file name, what an index lists. */
export const listedIn = (packages: ListedPackage[]) => (fileName: string) =>
  packages.find(({ path }) => path.endsWith(`/${fileName}`));

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
