/** A base root file system in the release's own registry, by digest: a public image, or one made here. */
import type { BaseRow } from '../../model';
import { changed, known, Resource } from '../resource';
import { hashOf } from '../source/parts';
import { BaseSource, baseSource, makeBase } from '../systems/baseImage';
import { packageList } from '../systems/packageList';
import type { PinnedSystem } from '../systems/pin';
import { checkStored, pinnedChange, refuseOutdated } from '../systems/stored';
import { readStored, withdrawStored } from '../storedImage';
import { UNKNOWN } from '../wire';

export interface BaseInputs {
  bucket: string;
  /** `<registry>/<namespace>/<repository>` that keeps it. */
  repository: string;
  /** Name in the catalog. */
  base: string;
  row: BaseRow;
  /** Address of buildkitd, which tells its packages. No reason for a change. */
  buildkit: string;
  /** What was agreed to; it is taken as it is. Default: made where there is none. */
  pinned?: PinnedSystem;
  /** Command that resolves the packages anew, for messages. */
  command: string;
  /** Set by check where nothing is pinned: which was taken. Kept while the row stays the same. */
  took?: BaseSource;
  /** Set by check: hash of the row. */
  recipe?: string;
}

export interface BaseOutputs {
  digest: string;
  /** `<repository>@<digest>`. */
  ref: string;
  /** Installed packages, `name version architecture`. */
  packages: string[];
}

async function make(inputs: BaseInputs): Promise<BaseOutputs> {
  const { row, took = 'rootfs', repository, pinned, buildkit } = inputs;
  const made = pinned?.digest ?? (await makeBase(row, took, repository));
  const ref = `${repository}@${made}`;
  return { digest: made, ref, packages: pinned?.packages ?? (await packageList(buildkit, ref)) };
}

export const base: Resource<BaseInputs, BaseOutputs> = {
  async check(news, olds) {
    const inputs = known<BaseInputs>(news);
    if (!inputs || news === UNKNOWN) return news;
    const { row, pinned, command } = inputs;
    const recipe = hashOf(row);
    if (pinned) {
      const what = `the base ${inputs.base}`;
      refuseOutdated(pinned, recipe, what, command);
      await checkStored(inputs, olds, what);
      return { ...inputs, recipe };
    }
    const kept = olds?.recipe === recipe ? olds.took : undefined;
    return { ...inputs, recipe, took: kept ?? (await baseSource(row)) };
  },

  diff(olds, news) {
    const isPinned = news !== UNKNOWN && known(news.pinned) !== undefined;
    // What was pinned stays when it is no longer, until it has to be made anew.
    const made: (keyof BaseInputs)[] = isPinned ? [] : olds.took ? ['recipe', 'took'] : ['recipe'];
    return { changes: [...changed(olds, news, ['repository', ...made]), ...pinnedChange(olds, news)] };
  },

  async create(inputs) {
    const outs = await make(inputs);
    return { id: outs.digest, outs };
  },

  update(_olds, news) {
    return make(news);
  },

  read: readStored,
  delete: withdrawStored,
};
