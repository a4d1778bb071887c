/** One package file, built from the install tree or the sources and kept beside the repositories until it is published. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Architecture, PackageRow, Product } from '../../model';
import type { Facts } from '../buildkit';
import { DiskCache } from '../diskCache';
import { buildPackage } from '../formats/packageBuild';
import { readTemplate } from '../formats/template';
import { rpmContents } from '../formats/rpmHeader';
import { openSigner, signRpm } from '../gpg';
import { changed, changedIfKnown, known, Resource } from '../resource';
import { hashFile, unpackTar } from '../source/files';
import { hashOf, PartHashes } from '../source/parts';
import { openStore } from '../store/open';
import { UNKNOWN } from '../wire';
import type { Blob } from './source';

const TEXTS = 'packaging';
/** A package has what the others have, and mostly what the last release had. */
const segments = new DiskCache('.local/cache/segments');

export interface Signing {
  /** GNUPGHOME, relative to the project. */
  home: string;
  fingerprint: string;
  /** Configuration key that names it, for messages. */
  setting: string;
}

export interface PackageInputs {
  bucket: string;
  /** The file goes to `<prefix>/<sha256>/<fileName>`. */
  prefix: string;
  product: Product;
  /** With its names rendered. */
  row: PackageRow;
  fileName: string;
  version: string;
  architecture: Architecture;
  epoch: number;
  /** Archive of the install tree, or of the sources. */
  archive: Blob;
  facts?: Facts;
  /** Input hashes of the parts that go in; known in previews. */
  parts: Partial<PartHashes>;
  /** What the tree really holds of them; known in updates. */
  contents?: Partial<PartHashes>;
  /** An rpm carries its signature inside. */
  signing?: Signing;
  /** How the sources are configured, for the INSTALL text of the source tarball. */
  cmake?: { versionVariable: string; args: string[] };
  /** Set by check: hash of the row and of the packaging texts that it names. */
  recipe?: string;
}

export interface PackageOutputs extends Blob {
  /** SHA-256 before signing; equal means "the same package". */
  unsigned: string;
  /** Of an rpm: digests of header and payload, equal for equal packages whatever their signatures; else empty. */
  identity: string;
  /** Version of the zlib that compressed it: another one may make other bytes. Absent in states of before. */
  zlib?: string;
}

async function texts(row: PackageRow) {
  const read = (template: string) => readTemplate(TEXTS, template);
  const files = await Promise.all(
    row.texts.map(async ({ template, to, mode }) => ({
      to,
      mode: mode ?? 0o644,
      content: await read(template),
    })),
  );
  const scripts = await Promise.all(
    Object.entries(row.scripts ?? {}).map(
      async ([name, template]) => [name, await read(template as string)] as const,
    ),
  );
  return { files, scripts: Object.fromEntries(scripts) };
}

/** Unpacked archives of this process, by digest: a dozen packages read one tree at the same time. */
const unpacked = new Map<string, { folder: Promise<string>; users: number }>();

/** The last user removes the folder: the engine kills its plugins, so nothing is left to do at their end. */
async function withUnpacked<T>(bucket: string, blob: Blob, work: (folder: string) => Promise<T>): Promise<T> {
  const entry = unpacked.get(blob.sha256) ?? { folder: unpack(bucket, blob), users: 0 };
  unpacked.set(blob.sha256, entry);
  entry.users++;
  try {
    return await work(await entry.folder);
  } finally {
    entry.users--;
    if (entry.users === 0) {
      unpacked.delete(blob.sha256);
      await entry.folder.then(
        (folder) => fs.rm(folder, { recursive: true, force: true }),
        () => {},
      );
    }
  }
}

async function unpack(bucket: string, blob: Blob): Promise<string> {
  const target = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-unpacked-'));
  try {
    const archive = path.join(target, 'archive.tar');
    await openStore(bucket).download(blob.key, archive);
    await unpackTar(archive, path.join(target, 'root'));
    return target;
  } catch (error) {
    await fs.rm(target, { recursive: true, force: true });
    throw error;
  }
}

const build = (inputs: PackageInputs, before?: PackageInputs & PackageOutputs): Promise<PackageOutputs> =>
  withUnpacked(inputs.bucket, inputs.archive, (folder) => buildFrom(folder, inputs, before));

async function buildFrom(
  folder: string,
  inputs: PackageInputs,
  before?: PackageInputs & PackageOutputs,
): Promise<PackageOutputs> {
  const store = openStore(inputs.bucket);
  const { row, facts } = inputs;
  const { files, scripts } = await texts(row);
  const work = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-package-'));
  try {
    const file = path.join(work, inputs.fileName);
    await buildPackage(
      {
        key: row.key,
        format: row.format,
        fileName: inputs.fileName,
        package: row.package,
        version: inputs.version,
        arch: inputs.architecture,
        product: inputs.product,
        provides: row.provides ?? [],
        conflicts: row.conflicts ?? [],
        replaces: row.replaces ?? [],
        depends: row.depends ?? [],
        recommends: row.recommends ?? [],
        scripts,
        texts: files,
        select: row.select,
        libraries: row.libraries ?? false,
        from: row.from,
        epoch: inputs.epoch,
        debDepends: facts?.debDepends ?? [],
        rpmRequires: facts?.rpmRequires ?? [],
        driver: facts?.driver ?? undefined,
        variables: inputs.cmake && {
          VERSION_VARIABLE: inputs.cmake.versionVariable,
          CMAKE_ARGS: ['-DCMAKE_INSTALL_PREFIX=/usr', ...inputs.cmake.args].join(' '),
        },
      },
      row.from === 'source'
        ? { sourceTar: path.join(folder, 'archive.tar') }
        : { treeDir: path.join(folder, 'root'), segments },
      file,
    );
    const unsigned = await hashFile(file);
    const identity = inputs.row.format === 'rpm' ? await rpmContents(file) : '';
    const { zlib } = process.versions;
    const moved =
      before?.prefix !== inputs.prefix ||
      before?.bucket !== inputs.bucket ||
      before?.fileName !== inputs.fileName;
    const signer = hashOf(inputs.signing?.fingerprint);
    if (
      before &&
      !moved &&
      before.unsigned === unsigned &&
      hashOf(before.signing?.fingerprint) === signer &&
      (await store.head(before.key))
    ) {
      // Another signature would be other bytes: what is there wins.
      return { key: before.key, sha256: before.sha256, size: before.size, unsigned, identity, zlib };
    }
    if (inputs.signing) {
      const { home, fingerprint, setting } = inputs.signing;
      await signRpm(file, await openSigner({ home, key: fingerprint, setting }), inputs.epoch);
    }
    const sha256 = await hashFile(file);
    const key = `${inputs.prefix}/${sha256}/${inputs.fileName}`;
    await store.putImmutable(key, { file });
    return { key, sha256, size: (await fs.stat(file)).size, unsigned, identity, zlib };
  } finally {
    await fs.rm(work, { recursive: true, force: true });
  }
}

export const packageFile: Resource<PackageInputs, PackageOutputs> = {
  async check(news) {
    if (news === UNKNOWN) return news;
    const row = news.row as PackageRow;
    return {
      ...news,
      recipe: hashOf(row, news.product, known(news.cmake), await texts(row)),
    };
  },

  diff(olds, news) {
    if (news === UNKNOWN) return { changes: ['archive'] };
    const fields = [
      'bucket',
      'prefix',
      'fileName',
      'version',
      'epoch',
      'parts',
      'recipe',
      'architecture',
    ] as const;
    const after = { ...(news as object), signer: (news as PackageInputs).signing?.fingerprint };
    const before = { ...olds, signer: olds.signing?.fingerprint };
    return {
      changes: [
        ...changed<typeof before>(before, after, [...fields, 'signer']),
        ...changedIfKnown(olds, news, ['contents']),
      ],
    };
  },

  async create(inputs) {
    return { id: inputs.row.key, outs: await build(inputs) };
  },

  update(olds, news) {
    return build(news, olds);
  },

  read: keptFile,
  delete: removeFiles,
};

/** A lost or truncated file is made anew by the next update. */
export async function keptFile<S extends Blob & { bucket: string }>(state: S): Promise<S | undefined> {
  const found = await openStore(state.bucket).head(state.key);
  return found?.size === state.size ? state : undefined;
}

/** Everything that a package's resource has put below its prefix; what is published lies elsewhere. */
export async function removeFiles({ bucket, prefix }: { bucket: string; prefix: string }): Promise<void> {
  const store = openStore(bucket);
  for (const key of await store.list(`${prefix}/`)) await store.delete(key);
}
