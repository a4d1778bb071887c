/** A bucket, a key and packages in its pool, for the tests of publishing. */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { createServer, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { createLocalKey, openSigner, Signer } from '../../../provider/gpg';
import { PublishedPackage, RepositorySettings } from '../../../provider/publish/published';
import { Store } from '../../../provider/store/store';
import { makeDeb, makeRpm, Sample } from './samples';

let home: Promise<string> | undefined;

/** The folder of one key for all test files of a run: making one takes a second. */
export function testHome(): Promise<string> {
  home ??= (async () => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'test-keys-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    await createLocalKey({ home: folder, uid: 'Publishing tests' });
    return folder;
  })();
  return home;
}

export async function testSigner(): Promise<Signer> {
  return openSigner({ home: await testHome(), setting: 'test:key' });
}

export function settingsFor(prefix: string): RepositorySettings {
  return {
    prefix,
    productName: 'sample',
    title: 'Sample packages',
    origin: 'Sample',
    suite: 'stable',
    component: 'main',
    architectures: ['amd64'],
    publicKey: 'packages/sample-packages.asc',
    keyring: 'packages/sample-archive-keyring.gpg',
  };
}

/** Puts a file into the pool, as building a package does. */
export async function pooled(
  store: Store,
  prefix: string,
  file: string,
  one: { name: string; version: string; fileName: string; aliases?: string[]; stack?: string },
): Promise<PublishedPackage> {
  const body = await fs.readFile(file);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const key = `${prefix}/pool/${sha256}/${one.fileName}`;
  await store.putImmutable(key, { file });
  return { aliases: [], latestAliases: [], stack: 'local', ...one, sha256, size: body.length, key };
}

export async function debIn(
  store: Store,
  folder: string,
  sample: Sample,
  stack?: string,
): Promise<PublishedPackage> {
  const version = sample.version.replace('~', '-');
  const fileName = `${sample.name}-${version}-amd64.deb`;
  const aliases = [`${sample.name}-${version}-x86_64.deb`];
  const file = await makeDeb(folder, sample);
  return pooled(store, 'packages/deb', file, {
    name: sample.name,
    version,
    fileName,
    aliases,
    ...(stack && { stack }),
  });
}

/** An rpm file; `sign` may sign it. */
export async function rpmIn(
  store: Store,
  folder: string,
  sample: Sample,
  sign: (file: string) => Promise<void>,
  stack?: string,
): Promise<PublishedPackage> {
  const version = sample.version.replace('~', '-');
  const fileName = `${sample.name}-${version}-x86_64.rpm`;
  const file = await makeRpm(folder, sample);
  await sign(file);
  return pooled(store, 'packages/rpm', file, {
    name: sample.name,
    version,
    fileName,
    ...(stack && { stack }),
  });
}

/** Serves a folder over HTTP on loopback and keeps the paths that were asked for. */
export async function serve(
  root: string,
): Promise<{ url: string; requests: string[]; close(): Promise<void> }> {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    requests.push(pathname);
    fs.readFile(path.join(root, pathname)).then(
      (body) => response.end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return { url: `http://127.0.0.1:${port}`, requests, close };
}

/** Every object with its bytes, to see whether anything was written. */
export async function snapshot(store: Store): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { key, modified } of await store.listObjects('')) {
    found[key] = `${(await store.get(key))?.etag} ${modified.getTime()}`;
  }
  return found;
}

/** The store, and what is read from it after its first swap: keys. */
export function readsAfterSwap(store: Store): { watched: Store; keys: string[] } {
  const keys: string[] = [];
  let isCommitted = false;
  const verbs: Pick<Store, 'get' | 'compareAndSwap'> = {
    get(key) {
      if (isCommitted) keys.push(key);
      return store.get(key);
    },
    async compareAndSwap(key, body, etag) {
      const made = await store.compareAndSwap(key, body, etag);
      isCommitted = true;
      return made;
    },
  };
  return { watched: Object.assign(Object.create(store) as Store, verbs), keys };
}
