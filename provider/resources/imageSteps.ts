/**
 * The steps of an image, taken from a build cache in a registry into the builder, and put there. docker-build has
 * inputs for that; they would make every image a changed one when the cache is another. Declared before each image.
 */
import { buildSteps } from '../imageCache';
import { changed, known, Resource } from '../resource';
import { listTree } from '../source/files';
import { hashParts } from '../source/parts';
import { UNKNOWN } from '../wire';

export interface ImageStepsInputs {
  /** Folder of the Dockerfile, relative to the project; also the context. */
  folder: string;
  /** Named contexts, `docker-image://…` by digest. */
  contexts: Record<string, string>;
  platform: string;
  buildArgs: Record<string, string>;
  /** Of the image: another one is another build, which may find another builder than the last. */
  labels: Record<string, string>;
  /** Address of buildkitd. */
  buildkit: string;
  /** Reference of the build cache in a registry. Neither it nor the address counts as a change. */
  cache: string;
  /** Set by check: hash of the folder. */
  recipe?: string;
}

export const imageSteps: Resource<ImageStepsInputs, object> = {
  async check(news) {
    const folder = news === UNKNOWN ? undefined : known<string>(news.folder);
    if (news === UNKNOWN || folder === undefined) return news;
    const recipe = hashParts([{ prefix: '', files: await listTree(folder) }], []).binary;
    return { ...news, recipe };
  },

  diff(olds, news) {
    return { changes: changed(olds, news, ['contexts', 'platform', 'buildArgs', 'labels', 'recipe']) };
  },

  async create(inputs) {
    await buildSteps(inputs);
    return { id: inputs.folder, outs: {} };
  },

  async update(_olds, news) {
    await buildSteps(news);
    return {};
  },

  async delete() {
    // The cache is the registry's to keep.
  },
};
