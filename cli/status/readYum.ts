/** Asks a yum repository as dnf does with our `.repo` file (mirrorlist), and as it does with a `baseurl`. */
import type { Catalog } from '../../model';
import { publicNames } from '../../names';
import { gunzipSync } from 'node:zlib';
import { listedRpms, parseRepomd } from '../../provider/formats/yumIndex';
import { detachedSignatures } from '../../provider/gpgVerify';
import { LARGE, SMALL } from './ask';
import { wantedPackages } from './expected';
import { absent, Answer, failed, ListedPackage, Repomd, SetUp, mapped, there, YumFacts } from './facts';
import { checked, listedIn, lookAtFile, lookAtNames, Means, sha256 } from './files';

/** What is known of the repository before anybody knows which version is the current one. */
export type YumIndex = Pick<YumFacts, 'mirrorlist' | 'generation'>;

export async function readYumIndex(means: Means, url: string): Promise<YumIndex> {
  const document = await means.asker.document(`${url}/mirrorlist`, SMALL);
  const mirrorlist = await mapped(document, ({ body }) => firstUrl(body.toString()));
  if (mirrorlist.kind !== 'there' || !isFor(url, mirrorlist.value)) return { mirrorlist };
  return { mirrorlist, generation: await readRepomd(means, mirrorlist.value, '') };
}

/** The first address of a mirrorlist, which dnf tries first; empty where there is none. */
function firstUrl(text: string): string {
  const line = text.split('\n').find((one) => one.trim() !== '' && !one.startsWith('#')) ?? '';
  return line.trim().replace(/\/*$/, '/');
}

/** A folder of this machine is nothing that others are sent to. */
export function isFor(url: string, generation: string): boolean {
  return /^https?:\/\//.test(generation) || (url.startsWith('file:') && generation.startsWith('file:'));
}

/** repomd.xml below `base`, which ends in a slash, and what it names. `shown`: what messages put before names. */
async function readRepomd(means: Means, base: string, shown: string): Promise<Answer<Repomd>> {
  const { asker } = means;
  const [document, signature] = await Promise.all(
    ['', '.asc'].map((suffix) => asker.document(`${base}repodata/repomd.xml${suffix}`, SMALL)),
  );
  return mapped(document, async ({ body }) => {
    const files = parseRepomd(body)?.files ?? [];
    const primary = files.find(({ type }) => type === 'primary');
    return {
      signatures: await mapped(signature, (found) =>
        checked(means, (keyring) => detachedSignatures(body, found.body, keyring)),
      ),
      files: await Promise.all(
        files.map((file) =>
          lookAtFile(means, `${base}${file.name}`, {
            name: `${shown}${file.name}`,
            size: file.size,
            sha256: file.sha256,
          }),
        ),
      ),
      listed: primary ? await readPrimary(means, `${base}${primary.name}`, primary.sha256) : absent,
    };
  });
}

async function readPrimary({ asker }: Means, url: string, digest: string): Promise<Answer<ListedPackage[]>> {
  const found = await asker.document(url, LARGE);
  if (found.kind !== 'there') return found;
  if (sha256(found.value.body) !== digest) return failed('other bytes than repomd.xml lists');
  try {
    return there(listedRpms(gunzipSync(found.value.body, { maxOutputLength: LARGE }).toString()));
  } catch (error) {
    return failed((error as Error).message);
  }
}

/** Everything else of the repository. `version`: the names of which are to be there. */
export async function lookAtYum(
  means: Means,
  catalog: Catalog,
  url: string,
  { mirrorlist, generation }: YumIndex,
  version: string | undefined,
): Promise<YumFacts> {
  if (mirrorlist.kind !== 'there' || generation?.kind !== 'there') return { mirrorlist, generation };
  const { listed } = generation.value;
  const packages = listed.kind === 'there' ? listed.value : [];
  const wanted = version === undefined ? [] : wantedPackages(catalog, 'yum', version);
  const addressOf = (path: string) => new URL(path, mirrorlist.value).href;
  const shown = (path: string) => addressOf(path).replace(`${url}/`, '');
  const [root, pool, plain, repo] = await Promise.all([
    readRepomd(means, `${url}/`, ''),
    Promise.all(
      packages
        .filter(({ path }) => isFor(url, addressOf(path)))
        .map(({ path, size, sha256 }) =>
          lookAtFile(means, addressOf(path), { name: shown(path), size, sha256 }),
        ),
    ),
    lookAtNames(means, url, '', wanted, listedIn(packages)),
    readRepo(means, catalog, url, mirrorlist.value),
  ]);
  return { mirrorlist, generation, rest: { root, pool, plain, repo } };
}

/** The file with which clients are set up (dnf.conf(5)). */
async function readRepo(
  { asker }: Means,
  catalog: Catalog,
  url: string,
  generation: string,
): Promise<Answer<SetUp>> {
  const { yumRepo } = publicNames(catalog.product);
  return mapped(await asker.document(`${url}/${yumRepo}`, SMALL), async ({ body }) => {
    const option = (name: string) =>
      new RegExp(`^${name}=(.*)$`, 'm').exec(body.toString())?.[1]?.trim() ?? '';
    const [leadsTo, key] = [option('mirrorlist'), option('gpgkey')];
    const isSame = async () => {
      if (!/^https?:\/\//.test(leadsTo)) return false;
      const found = await asker.document(leadsTo, SMALL);
      return found.kind === 'there' && firstUrl(found.value.body.toString()) === generation;
    };
    return {
      leadsTo,
      isSame: leadsTo === `${url}/mirrorlist` || (await isSame()),
      key: isFor(url, key) ? await asker.look(key) : absent,
    };
  });
}
