/** All that a build has published and what it was made of, each with a digest that signatures and dates do not change. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { rpmContents } from '../../provider/formats/rpmHeader';
import { clearText } from '../../provider/gpgVerify';
import { listTree } from '../../provider/source/files';
import { run } from '../unit/packaging/fixture';

export interface MadeFile {
  digest: string;
  /** The file, or the reference of an image. */
  at: string;
}

/** Signatures of another file. */
const isSignature = (key: string, keys: Set<string>) =>
  /\.(asc|gpg)$/.test(key) && keys.has(key.replace(/\.(asc|gpg)$/, ''));

/** Lists that say when something was published: manifests, yum's primary. */
const isDatedList = (key: string) =>
  /(manifest|\/manifests\/[0-9a-f]{64})\.json\.gz$|primary\.xml\.gz$/.test(key);
const isDatedIndex = (key: string) => /\/by-hash\/SHA256\/[0-9a-f]{64}$/.test(key);
const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');

/** Without the times of publication. */
const undatedList = (text: string) =>
  text.replace(/"published":\s*"[^"]*"/g, '').replace(/<time file=(\\?)"\d+\\?"/g, '<time');

/** What is signed says when, and lists what says when: by digests of what these are without. */
function undated(key: string, body: Buffer, lists: Map<string, string>): Buffer | string {
  if (/\/index\.html$/.test(key)) return body.toString().replace(/<time>[^<]*<\/time>/g, '');
  if (!/\/(In)?Release$|SHA256SUMS\.asc$|\/repomd\.xml$|\/mirrorlist$/.test(key)) return body;
  const text = clearText(body) ?? body.toString();
  // A size goes with its digest.
  return withoutGeneration(text)
    .replace(/^Date: .*\n/m, '')
    .replace(/<(revision|timestamp|size|open-size)>\d+<\/\1>/g, '')
    .replace(/([0-9a-f]{64})( +\d+)?/g, (found, digest: string) => lists.get(digest) ?? found);
}

const withoutGeneration = (text: string) => text.replace(/(generations\/)[0-9a-f]{64}/, '$1…');

/** Digests of the lists that say when, as they are, to what they would be without. */
async function datedLists(bucket: string, keys: string[]): Promise<Map<string, string>> {
  const lists = new Map<string, string>();
  for (const key of keys.filter(isDatedList)) {
    const packed = await fs.readFile(path.join(bucket, key));
    const open = gunzipSync(packed);
    const without = sha256(undatedList(open.toString()));
    for (const one of [packed, open]) lists.set(sha256(one), without);
  }
  return lists;
}

/** Of a bucket that is a folder: everything public, the sources and the install tree. */
export async function madeFiles(bucket: string): Promise<Record<string, MadeFile>> {
  const keys = (await listTree(bucket)).map((one) => one.path);
  const all = new Set(keys);
  const lists = await datedLists(bucket, keys);
  const made: Record<string, MadeFile> = {};
  for (const key of keys.filter((one) => /^(packages\/|build\/[^/]+\/(source|tree)\/)/.test(one))) {
    if (isSignature(key, all)) continue;
    const at = path.join(bucket, key);
    const body = await fs.readFile(at);
    const digest =
      isDatedList(key) || isDatedIndex(key)
        ? (lists.get(sha256(body)) ?? sha256(body))
        : key.endsWith('.rpm')
          ? await rpmContents(at)
          : sha256(undated(key, body, lists));
    // An rpm's key in the pool is the digest of the signed file.
    const name = withoutGeneration(key)
      .replace(/(\/rpm\/pool\/)[0-9a-f]{64}/, '$1…')
      .replace(/[0-9a-f]{64}/, (found) => lists.get(found) ?? found);
    made[name.startsWith('build/') ? name.replace(/[0-9a-f]{64}/, '…') : name] = { digest, at };
  }
  return made;
}

/** @returns lines of a table, every artifact with its two digests, and the names of those that differ */
export function report(
  first: Record<string, MadeFile>,
  second: Record<string, MadeFile>,
): { lines: string[]; different: string[] } {
  const names = [...new Set([...Object.keys(first), ...Object.keys(second)])].sort();
  const width = Math.max(...names.map(({ length }) => length));
  const short = (one?: MadeFile) =>
    (one ? one.digest.replace(/^sha256:/, '').slice(0, 32) : 'none').padEnd(32);
  const isEqual = (name: string) => first[name]?.digest === second[name]?.digest;
  return {
    lines: names.map((name) =>
      [
        name.padEnd(width),
        short(first[name]),
        short(second[name]),
        isEqual(name) ? 'equal' : 'DIFFERENT',
      ].join('  '),
    ),
    different: names.filter((name) => !isEqual(name)),
  };
}

/** What diffoscope says of two artifacts, cut after so many lines. */
export async function difference(first: MadeFile, second: MadeFile, work: string): Promise<string> {
  const files = await Promise.all([first, second].map((one, i) => here(one, path.join(work, `${i}`))));
  const args = ['--max-text-report-size', '20000', '--no-progress', ...files];
  // Status 1 says that there are differences.
  const { stdout } = await run('diffoscope', args, { maxBuffer: 1 << 26, timeout: 600_000 }).catch(
    (error: { stdout: string }) => error,
  );
  return stdout;
}

async function here({ at, digest }: MadeFile, file: string): Promise<string> {
  if (!digest.startsWith('sha256:')) return at;
  await run('crane', ['pull', at, `${file}.tar`]);
  return `${file}.tar`;
}
