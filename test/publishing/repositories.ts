/** The kinds of repository under test: how a package is made, published, taken away, checked and read. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { signRpm, Signer } from '../../provider/gpg';
import { checkApt, publishApt, unpublishApt } from '../../provider/publish/apt';
import { DOCUMENTS, PublishedPackage, RepositorySettings, Statement } from '../../provider/publish/published';
import { checkDownloads, publishDownloads, unpublishDownloads } from '../../provider/publish/downloads';
import { checkYum, publishYum, unpublishYum } from '../../provider/publish/yum';
import { Store } from '../../provider/store/store';
import { settingsFor } from '../unit/publish/bench';
import { makeDeb, makeRpm, Sample } from '../unit/publish/samples';
import { apt, Client, dnf, downloads } from './clientModels';

const DATE = new Date('2026-01-02T03:04:05Z');

export type RepositoryName = 'apt' | 'yum' | 'downloads';
export const REPOSITORIES: RepositoryName[] = ['apt', 'yum', 'downloads'];

export interface Repository {
  name: RepositoryName;
  settings: RepositorySettings;
  client: Client;
  /** A built package outside of the pool, as `up` has it before the barrier. `work` stays until the tests' end. */
  build(store: Store, work: string, sample: Sample, stack?: string): Promise<PublishedPackage>;
  publish(store: Store, packages: PublishedPackage[], now?: Date): Promise<unknown>;
  unpublish(store: Store, stack: string, now?: Date): Promise<void>;
  /** What is wrong with it. */
  check(store: Store, packages: PublishedPackage[]): Promise<string[]>;
}

/** Files of packages by what is in them: the same one is in many buckets. */
const files = new Map<string, Promise<string>>();

function once(kind: string, work: string, sample: Sample, make: () => Promise<string>): Promise<string> {
  const id = JSON.stringify([kind, work, sample]);
  const file = files.get(id) ?? make();
  files.set(id, file);
  return file;
}

async function built(
  store: Store,
  prefix: string,
  file: string,
  sample: Sample,
  suffix: string,
  stack: string,
): Promise<PublishedPackage> {
  const body = await fs.readFile(file);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const fileName = `${sample.name}-${sample.version}-${suffix}`;
  const key = `build/${sha256}/${fileName}`;
  await store.putImmutable(key, body);
  const beside = (text: string) => statementsIn(store, prefix, fileName, `${text} of ${sha256}\n`);
  return {
    name: sample.name,
    version: sample.version,
    fileName,
    aliases: [`${sample.name}-${sample.version}-alias-${suffix}`],
    latestAliases: [`${sample.name}-${suffix}`],
    stack,
    sha256,
    size: body.length,
    key: `${prefix}/pool/${sha256}/${fileName}`,
    built: key,
    statements: await beside('told'),
  };
}

/** The same package, to be published below another prefix. */
export function below(prefix: string, one: PublishedPackage): PublishedPackage {
  const at = (key: string) => key.replace(/^.*\/pool\//, `${prefix}/pool/`);
  const statements = one.statements?.map((statement) => ({ ...statement, key: at(statement.key) }));
  return { ...one, key: at(one.key), statements };
}

/** Removes what `build` made of a package, outside of the pool. */
export async function removeBuilt(store: Store, one: PublishedPackage): Promise<void> {
  for (const { built } of [one, ...(one.statements ?? [])]) if (built) await store.delete(built);
}

/** Documents of a package, outside of the pool. */
export function statementsIn(
  store: Store,
  prefix: string,
  fileName: string,
  text: string,
): Promise<Statement[]> {
  return Promise.all(
    DOCUMENTS.map(async (document) => {
      const body = Buffer.from(`${document} ${text}`);
      const sha256 = createHash('sha256').update(body).digest('hex');
      const name = `${fileName}.${document}`;
      const built = `build/${sha256}/${name}`;
      await store.putImmutable(built, body);
      return { document, sha256, size: body.length, key: `${prefix}/pool/${sha256}/${name}`, built };
    }),
  );
}

/** Any file will do: here it is a text. */
async function makeFile(folder: string, { name, version, content = 'content' }: Sample): Promise<string> {
  await fs.mkdir(folder, { recursive: true });
  const file = path.join(await fs.mkdtemp(path.join(folder, 'make-')), name);
  await fs.writeFile(file, `${name} ${version} ${content}\n`.repeat(100));
  return file;
}

/** What the list of sums says of versioned packages; aliases and documents have been looked at. */
const versioned: Client = async (...given) => {
  const session = await downloads(...given);
  return (
    session && (async () => (await session()).filter((line) => /-\d+\.\d+\.\d+-x86\.tar\.gz /.test(line)))
  );
};

export function repositories(signer: Signer): Repository[] {
  const bin = settingsFor('packages/bin');
  const deb = settingsFor('packages/deb');
  const rpm = settingsFor('packages/rpm');
  return [
    {
      name: 'apt',
      settings: deb,
      client: apt,
      async build(store, work, sample, stack = 'local') {
        const file = await once('deb', work, sample, () => makeDeb(path.join(work, 'debs'), sample));
        return built(store, deb.prefix, file, sample, 'amd64.deb', stack);
      },
      publish: (store, packages, now) => publishApt(store, deb, packages, signer, DATE, { now }),
      unpublish: (store, stack, now) => unpublishApt(store, deb, stack, signer, DATE, { now }),
      check: (store, packages) => checkApt(store, deb, packages),
    },
    {
      name: 'yum',
      settings: rpm,
      client: dnf,
      async build(store, work, sample, stack = 'local') {
        const file = await once('rpm', work, sample, async () => {
          const made = await makeRpm(path.join(work, 'rpms'), sample);
          await signRpm(made, signer, DATE.getTime() / 1000);
          return made;
        });
        return built(store, rpm.prefix, file, sample, 'x86_64.rpm', stack);
      },
      publish: (store, packages, now) => publishYum(store, rpm, packages, signer, DATE, { now }),
      unpublish: (store, stack, now) => unpublishYum(store, rpm, stack, signer, DATE, { now }),
      check: (store, packages) => checkYum(store, rpm, packages),
    },
    {
      name: 'downloads',
      settings: bin,
      client: versioned,
      async build(store, work, sample, stack = 'local') {
        const file = await once('file', work, sample, () => makeFile(path.join(work, 'files'), sample));
        return built(store, bin.prefix, file, sample, 'x86.tar.gz', stack);
      },
      publish: (store, packages, now) => publishDownloads(store, bin, packages, signer, DATE, { now }),
      unpublish: (store, stack, now) => unpublishDownloads(store, bin, stack, signer, DATE, { now }),
      check: (store, packages) => checkDownloads(store, bin, packages),
    },
  ];
}
/** One of them. */
export function repositoryNamed(name: RepositoryName, signer: Signer): Repository {
  return repositories(signer).find((one) => one.name === name) as Repository;
}
