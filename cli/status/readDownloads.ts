/** Asks a folder of downloads as a person with curl, gpg and sha256sum does. */
import { gunzipSync } from 'node:zlib';
import type { Catalog } from '../../model';
import { clearText, textSignatures } from '../../provider/gpgVerify';
import type { Manifest } from '../../provider/publish/manifest';
import { LARGE } from './ask';
import { wantedPackages } from './expected';
import { Answer, DownloadsFacts, SignedText, mapped } from './facts';
import { checked, lookAtFile, lookAtNames, Means, sha256 } from './files';

/** What is known of the folder before anybody knows which version is the current one. */
export interface DownloadsIndex {
  sums: Answer<SignedText>;
  listed: Map<string, string>;
  /** Versions that were taken back; their files stay. */
  withdrawn: string[];
}

export async function readDownloadsIndex(means: Means, url: string): Promise<DownloadsIndex> {
  const sums = await mapped(await means.asker.document(`${url}/SHA256SUMS.asc`, LARGE), async ({ body }) => ({
    text: clearText(body),
    signatures: await checked(means, (keyring) => textSignatures(body, keyring)),
  }));
  const text = (sums.kind === 'there' && sums.value.text) || '';
  const lines = [...text.matchAll(/^([0-9a-f]{64}) [ *](.+)$/gm)];
  const listed = new Map(lines.map(([, digest, name]) => [name, digest]));
  return { sums, listed, withdrawn: await readWithdrawn(means, url, listed) };
}

/** The manifest is one of the files that the list names. */
async function readWithdrawn({ asker }: Means, url: string, listed: Map<string, string>): Promise<string[]> {
  const [name, digest] = [...listed].find(([one]) => /^manifests\/[0-9a-f]{64}\.json\.gz$/.test(one)) ?? [];
  if (name === undefined) return [];
  const found = await asker.document(`${url}/${name}`, LARGE);
  if (found.kind !== 'there' || sha256(found.value.body) !== digest) return [];
  try {
    const open = gunzipSync(found.value.body, { maxOutputLength: LARGE }).toString();
    const { entries } = JSON.parse(open) as Manifest<null>;
    return [...new Set(entries.filter((one) => one.withdrawn).map(({ version }) => version))];
  } catch {
    return [];
  }
}

/** Everything else of the folder. `version`: the names of which are to be there. */
export async function lookAtDownloads(
  means: Means,
  catalog: Catalog,
  url: string,
  { sums, listed }: DownloadsIndex,
  version: string | undefined,
): Promise<DownloadsFacts> {
  if (sums.kind !== 'there') return { sums };
  const wanted = version === undefined ? [] : wantedPackages(catalog, 'downloads', version);
  const own = new Set(wanted.flatMap((one) => [one.fileName, ...one.aliases, ...one.latestAliases]));
  const [files, plain, page] = await Promise.all([
    // The version's own are looked at with their signatures.
    Promise.all(
      [...listed]
        .filter(([name]) => !own.has(name))
        .map(([name, digest]) => lookAtFile(means, `${url}/${encodeURI(name)}`, { name, sha256: digest })),
    ),
    lookAtNames(means, url, '', wanted, (fileName) => ({ sha256: listed.get(fileName) })),
    means.asker.look(`${url}/index.html`),
  ]);
  return { sums, rest: { listed, files, plain, page } };
}
