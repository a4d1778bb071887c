/** Asks an apt repository as apt does, and as older ones do that know no `InRelease` and no by-hash. */
import { gunzipSync } from 'node:zlib';
import type { Catalog } from '../../model';
import { publicNames } from '../../names';
import { field, listedDebs, ListedFile, listedFiles } from '../../provider/formats/aptIndex';
import { keysIn } from '../../provider/gpgKeys';
import { clearText, detachedSignatures, textSignatures } from '../../provider/gpgVerify';
import { LARGE, SMALL } from './ask';
import { wantedPackages } from './expected';
import {
  absent,
  Answer,
  AptFacts,
  failed,
  File,
  ListedPackage,
  SetUp,
  SignedText,
  mapped,
  there,
} from './facts';
import { checked, listedIn, lookAtFile, lookAtNames, Means, sha256 } from './files';

/** What is known of the repository before anybody knows which version is the current one. */
export interface AptIndex {
  inRelease: Answer<SignedText & { body: Buffer }>;
  files: ListedFile[];
  listed: Answer<ListedPackage[]>;
}

const foldersOf = (url: string, { repositories }: Catalog) => `${url}/dists/${repositories.apt.suite}`;

const byHash = (path: string, digest: string) => path.replace(/[^/]*$/, `by-hash/SHA256/${digest}`);

export async function readAptIndex(means: Means, catalog: Catalog, url: string): Promise<AptIndex> {
  const { asker } = means;
  const folder = foldersOf(url, catalog);
  const inRelease = await mapped(await asker.document(`${folder}/InRelease`, SMALL), async ({ body }) => ({
    body,
    text: clearText(body),
    signatures: await checked(means, (keyring) => textSignatures(body, keyring)),
  }));
  const text = inRelease.kind === 'there' ? inRelease.value.text : undefined;
  const files = listedFiles(text ?? '');
  const { component } = catalog.repositories.apt;
  const indexes = await Promise.all(
    catalog.architectures
      .filter(({ enabled }) => enabled)
      .map(async ({ deb }): Promise<Answer<ListedPackage[]>> => {
        const listed = files.find(({ path }) => path === `${component}/binary-${deb}/Packages.gz`);
        if (!listed) return absent;
        const found = await asker.document(`${folder}/${byHash(listed.path, listed.sha256)}`, LARGE);
        if (found.kind !== 'there') return found;
        if (sha256(found.value.body) !== listed.sha256) return failed('other bytes than InRelease lists');
        try {
          const open = gunzipSync(found.value.body, { maxOutputLength: LARGE });
          return there(listedDebs(open.toString()));
        } catch (error) {
          return failed((error as Error).message);
        }
      }),
  );
  const wrong = indexes.find(({ kind }) => kind !== 'there');
  const packages = indexes.flatMap((one) => (one.kind === 'there' ? one.value : []));
  // Packages of architecture `all` stand in each.
  const listed = [...new Map(packages.map((one) => [one.path, one])).values()];
  return { inRelease, files, listed: wrong ?? there(listed) };
}

/** Everything else of the repository. `version`: the names of which are to be there. */
export async function lookAtApt(
  means: Means,
  catalog: Catalog,
  url: string,
  { inRelease, files, listed }: AptIndex,
  version: string | undefined,
): Promise<AptFacts> {
  if (inRelease.kind !== 'there') return { inRelease };
  const { asker } = means;
  const folder = foldersOf(url, catalog);
  const packages = listed.kind === 'there' ? listed.value : [];
  const wanted = version === undefined ? [] : wantedPackages(catalog, 'apt', version);
  const { suite } = catalog.repositories.apt;
  const nameOf = (path: string) => `dists/${suite}/${path}`;
  const indexes = files.flatMap((file) =>
    [file.path, byHash(file.path, file.sha256)].map((path) => ({ file, path })),
  );
  const [release, gpg, looks, pool, plain, sources] = await Promise.all([
    asker.document(`${folder}/Release`, SMALL),
    asker.document(`${folder}/Release.gpg`, SMALL),
    Promise.all(
      indexes.map(({ file: { size, sha256 }, path }) =>
        lookAtFile(means, `${folder}/${path}`, { name: nameOf(path), size, sha256 }),
      ),
    ),
    Promise.all(
      packages.map(({ path, size, sha256 }): Promise<File> =>
        lookAtFile(means, `${url}/${path}`, { name: path, size, sha256 }),
      ),
    ),
    lookAtNames(means, url, `${suite}/`, wanted, listedIn(packages)),
    readSources(means, catalog, url, inRelease.value.body),
  ]);
  const signed = release.kind === 'there' ? release.value.body : Buffer.alloc(0);
  return {
    inRelease,
    rest: {
      release: await mapped(release, ({ body }) => body.toString() === inRelease.value.text),
      releaseGpg: await mapped(gpg, ({ body }) =>
        checked(means, (keyring) => detachedSignatures(signed, body, keyring)),
      ),
      indexes: looks,
      listed,
      pool,
      plain,
      sources,
    },
  };
}

/** The file with which clients are set up: sources.list(5), deb822. */
async function readSources(
  { asker }: Means,
  catalog: Catalog,
  url: string,
  inRelease: Buffer,
): Promise<Answer<SetUp>> {
  const { aptSources } = publicNames(catalog.product);
  return mapped(await asker.document(`${url}/${aptSources}`, SMALL), async ({ body }) => {
    const text = body.toString();
    const leadsTo = (field(text, 'URIs') ?? '').replace(/\/$/, '');
    const key = /^Signed-By:[^\n]*\n((?: .*\n?)*)/m.exec(text)?.[1] ?? '';
    const armor = key.split('\n').map((line) => line.trim().replace(/^\.$/, ''));
    return {
      leadsTo,
      isSame: leadsTo === url || (await isThere(asker, foldersOf(leadsTo, catalog), inRelease)),
      keys: await keysIn(Buffer.from(armor.join('\n'))),
    };
  });
}

/** Whether another address of the repository has the same InRelease. */
async function isThere(asker: Means['asker'], folder: string, inRelease: Buffer): Promise<boolean> {
  if (!/^https?:\/\//.test(folder)) return false;
  const found = await asker.document(`${folder}/InRelease`, SMALL);
  return found.kind === 'there' && found.value.body.equals(inRelease);
}
