/** One tag in one registry. `read` asks the registry, so a moved or removed tag is drift that `up` repairs. */
import { newestRelease, readLedger, withWithdrawn } from '../ledger';
import { copy, digest, withdraw } from '../oci';
import { changed, known, Resource } from '../resource';
import { Previewed, UNKNOWN } from '../wire';

export interface TagInputs {
  bucket: string;
  channel: string;
  stack: string;
  /** `<registry>/<namespace>/<name>` that gets the tag. */
  repository: string;
  tag: string;
  /** Repository of the image; another one for a legacy alias. */
  image: string;
  /** Digest of this release's image. */
  digest: string;
  version: string;
  /** Versions of this stack that `latest` does not stand for. */
  withdrawn: string[];
  /** Follows the newest release (`latest`), so that a back-port does not move it. */
  newest: boolean;
  /** Set by check: what the tag shall point at (empty: no tag), and of which release that is. */
  target?: string;
  targetVersion?: string;
}

/** `latest` is computed from the ledger and this release; any other tag points at this release. */
async function aim(news: Exclude<Previewed<TagInputs>, typeof UNKNOWN>): Promise<Previewed<TagInputs>> {
  const own = { ...news, target: news.digest, targetVersion: news.version } as Previewed<TagInputs> & object;
  if (news.newest !== true) return own;
  const version = known<string>(news.version);
  const bucket = known<string>(news.bucket);
  const channel = known<string>(news.channel);
  const image = known<string>(news.image);
  if (!version || !bucket || !channel || !image) return { ...own, target: UNKNOWN };
  const [stack, withdrawn] = [known<string>(news.stack) ?? '', known<string[]>(news.withdrawn) ?? []];
  const ledger = withWithdrawn(await readLedger(bucket, channel), stack, withdrawn);
  const releases = Object.fromEntries(Object.entries(ledger).filter(([, one]) => one.images[image]));
  const newest = newestRelease({ ...releases, [version]: { withdrawn: withdrawn.includes(version) } });
  if (newest === version) return own;
  if (!newest) return { ...own, target: '', targetVersion: '' }; // Only pre-releases and withdrawn ones: no tag.
  return {
    ...own,
    target: releases[newest]?.images[image] ?? news.digest,
    targetVersion: newest,
  };
}

async function point(inputs: TagInputs): Promise<Record<string, never>> {
  const target = inputs.target ?? inputs.digest;
  if (target) await copy(`${inputs.image}@${target}`, `${inputs.repository}:${inputs.tag}`);
  else await withdraw([`${inputs.repository}:${inputs.tag}`]);
  return {};
}

/** Looks at the ledger again after the tag was moved: a newer release may have come in since check. */
async function pointNewest(inputs: TagInputs): Promise<object> {
  let aimed = inputs;
  for (;;) {
    await point(aimed);
    const { target, targetVersion } = (await aim(aimed)) as TagInputs;
    if (target === aimed.target) return { target, targetVersion };
    aimed = { ...aimed, target, targetVersion };
  }
}

export const tag: Resource<TagInputs, object> = {
  async check(news) {
    if (news === UNKNOWN) return news;
    // docker-build previews a build whose inputs are known with an empty digest; empty would mean: no tag.
    return aim(news.digest === '' ? { ...news, digest: UNKNOWN } : news);
  },

  diff(olds, news) {
    return { changes: changed(olds, news, ['repository', 'tag', 'target', 'targetVersion']) };
  },

  async create(inputs) {
    return { id: `${inputs.repository}:${inputs.tag}`, outs: await pointNewest(inputs) };
  },

  /** A new version's tag is a further one: the old release keeps its own. */
  update(_olds, news) {
    return pointNewest(news);
  },

  async read(state) {
    if (state.target === '') return state;
    const found = await digest(`${state.repository}:${state.tag}`);
    return found ? { ...state, target: found } : undefined;
  },

  inputs: (state) => state,

  /** Hands a moving tag back to the newest release of another stack, if there is one. */
  async delete(state) {
    const { releases } = await readLedger(state.bucket, state.channel);
    const others = Object.fromEntries(
      Object.entries(releases).filter(([, release]) => release.stack !== state.stack),
    );
    const heir = state.newest ? newestRelease(others) : undefined;
    const target = heir && releases[heir]?.images[state.image];
    if (target) await point({ ...state, target });
    else await withdraw([`${state.repository}:${state.tag}`]);
  },
};
