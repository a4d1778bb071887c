/** Adoption: a repository that was made by other means becomes one of ours, nothing lost, no package read. */
import { fingerprintsIn } from '../gpgKeys';
import { sizesOf } from './blobs';
import { AdoptableKind, Committed, Job } from './job';
import { publishKeys } from './keys';
import { emptyManifest, Manifest, ManifestEntry, mergeEntries } from './manifest';
import { commit } from './commit';
import { settle } from './settle';

type AdoptionJob<F> = Job<F> & { kind: AdoptableKind<F> };

/** Stack of adopted packages: no stack takes them away. */
const NOBODY = '';

/**
 * Takes over what others published: makes the manifest and signed indexes of the packages that the indexes list, and
 * reads and moves none of them. Objects that we do not write stay as they are.
 */
export async function adoptRepository<F>(job: AdoptionJob<F>): Promise<Manifest<F>> {
  const { etag, entries, indexKeys } = await adoptable(job);
  await refuseLostKeys(job);
  const current: Committed<F> = { manifest: emptyManifest(), isSound: false, indexKeys, etag };
  const written = await commit(job, current, mergeEntries([], entries));
  await settle(job, [], new Set(), written);
  await publishKeys(job.store, job.settings, job.signer);
  return written.next;
}

/** Adopted packages are verified with the keys that signed them, so those stay in the key file. */
async function refuseLostKeys<F>({ store, settings, signer }: Job<F>): Promise<void> {
  const file = await store.get(settings.publicKey);
  const lost = (file ? await fingerprintsIn(file.body) : []).filter(
    (key) => !signer.publishedKeys.includes(key),
  );
  if (lost.length === 0) return;
  throw new Error(
    `${store.url}/${settings.publicKey} holds the key ${lost.join(', ')}, with which clients verify what is there: import its public part into ${signer.home} (gpg --import) and list it among the published keys, then adopt.`,
  );
}

/** What an adoption would list; looks at sizes, writes nothing. */
export async function adoptable<F>({
  store,
  settings,
  kind,
  date,
}: Pick<AdoptionJob<F>, 'store' | 'settings' | 'kind' | 'date'>): Promise<{
  entries: ManifestEntry<F>[];
  etag?: string;
  indexKeys: string[];
}> {
  const url = `${store.url}/${settings.prefix}`;
  const foreign = await kind.readForeign();
  if (!foreign) throw new Error(`${url} has no indexes of others: there is nothing to adopt.`);
  const sizes = await sizesOf(store, settings.prefix);
  const entries = foreign.packages.map((one): ManifestEntry<F> => {
    const key = `${settings.prefix}/${one.path}`;
    if (sizes.get(key) !== one.size)
      throw new Error(
        `${store.url}/${key} is missing or truncated; mend the repository or its index, then adopt it.`,
      );
    const { name, architecture, sha256, size, fragment } = one;
    const version = one.version.replace(/^\d+:/, '').replace('~', '-');
    const fileName = one.path.slice(one.path.lastIndexOf('/') + 1);
    const published = date.toISOString();
    const names = { fileName, aliases: [], latestAliases: [] };
    return {
      name,
      version,
      ...names,
      sha256,
      size,
      key,
      stack: NOBODY,
      adopted: true,
      architecture,
      published,
      fragment,
    };
  });
  return { entries, etag: foreign.etag, indexKeys: foreign.indexKeys };
}
