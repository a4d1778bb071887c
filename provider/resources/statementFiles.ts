/** The documents of packages and images, in the bucket, and what was found for them before. */
import { DiskCache } from '../diskCache';
import { sha256 } from '../formats/compress';
import type { Statement } from '../publish/published';
import { openStore } from '../store/open';

/** A scan takes seconds, and most of what another stack has made, or this one before it was destroyed, is made again. */
export const scans = new DiskCache('.local/cache/sbom', 256 * 1024 ** 2);

/** Layers of distributions, unpacked: most of what an image's scan takes. */
export const LAYERS = '.local/cache/layers';

/** Where a document is kept: `<prefix>/<sha256>/<fileName>.<document>` of a bucket. */
interface StatementPlace {
  bucket: string;
  prefix: string;
  fileName: string;
}

/** Stores a document. */
export async function keepStatement(
  { bucket, prefix, fileName }: StatementPlace,
  document: Statement['document'],
  text: string,
): Promise<Statement> {
  const body = Buffer.from(text);
  const key = `${prefix}/${sha256(body)}/${fileName}.${document}`;
  await openStore(bucket).putImmutable(key, body);
  return { document, key, sha256: sha256(body), size: body.length };
}

/** Whether every document is there. */
export async function areKept({
  bucket,
  statements,
}: {
  bucket: string;
  statements: Statement[];
}): Promise<boolean> {
  const store = openStore(bucket);
  for (const { key, size } of statements) if ((await store.head(key))?.size !== size) return false;
  return true;
}
