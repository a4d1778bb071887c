/**
 * What an image takes from its distribution, as an image in the release's own registry, by digest: a mirror drops old
 * versions, so the same packages can be had again from here alone. Made once; again when its recipe changes or somebody
 * asks for the packages of today (`npm run resolve`).
 */
import { changed, changedIfKnown, CheckError, known, Resource } from '../resource';
import { packageList } from '../systems/packageList';
import { lacking, PinnedSystem } from '../systems/pin';
import { buildStage, STAGE, stageRecipe } from '../systems/stage';
import { checkStored, pinnedChange, refuseOutdated } from '../systems/stored';
import { readStored, withdrawStored } from '../storedImage';
import { UNKNOWN } from '../wire';

export interface SystemInputs {
  bucket: string;
  /** `<registry>/<namespace>/<repository>` that keeps it. */
  repository: string;
  /** Name of the image. */
  image: string;
  /** Folder of its Dockerfile, relative to the project. */
  folder: string;
  /** Reference of the base, by digest. */
  from: string;
  /** Names of packages that are to be there besides; known once the programs are compiled. */
  depends: string[];
  buildArgs: Record<string, string>;
  /** OCI platform, `os/arch`. */
  platform: string;
  /** Address of buildkitd. Neither it nor the cache counts as a change. */
  buildkit: string;
  cache?: string;
  /** What was agreed to; it is taken as it is. Default: made where there is none. */
  pinned?: PinnedSystem;
  /** Command that resolves the packages anew, for messages. */
  command: string;
  /** Set by check: hash of stage, base and arguments. */
  recipe?: string;
}

export interface SystemOutputs {
  digest: string;
  /** `<repository>@<digest>`. */
  ref: string;
  /** Installed packages, `name version architecture`. */
  packages: string[];
}

async function make(inputs: SystemInputs): Promise<SystemOutputs> {
  const { repository, pinned, buildkit } = inputs;
  const made = pinned?.digest ?? (await buildStage(inputs));
  const ref = `${repository}@${made}`;
  return { digest: made, ref, packages: pinned?.packages ?? (await packageList(buildkit, ref)) };
}

/** @throws CheckError where what is pinned is not what the sources ask for, or is lost */
async function checkPinned(
  inputs: SystemInputs,
  recipe: string,
  olds: SystemInputs | undefined,
): Promise<void> {
  const { pinned, image, command } = inputs;
  if (!pinned) return;
  const what = `the stage ${STAGE} of the image ${image}`;
  refuseOutdated(pinned, recipe, what, command);
  const missing = lacking(pinned.packages, inputs.depends);
  if (missing.length > 0)
    throw new CheckError(
      'pinned',
      `${what} was resolved without ${missing.join(', ')}, which the packages need now; resolve it again (${command}) and have the list reviewed. Nothing was changed`,
    );
  await checkStored(inputs, olds, what);
}

export const system: Resource<SystemInputs, SystemOutputs> = {
  async check(news, olds) {
    if (news === UNKNOWN) return news;
    const inputs = known<SystemInputs>({ ...news, depends: known<string[]>(news.depends) ?? [] });
    if (!inputs) return { ...news, recipe: UNKNOWN };
    const recipe = await stageRecipe(inputs);
    await checkPinned(inputs, recipe, olds);
    return { ...news, recipe };
  },

  diff(olds, news) {
    return {
      changes: [
        ...changed(olds, news, ['repository', 'recipe']),
        ...pinnedChange(olds, news),
        // What goes into the programs already says that it may change.
        ...(news !== UNKNOWN && known(news.pinned) ? [] : changedIfKnown(olds, news, ['depends'])),
      ],
    };
  },

  async create(inputs) {
    const outs = await make(inputs);
    return { id: outs.digest, outs };
  },

  /** The replaced one stays until the releases that were made on it are taken away. */
  update(_olds, news) {
    return make(news);
  },

  read: readStored,
  delete: withdrawStored,
};
