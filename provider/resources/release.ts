/** A release's entry in the ledger: what was published under this version, for later releases and for destroy. */
import { LedgerRelease, LedgerTag, readLedger, referencedElsewhere, updateLedger } from '../ledger';
import { withdraw } from '../oci';
import { changed, Resource } from '../resource';

export interface ReleaseInputs {
  bucket: string;
  channel: string;
  stack: string;
  version: string;
  /** Digest of each image, by repository. */
  images: Record<string, string>;
  tags: LedgerTag[];
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
  });
  return {};
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
      unused.push(manifest);
  }
  await withdraw([...release.tags.map(({ repository, tag }) => `${repository}:${tag}`), ...unused]);
}

export const release: Resource<ReleaseInputs, object> = {
  diff(olds, news) {
    return { changes: changed(olds, news, ['bucket', 'channel', 'version', 'images', 'tags', 'support']) };
  },

  async create(inputs) {
    return { id: `${inputs.channel}/${inputs.stack}`, outs: await enter(inputs) };
  },

  update(_olds, news) {
    return enter(news);
  },

  async read(state) {
    const { releases } = await readLedger(state.bucket, state.channel);
    return releases[state.version] ? state : undefined;
  },

  /** Only what this stack published; all its releases, not just the current one. */
  async delete(state) {
    const { releases } = await readLedger(state.bucket, state.channel);
    for (const [version, found] of Object.entries(releases)) {
      if (found.stack !== state.stack) continue;
      await takeAway(state, version, found);
      await updateLedger(state.bucket, state.channel, (ledger) => {
        delete ledger.releases[version];
      });
    }
  },
};
