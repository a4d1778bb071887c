/** Releases of the catalog as the public has them: repositories behind a web server, images in two registries. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { fileNames, fill, publicNames } from '../../names';
import { Signer, signRpm } from '../../provider/gpg';
import { copy, pushRootfs } from '../../provider/oci';
import { KINDS, settingsOf } from '../../provider/publish/kinds';
import { PublishedPackage, RepositorySettings } from '../../provider/publish/published';
import { openStore } from '../../provider/store/open';
import { Store } from '../../provider/store/store';
import { pooled } from '../unit/publish/bench';
import { makeDeb, makeRpm } from '../unit/publish/samples';

const DATE = new Date('2026-01-02T03:04:05Z');
const { product, repositories, architectures } = catalog;
const [architecture] = architectures;

export type KindName = keyof typeof KINDS;
const FORMATS: Record<KindName, string[]> = { apt: ['deb'], yum: ['rpm'], downloads: ['tar.gz', 'debug'] };

function settingsIn(kind: KindName, flavour: 'release' | 'dev' = 'release'): RepositorySettings {
  const { suite, component } = repositories.apt;
  const prefix = repositories[kind].prefix[flavour];
  return settingsOf({ ...publicNames(product), prefix, product, suite, component, architecture });
}

async function packagesOf(
  store: Store,
  work: string,
  kind: KindName,
  version: string,
  signer: Signer,
  prefix: string,
): Promise<PublishedPackage[]> {
  const rows = catalog.packages.filter(({ format }) => FORMATS[kind].includes(format));
  return Promise.all(
    rows.map(async (row) => {
      const name = fill(row.package ?? row.key, { name: product.name });
      const names = fileNames(product, row, version, architecture);
      const sample = { name, version: version.replace('-', '~') };
      const file = await (kind === 'apt'
        ? makeDeb(work, sample)
        : kind === 'yum'
          ? makeRpm(work, sample)
          : makeText(work, names.fileName));
      if (kind === 'yum') await signRpm(file, signer, DATE.getTime() / 1000);
      return pooled(store, prefix, file, { name, version, ...names });
    }),
  );
}

async function makeText(work: string, name: string): Promise<string> {
  const file = path.join(work, name);
  await fs.writeFile(file, `${name}\n`.repeat(100));
  return file;
}

export interface Publication {
  bucket: string;
  url: string;
  signer: Signer;
  work: string;
  flavour?: 'release' | 'dev';
  withdrawn?: string[];
}

/** Publishes all packages of a version in each of the kinds. */
export async function publishVersion(
  { bucket, url, signer, work, flavour = 'release', withdrawn = [] }: Publication,
  version: string,
  kinds: KindName[] = ['apt', 'yum', 'downloads'],
): Promise<void> {
  const store = openStore(bucket, url);
  for (const kind of kinds) {
    const settings = settingsIn(kind, flavour);
    const packages = await packagesOf(store, work, kind, version, signer, settings.prefix);
    const options = { policy: { stack: 'local', withdrawn }, immutable: false };
    await KINDS[kind].publish(store, settings, packages, signer, DATE, options);
  }
}

/**
 * Every image of the catalog, by `<image>:<version>`; pushed to the first namespace, to be copied to others. The layer
 * is gzipped, as builds have it: copiers compress others, which gives another digest.
 */
export async function pushImages(namespace: string, work: string, versions: string[]) {
  const digests: Record<string, string> = {};
  for (const { name } of catalog.images) {
    for (const version of versions) {
      const tar = path.join(work, 'image.tar');
      await fs.writeFile(tar, tarOf(`${name}-${version}`));
      digests[`${name}:${version}`] = await pushRootfs(`${namespace}/${name}`, tar);
    }
  }
  return digests;
}

/** A tar with one empty file (POSIX.1-1988 ustar). */
function tarOf(name: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0' + '0000000\0' + '0000000\0' + '00000000000\0' + '00000000000\0', 100);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, Buffer.alloc(1024)]);
}

/** Points a tag and its aliases in a namespace at the images of a version, which are in `from`. */
export async function tagImages(
  from: string,
  namespace: string,
  digests: Record<string, string>,
  version: string,
  tag: string,
): Promise<void> {
  await Promise.all(
    catalog.images.flatMap(({ name, aliases }) =>
      [{ repository: name, suffix: '' }, ...aliases].map(({ repository, suffix }) =>
        copy(
          `${from}/${name}@${digests[`${name}:${version}`]}`,
          `${namespace}/${repository}:${tag}${suffix}`,
        ),
      ),
    ),
  );
}
