/** A published repository as one resource: an apt repository, a yum repository, or the download folder. */
import * as fs from 'node:fs/promises';
import { openSigner } from '../gpg';
import { KeyError } from '../gpgKeys';
import { Kind, KINDS, Listed, RepositoryPlace, settingsOf } from '../publish/kinds';
import { applyPolicy, Policy } from '../publish/policy';
import { latestAliases, PublishedPackage, Statement } from '../publish/published';
import { changed, CheckError, known, pending, Resource } from '../resource';
import { openStore } from '../store/open';
import { Previewed, UNKNOWN } from '../wire';
import type { Signing } from './package';

/** `key` is where it was built; the pool gets a copy when it is published. */
export type RepositoryPackage = Omit<PublishedPackage, 'stack' | 'built'> & {
  /** Of an rpm: equal for equal packages whatever their signatures. */
  identity?: string;
};

export interface RepositoryInputs extends RepositoryPlace {
  bucket: string;
  stack: string;
  /** Public URL of the bucket's root. */
  url: string;
  /** Every prefix that this stack may have published to; `prefix` is where this release is published. */
  prefixes: string[];
  packages: RepositoryPackage[];
  signing: Signing;
  /** Fingerprints of further keys that sign the index. */
  indexKeys: string[];
  /** Fingerprints of further keys in the published key file. Check adds those that signed a listed rpm. */
  publishedKeys: string[];
  /** Prefixes of every repository that shares the key files, by kind. */
  sharing: Record<keyof typeof KINDS, string[]>;
  /** Versions of this stack that indexes and unversioned names no longer offer. */
  withdrawn: string[];
  /** How many versions of this stack are kept, the newest ones; 0: all. */
  keep: number;
  /** A released name with other bytes stops the update. */
  immutable: boolean;
  /** Set by check: each unversioned name and the file that it will stand for. */
  latest?: Record<string, string>;
  /** Set by check: files of releases beyond `keep`, which this update takes away. */
  expired?: string[];
  /** Set by check: released files that get other bytes, `old => new` sha256. */
  rebuilt?: Record<string, string>;
  /** What a refresh found missing or edited; check empties it, and the update repairs it. */
  problems?: string[];
}

export interface PublishedUrl {
  url: string;
  sha256: string;
  /** Bytes. */
  size: number;
  /** Canonical name of the same bytes. */
  aliasOf?: string;
  /** Documents beside it, by the end of their names. */
  statements?: Record<string, Pick<PublishedUrl, 'url' | 'sha256' | 'size'>>;
}

export interface RepositoryOutputs {
  /** Every name of the current release, and the unversioned names, wherever they point now. */
  files: Record<string, PublishedUrl>;
}

type State = RepositoryInputs & RepositoryOutputs;
const storeOf = ({ bucket, url }: Pick<RepositoryInputs, 'bucket' | 'url'>) => openStore(bucket, url);
const signerOf = ({ signing, indexKeys, publishedKeys }: RepositoryInputs) =>
  openSigner({
    home: signing.home,
    key: signing.fingerprint,
    setting: signing.setting,
    indexKeys,
    publishedKeys,
  });
const published = ({ packages, stack, prefix }: RepositoryInputs): PublishedPackage[] =>
  packages.map(({ identity, ...one }) => {
    void identity; // The publisher reads it from the file.
    const key = `${prefix}/pool/${one.sha256}/${one.fileName}`;
    const statements = one.statements?.map((statement) => ({
      ...statement,
      key: `${prefix}/pool/${statement.sha256}/${one.fileName}.${statement.document}`,
      built: statement.key,
    }));
    return { ...one, ...(statements && { statements }), key, built: one.key, stack };
  });

const policyOf = ({
  stack,
  withdrawn,
  keep,
  packages,
}: Pick<RepositoryInputs, 'stack' | 'withdrawn' | 'keep' | 'packages'>): Policy => ({
  stack,
  withdrawn,
  current: packages[0]?.version,
  ...(keep > 0 && { keep }),
});

async function publish(kind: Kind, inputs: RepositoryInputs, repair: boolean): Promise<RepositoryOutputs> {
  const [store, signer, date] = [storeOf(inputs), await signerOf(inputs), new Date()];
  const options = { policy: policyOf(inputs), immutable: inputs.immutable, repair };
  for (const prefix of await otherPrefixes(kind, inputs))
    await kind.publish(store, settingsOf(inputs, prefix), [], signer, date, options);
  const { entries } = await kind.publish(store, settingsOf(inputs), published(inputs), signer, date, options);
  return { files: files(kind, inputs, entries) };
}

/** Where this stack has published before and does not now: a release stack whose newest version is a candidate. */
async function otherPrefixes(kind: Kind, inputs: RepositoryInputs): Promise<string[]> {
  const found: string[] = [];
  for (const prefix of inputs.prefixes.filter((one) => one !== inputs.prefix)) {
    const { entries } = await kind.read(storeOf(inputs), settingsOf(inputs, prefix));
    if (entries.some(({ stack }) => stack === inputs.stack)) found.push(prefix);
  }
  return found;
}

function files(kind: Kind, inputs: RepositoryInputs, entries: Listed[]): Record<string, PublishedUrl> {
  const at = (name: string) => `${inputs.url}/${inputs.prefix}/${kind.folder(inputs.suite)}${name}`;
  // An rpm that differs by its signature only stays as it was published, so the manifest knows the digests.
  const listed = new Map(entries.map((entry) => [entry.fileName, entry]));
  const own = inputs.packages.flatMap((one): [string, PublishedUrl][] => {
    const { fileName, aliases } = one;
    const { sha256, size } = listed.get(fileName) ?? one;
    const alias = (name: string): [string, PublishedUrl] => [
      name,
      { url: at(name), sha256, size, aliasOf: fileName },
    ];
    const statements = statementsOf(at(fileName), listed.get(fileName)?.statements);
    return [[fileName, { url: at(fileName), sha256, size, ...statements }], ...aliases.map(alias)];
  });
  const moving = [...latestAliases(entries)].map(
    ([alias, { fileName, sha256, size }]): [string, PublishedUrl] => [
      alias,
      { url: at(alias), sha256, size, aliasOf: fileName },
    ],
  );
  return Object.fromEntries([...own, ...moving]);
}

function statementsOf(url: string, statements: Statement[] = []): Pick<PublishedUrl, 'statements'> {
  if (statements.length === 0) return {};
  const all = statements.map(({ document, sha256, size }) => [
    document,
    { url: `${url}.${document}`, sha256, size },
  ]);
  return { statements: Object.fromEntries(all) as PublishedUrl['statements'] };
}

/** Inputs of a preview: a key that is still to be made has no fingerprint. */
type Known = Omit<RepositoryInputs, 'signing'> & { signing?: Signing };

/** What check adds: known in a preview, because names and versions are. */
async function plan(kind: Kind, news: Known) {
  try {
    const { entries } = await kind.read(storeOf(news), settingsOf(news));
    return { ...planned(entries, news), publishedKeys: publishedKeys(news, await rpmsOf(news)) };
  } catch (error) {
    throw new CheckError('prefix', (error as Error).message);
  }
}

/** What all yum repositories of the key files list: an rpm is verified with the key that signed it, however old. */
async function rpmsOf(news: Known): Promise<Listed[]> {
  const all = await Promise.all(
    news.sharing.yum.map((prefix) => KINDS.yum.read(storeOf(news), settingsOf(news, prefix))),
  );
  return all.flatMap(({ entries }) => entries);
}

/** The keys that are to be published beside those that sign: an rpm has one signature, which clients check as long as it is listed. */
function publishedKeys(news: Known, rpms: Listed[]): string[] {
  const signers = applyPolicy(rpms, policyOf(news)).flatMap(({ signedBy }) => signedBy ?? []);
  const others = signers.filter((key) => key !== news.signing?.fingerprint && !news.indexKeys.includes(key));
  return [...new Set([...news.publishedKeys, ...others])].sort();
}

/** Which file each unversioned name will stand for, which files go, and which get other bytes. */
export function planned(
  listed: Listed[],
  news: Pick<RepositoryInputs, 'stack' | 'packages' | 'withdrawn' | 'keep'>,
): Required<Pick<RepositoryInputs, 'latest' | 'expired' | 'rebuilt'>> {
  const { stack } = news;
  const own = new Set(news.packages.map(({ fileName }) => fileName));
  const all = [
    ...listed.filter(({ fileName }) => !own.has(fileName)),
    ...news.packages.map((one) => ({ ...one, stack })),
  ];
  const after = applyPolicy(all, policyOf(news));
  const kept = new Set(after.map(({ fileName }) => fileName));
  const before = new Map(listed.map((entry) => [entry.fileName, entry]));
  // An rpm under another signature stays as it was published.
  const isRebuilt = ({ fileName, sha256, identity }: RepositoryPackage) => {
    const old = before.get(fileName);
    return old && old.sha256 !== sha256 && (!identity || old.identity !== identity);
  };
  return {
    latest: Object.fromEntries([...latestAliases(after)].map(([alias, { fileName }]) => [alias, fileName])),
    expired: all.flatMap(({ fileName }) => (kept.has(fileName) ? [] : [fileName])).sort(),
    rebuilt: Object.fromEntries(
      news.packages.filter(isRebuilt).map(({ fileName, sha256 }) => {
        // In a preview of what is still to be built there is no digest yet.
        return [fileName, `${before.get(fileName)?.sha256} => ${sha256 || 'to be built'}`];
      }),
    ),
  };
}

function repository(kind: Kind): Resource<RepositoryInputs, RepositoryOutputs> {
  return {
    async check(news) {
      if (news === UNKNOWN) return news;
      // Digests may be unknown in a preview; names and versions are not, unless the source is.
      const named = known(withoutUnknownDigests(news));
      const found = named ? await plan(kind, named as Known) : NOTHING_KNOWN;
      return { ...news, ...found, problems: [] };
    },

    diff(olds, news) {
      const fields = [
        'bucket',
        'url',
        'prefix',
        'product',
        'suite',
        'component',
        'packages',
        'latest',
        'signing',
        'indexKeys',
        'publishedKeys',
        'withdrawn',
      ] as const;
      const changes = changed(olds, news, [...fields]);
      const acts = pending(news, ['expired', 'rebuilt']);
      return { changes: [...changes, ...acts, ...pending(olds, ['problems'])] };
    },

    async create(inputs) {
      return { id: inputs.prefix, outs: await publish(kind, inputs, false) };
    },

    update(olds, news) {
      return publish(kind, news, (olds.problems ?? []).length > 0);
    },

    async read(state) {
      return { ...state, problems: await problemsOf(kind, state) };
    },

    inputs({ files: made, ...inputs }) {
      void made;
      return inputs;
    },

    async delete(state: State) {
      const signer = await signerOf(state);
      for (const prefix of state.prefixes) {
        await kind.unpublish(storeOf(state), settingsOf(state, prefix), state.stack, signer, new Date());
      }
    },
  };
}

/** Where the key folder is elsewhere, the keys that are published will do; a key that cannot sign is a problem. */
async function problemsOf(kind: Kind, state: State): Promise<string[]> {
  const hasKeys = await fs.stat(state.signing.home).then(
    () => true,
    () => false,
  );
  try {
    const signer = hasKeys ? await signerOf(state) : undefined;
    const problems = await kind.check(storeOf(state), settingsOf(state), published(state), signer);
    for (const prefix of await otherPrefixes(kind, state))
      problems.push(...(await kind.check(storeOf(state), settingsOf(state, prefix), [], signer)));
    return [...new Set(problems)];
  } catch (error) {
    if (error instanceof KeyError) return [error.message];
    throw error;
  }
}

const NOTHING_KNOWN = { latest: UNKNOWN, expired: UNKNOWN, rebuilt: UNKNOWN } as const;

function withoutUnknownDigests(news: Exclude<Previewed<RepositoryInputs>, typeof UNKNOWN>) {
  const { packages, signing, ...rest } = news;
  const key = known<Signing>(signing);
  if (packages === UNKNOWN || !Array.isArray(packages)) return UNKNOWN;
  const names = packages.map((one) => {
    if (one === UNKNOWN) return one;
    return {
      ...one,
      statements: known<PublishedPackage['statements']>(one.statements) ?? [],
      sha256: known<string>(one.sha256) ?? '',
      identity: known<string>(one.identity),
      size: 0,
      key: '',
    };
  });
  return {
    ...rest,
    ...(key && { signing: key }),
    latest: {},
    expired: [],
    rebuilt: {},
    packages: names,
  } as Previewed<unknown>;
}

export const aptRepository = repository(KINDS.apt);
export const yumRepository = repository(KINDS.yum);
export const downloads = repository(KINDS.downloads);
