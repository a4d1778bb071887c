/** What apt and dnf fetch, in their order, and what they check of it: enough of them to run thousands of times. */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { isSignedBy, verifiedText } from '../../provider/gpgVerify';
import { RepositorySettings } from '../../provider/publish/published';
import { Store } from '../../provider/store/store';

/** Something that a real client would stop at. */
export class Mismatch extends Error {}

const sha256 = (body: Buffer) => createHash('sha256').update(body).digest('hex');

async function fetch(store: Store, key: string): Promise<Buffer> {
  const found = await store.get(key);
  if (!found) throw new Mismatch(`${key}: 404`);
  return found.body;
}

async function fetchChecked(store: Store, key: string, digest: string, size?: number): Promise<Buffer> {
  const body = await fetch(store, key);
  if (sha256(body) !== digest || (size !== undefined && body.length !== size))
    throw new Mismatch(`${key}: Hash Sum mismatch`);
  return body;
}

/** A client that has read the pointer and reads the rest when it is told to. Gives `file sha256` lines. */
export type Session = () => Promise<string[]>;
/** Undefined: there is no repository. */
export type Client = (
  store: Store,
  settings: RepositorySettings,
  key: Buffer,
) => Promise<Session | undefined>;

/** apt 1.2 or later: InRelease, Packages.gz by hash, packages. */
export const apt: Client = async (store, settings, key) => {
  const folder = `${settings.prefix}/dists/${settings.suite}`;
  const pointer = await store.get(`${folder}/InRelease`);
  if (!pointer) return undefined;
  const text = await verifiedText(pointer.body, key);
  if (text === undefined) throw new Mismatch('InRelease: bad signature');
  return async () => {
    const name = `${settings.component}/binary-${settings.architectures[0]}/Packages.gz`;
    const listed = new RegExp(`^ ([0-9a-f]{64}) +(\\d+) ${name}$`, 'm').exec(text);
    if (!listed?.[1]) throw new Mismatch(`InRelease does not list ${name}`);
    const byHash = `${folder}/${name.replace(/[^/]+$/, '')}by-hash/SHA256/${listed[1]}`;
    const packages = gunzipSync(await fetchChecked(store, byHash, listed[1], Number(listed[2]))).toString();
    const found: string[] = [];
    for (const paragraph of packages.split(/\n\n+/).filter((one) => one.trim() !== '')) {
      const field = (label: string) => new RegExp(`^${label}: (.+)$`, 'm').exec(paragraph)?.[1] ?? '';
      const digest = field('SHA256');
      await fetchChecked(store, `${settings.prefix}/${field('Filename')}`, digest, Number(field('Size')));
      found.push(`${field('Filename').replace(/.*\//, '')} ${digest}`);
    }
    return found.sort();
  };
};

/** dnf with our `.repo`: mirrorlist, the generation's repomd.xml and its signature, primary, packages. */
export const dnf: Client = async (store, settings, key) => {
  const pointer = await store.get(`${settings.prefix}/mirrorlist`);
  if (!pointer) return undefined;
  const url = pointer.body.toString().trim();
  if (!url.startsWith(`${store.url}/`)) throw new Mismatch(`mirrorlist names ${url}`);
  const folder = url.slice(store.url.length + 1);
  return async () => {
    const repomd = await fetch(store, `${folder}repodata/repomd.xml`);
    const signature = await fetch(store, `${folder}repodata/repomd.xml.asc`);
    if (!(await isSignedBy(repomd, signature, key))) throw new Mismatch('repomd.xml: Bad GPG signature');
    const listed = [...repomd.toString().matchAll(/<data type="(\w+)">([^]*?)<\/data>/g)];
    const bodies = new Map<string, Buffer>();
    for (const [, type = '', data = ''] of listed) {
      const digest = /<checksum type="sha256">([0-9a-f]{64})</.exec(data)?.[1] ?? '';
      const href = /<location href="([^"]+)"/.exec(data)?.[1] ?? '';
      bodies.set(type, await fetchChecked(store, `${folder}${href}`, digest));
    }
    const primary = gunzipSync(bodies.get('primary') ?? Buffer.alloc(0)).toString();
    const found: string[] = [];
    for (const [, body = ''] of primary.matchAll(/<package type="rpm">([^]*?)<\/package>/g)) {
      const digest = /<checksum type="sha256"[^>]*>([0-9a-f]{64})</.exec(body)?.[1] ?? '';
      const href = /<location[^>]* href="([^"]+)"/.exec(body)?.[1] ?? '';
      const key = new URL(href, `http://x/${folder}`).pathname.slice(1);
      await fetchChecked(store, key, digest);
      found.push(`${href.replace(/.*\//, '')} ${digest}`);
    }
    return found.sort();
  };
};

/**
 * A person with curl, gpg and sha256sum: the list of sums, then each file. A name that moves (an unversioned one, a
 * rebuilt release) may be of the state before or after for a moment, and then is one of the two, whole.
 */
export const downloads: Client = async (store, settings, key) => {
  const pointer = await store.get(`${settings.prefix}/SHA256SUMS.asc`);
  if (!pointer) return undefined;
  const text = await verifiedText(pointer.body, key);
  if (text === undefined) throw new Mismatch('SHA256SUMS.asc: bad signature');
  return async () => {
    const found: string[] = [];
    for (const line of text.trim().split('\n')) {
      const [, digest = '', name = ''] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
      const body = await fetch(store, `${settings.prefix}/${name}`);
      if (name.startsWith('manifests/')) continue;
      const isPooled = async () => {
        const pool = await store.list(`${settings.prefix}/pool/${sha256(body)}/`);
        return pool.length === 1;
      };
      if (sha256(body) !== digest && !(await isPooled())) throw new Mismatch(`${name}: FAILED`);
      found.push(`${name} ${digest}`);
    }
    return found.sort();
  };
};
