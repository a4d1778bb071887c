/** The signed apt and yum repositories and the downloads that the stack's own code makes of package files, release by release. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { fileNames, fill, publicNames } from '../../names';
import { Signer, signRpm } from '../../provider/gpg';
import {
  aptRepository,
  downloads,
  RepositoryPackage,
  yumRepository,
} from '../../provider/resources/repository';
import { hashFile } from '../../provider/source/files';
import { EPOCH, temporaryFolder } from '../unit/packaging/fixture';
import { testSigner } from '../unit/publish/bench';
import { packageOf, Release } from './packageFiles';
import type { Outputs } from './project';
import { repositoryInputs } from './repositoryInputs';

export type Published = Pick<Outputs, 'apt' | 'yum' | 'packages'> & {
  signer: Signer;
  /** Path of a published package by the name that users download. */
  fileOf(name: string): string;
};

const KEYS = { apt: ['deb-module', 'deb-bpf'], yum: ['rpm-module', 'rpm-bpf'], downloads: ['bin'] };
const KINDS = { apt: aptRepository, yum: yumRepository, downloads };
const { product, repositories } = catalog;
const [architecture] = catalog.architectures;
const names = publicNames(product);

/** Publishes the debs, rpms and bin tarballs of these releases, in this order; what it gives is what the stack's outputs say. */
export async function publishReleases(...releases: Release[]): Promise<Published> {
  const bucket = await temporaryFolder();
  const url = `file://${bucket}`;
  const signer = await testSigner();
  const packages: Outputs['packages'] = {};
  for (const release of releases) {
    for (const kind of ['apt', 'yum', 'downloads'] as const) {
      const prefix = repositories[kind].prefix.release;
      const built = KEYS[kind].map((key) => build(bucket, key, release, signer));
      const { outs } = await KINDS[kind].create({
        ...repositoryInputs(bucket, url, signer),
        prefix,
        prefixes: [prefix],
        packages: await Promise.all(built),
      });
      Object.assign(packages, outs.files);
    }
  }
  const [apt, yum] = [repositories.apt, repositories.yum].map(({ prefix }) => `${url}/${prefix.release}`);
  const key = `${url}/${names.publicKey}`;
  const { suite, component } = repositories.apt;
  return {
    packages,
    signer,
    apt: { url: apt, suite, component, key, sources: `${apt}/${names.aptSources}` },
    yum: { url: yum, key, repo: `${yum}/${names.yumRepo}` },
    fileOf: (name) => packages[name].url.replace(/^file:\/\//, ''),
  };
}

/** Puts a package where the building of one puts it. */
async function build(
  bucket: string,
  key: string,
  release: Release,
  signer: Signer,
): Promise<RepositoryPackage> {
  const row = catalog.packages.find((one) => one.key === key);
  if (!row) throw new Error(`the catalog has no package ${key}`);
  const { fileName, aliases, latestAliases } = fileNames(product, row, release.version, architecture);
  const folder = path.join(bucket, 'build', `${key}-${release.version}`);
  const file = path.join(folder, fileName);
  await fs.mkdir(folder, { recursive: true });
  await fs.copyFile(await packageOf(key, release), file);
  if (row.format === 'rpm') await signRpm(file, signer, EPOCH);
  return {
    name: fill(row.package ?? row.key, { name: product.name }),
    version: release.version,
    fileName,
    aliases,
    latestAliases,
    sha256: await hashFile(file),
    size: (await fs.stat(file)).size,
    key: path.relative(bucket, file),
  };
}
