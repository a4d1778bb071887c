/**
 * A bucket of our own that is served over HTTP on loopback, with the signed apt and yum repositories that the stack's
 * own code makes of package files.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { fileNames, fill, publicNames } from '../../names';
import { signRpm } from '../../provider/gpg';
import { aptRepository, RepositoryPackage, yumRepository } from '../../provider/resources/repository';
import { openStore } from '../../provider/store/open';
import { EPOCH, temporaryFolder } from '../unit/packaging/fixture';
import { pooled, serve, testSigner } from '../unit/publish/bench';
import type { Outputs } from './project';
import { repositoryInputs } from './repositoryInputs';

/** A package file of a catalog row. */
export interface Made {
  key: string;
  version: string;
  file: string;
}

export interface ServedRepository {
  /** Folder of what is served. */
  bucket: string;
  /** As the stack's outputs have them. */
  outputs: Pick<Outputs, 'apt' | 'yum' | 'packages'>;
  /** The bytes of a published package, by the name that users download. */
  download(name: string): Promise<string>;
  close(): Promise<void>;
}

/** Publishes the packages release by release, as they came out. rpms are signed, on copies of them. */
export async function serveRepository(...releases: Made[][]): Promise<ServedRepository> {
  const bucket = await temporaryFolder();
  const server = await serve(bucket);
  const { product, architectures, repositories } = catalog;
  const [architecture] = architectures;
  const signer = await testSigner();
  const store = openStore(bucket, server.url);
  const names = publicNames(product);
  const work = await temporaryFolder();

  const entryOf = async ({ key, version, file }: Made): Promise<RepositoryPackage> => {
    const row = catalog.packages.find((one) => one.key === key);
    if (!row?.package) throw new Error(`the catalog has no deb or rpm ${key}`);
    const rowNames = fileNames(product, row, version, architecture);
    const copy = path.join(work, rowNames.fileName);
    await fs.copyFile(file, copy);
    if (row.format === 'rpm') await signRpm(copy, signer, EPOCH);
    const prefix = repositories[row.format === 'deb' ? 'apt' : 'yum'].prefix.release;
    const name = fill(row.package, { name: product.name });
    const made = await pooled(store, prefix, copy, { name, version, ...rowNames });
    return { ...made, aliases: rowNames.aliases, latestAliases: rowNames.latestAliases };
  };

  const common = repositoryInputs(bucket, server.url, signer);
  const packages: Outputs['packages'] = {};
  for (const release of releases) {
    for (const [kind, resource, format] of [
      ['apt', aptRepository, 'deb'],
      ['yum', yumRepository, 'rpm'],
    ] as const) {
      const rows = await Promise.all(release.filter(({ key }) => key.startsWith(format)).map(entryOf));
      if (rows.length === 0) continue;
      const prefix = repositories[kind].prefix.release;
      const { outs } = await resource.create({ ...common, prefix, prefixes: [prefix], packages: rows });
      Object.assign(packages, outs.files);
    }
  }
  const [apt, yum] = [repositories.apt, repositories.yum].map(
    ({ prefix }) => `${server.url}/${prefix.release}`,
  );
  const key = `${server.url}/${names.publicKey}`;
  const { suite, component } = repositories.apt;
  return {
    bucket,
    outputs: {
      packages,
      apt: { url: apt, suite, component, key, sources: `${apt}/${names.aptSources}` },
      yum: { url: yum, key, repo: `${yum}/${names.yumRepo}` },
    },
    download: async (name) => {
      const to = path.join(await temporaryFolder(), name);
      const response = await fetch(packages[name].url);
      if (!response.ok) throw new Error(`${packages[name].url}: ${response.status}`);
      await fs.writeFile(to, Buffer.from(await response.arrayBuffer()));
      return to;
    },
    close: () => server.close(),
  };
}
