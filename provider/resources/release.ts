/** A release's entry in the ledger: what was published under this version, for later releases and for destroy. */
import { warn } from '../diagnostics';
import { compareVersions } from '../formats/versionOrder';
import {
  LedgerRelease,
  LedgerTag,
  readLedger,
  referencedElsewhere,
  updateLedger,
  withWithdrawn,
} from '../ledger';
import { attachedReferences, copy, digest, withdraw } from '../oci';
import { changed, known, pending, Resource } from '../resource';
import { UNKNOWN } from '../wire';

export interface ReleaseInputs {
  bucket: string;
  channel: string;
  stack: string;
  version: string;
  /** Digest of each image, by repository. */
  images: Record<string, string>;
  tags: LedgerTag[];
  /** Versions of this stack that are withdrawn. */
  withdrawn: string[];
  /** How many versions of this stack are kept, the newest ones; 0: all. */
  keep: number;
  /** Set by check: versions beyond `keep`, whose images and tags this update takes away. */
  expired?: string[];
  /** What a refresh found of other releases' tags; check empties it, and the update repairs them. */
  problems?: string[];
  /** What goes with it besides: bases and contexts of the images, and copies in other repositories, `repository@digest`. */
  support: string[];
}

async function enter(inputs: ReleaseInputs): Promise<object> {
  const manifests = [
    ...Object.entries(inputs.images).map(([repository, digest]) => `${repository}@${digest}`),
    ...inputs.support,
  ];
  await updateLedger(inputs.bucket, inputs.channel, (ledger) => {
    const before = ledger.releases[inputs.version];
    ledger.releases[inputs.version] = {
      stack: inputs.stack,
      images: { ...before?.images, ...inputs.images },
      tags: merge(before?.tags ?? [], inputs.tags),
      manifests: [...new Set([...(before?.manifests ?? []), ...manifests])].sort(),
    };
    ledger.releases = withWithdrawn(ledger, inputs.stack, inputs.withdrawn);
  });
  for (const version of inputs.expired ?? []) await takeOut(inputs, version);
  return {};
}

/** Registry answers that are waited for at a time. */
const AT_ONCE = 8;

/** Fixed tags of the other releases that are gone or moved, and what each is to stand for. */
async function strayTags({ bucket, channel, version }: ReleaseInputs) {
  const { releases } = await readLedger(bucket, channel);
  const others = Object.entries(releases).filter(([one]) => one !== version);
  const tags = others.flatMap(([of, release]) => release.tags.map((tag) => ({ ...tag, of, release })));
  const found: ((typeof tags)[number] & { now: string | undefined })[] = [];
  for (let i = 0; i < tags.length; i += AT_ONCE) {
    const some = tags.slice(i, i + AT_ONCE);
    const now = await Promise.all(some.map(({ repository, tag }) => digest(`${repository}:${tag}`)));
    found.push(...some.flatMap((tag, j) => (now[j] === tag.digest ? [] : [{ ...tag, now: now[j] }])));
  }
  return found;
}

async function mendTags(inputs: ReleaseInputs): Promise<void> {
  for (const { repository, tag, digest: wanted, of, release } of await strayTags(inputs)) {
    const from = Object.keys(release.images).find((image) => release.images[image] === wanted) ?? repository;
    if (await digest(`${from}@${wanted}`)) await copy(`${from}@${wanted}`, `${repository}:${tag}`);
    // Only a publication of that release has the image; this one goes on.
    else
      await warn(
        `${repository}:${tag} cannot be repaired, ${wanted} is gone: publish ${of} again (--version ${of})`,
      );
  }
}

function merge(before: LedgerTag[], after: LedgerTag[]): LedgerTag[] {
  const byName = new Map([...before, ...after].map((tag) => [`${tag.repository}:${tag.tag}`, tag]));
  return [...byName.keys()].sort().map((name) => byName.get(name) as LedgerTag);
}

/** Takes one release's tags and manifests out of the registry, except manifests that another release names. */
async function takeAway(state: ReleaseInputs, version: string, release: LedgerRelease): Promise<void> {
  const unused: string[] = [];
  for (const manifest of release.manifests) {
    if (!(await referencedElsewhere(state.bucket, manifest, { channel: state.channel, version })))
      // What is attached to it first: afterwards nobody finds that.
      unused.push(...(await attachedReferences(manifest)), manifest);
  }
  await withdraw([...release.tags.map(({ repository, tag }) => `${repository}:${tag}`), ...unused]);
}

/** One release of this stack: its tags, its manifests, then its entry. */
async function takeOut(state: ReleaseInputs, version: string): Promise<void> {
  const found = (await readLedger(state.bucket, state.channel)).releases[version];
  if (!found || found.stack !== state.stack) return;
  await takeAway(state, version, found);
  await updateLedger(state.bucket, state.channel, (ledger) => {
    delete ledger.releases[version];
  });
}

/** Versions of the stack beyond the newest `keep`, with the one that is to come. */
export function expiredReleases(
  releases: Record<string, Pick<LedgerRelease, 'stack'>>,
  { stack, version, keep }: Pick<ReleaseInputs, 'stack' | 'version' | 'keep'>,
): string[] {
  if (keep === 0) return [];
  const own = Object.keys(releases).filter((one) => releases[one]?.stack === stack && one !== version);
  return [...own, version].sort((a, b) => compareVersions(b, a)).slice(keep);
}

export const release: Resource<ReleaseInputs, object> = {
  async check(news) {
    if (news === UNKNOWN) return news;
    const given = known<Pick<ReleaseInputs, 'bucket' | 'channel' | 'stack' | 'version' | 'keep'>>({
      bucket: news.bucket,
      channel: news.channel,
      stack: news.stack,
      version: news.version,
      keep: news.keep,
    });
    if (!given) return { ...news, expired: UNKNOWN, problems: [] };
    const { releases } = await readLedger(given.bucket, given.channel);
    for (const one of known<string[]>(news.withdrawn) ?? [])
      if (releases[one]?.stack !== given.stack && one !== given.version)
        await warn(
          `the version ${one} is to be withdrawn, and this stack has not published it: is it misspelt?`,
        );
    const isCurrent = (one: string) => one === given.version;
    const expired = expiredReleases(releases, given).filter((one) => !isCurrent(one));
    return { ...news, expired, problems: [] };
  },

  diff(olds, news) {
    const fields = ['bucket', 'channel', 'version', 'images', 'tags', 'support', 'withdrawn'] as const;
    const changes = changed(olds, news, [...fields]);
    return { changes: [...changes, ...pending(news, ['expired']), ...pending(olds, ['problems'])] };
  },

  async create(inputs) {
    return { id: `${inputs.channel}/${inputs.stack}`, outs: await enter(inputs) };
  },

  async update(olds, news) {
    if (olds.problems?.length) await mendTags(news);
    return enter(news);
  },

  async read(state) {
    const { releases } = await readLedger(state.bucket, state.channel);
    if (!releases[state.version]) return undefined;
    const problems = (await strayTags(state)).map(
      // Short: the engine cuts long lines of a preview.
      ({ repository, tag, now }) =>
        `${repository}:${tag} ${now ? `was moved to ${now.slice(0, 19)}` : 'is gone'}`,
    );
    return { ...state, problems };
  },

  inputs: (state) => state,

  /** Only what this stack published; all its releases, not just the current one. */
  async delete(state) {
    const { releases } = await readLedger(state.bucket, state.channel);
    for (const version of Object.keys(releases)) await takeOut(state, version);
  },
};
