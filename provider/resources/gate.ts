/** A check by a real client that must pass before anything is published. Runs again when what it consumes changes. */
import { CheckError, changed, known, Resource } from '../resource';
import type { GateInputs, GateRepository } from '../gates/gate';
import { scriptHash } from '../gates/input';
import { previousOf } from '../gates/previous';
import { runGate } from '../gates/run';
import { UNKNOWN } from '../wire';

export interface GateOutputs {
  /** What the last run took. */
  seconds: number;
}

export const gate: Resource<GateInputs, GateOutputs> = {
  async check(news) {
    if (news === UNKNOWN) return news;
    const kind = known(news.kind);
    const script = kind === undefined ? UNKNOWN : await scriptHash(kind);
    const bucket = known(news.bucket);
    const repository = known<GateRepository>(news.repository);
    if (repository === undefined || bucket === undefined) {
      return { ...news, script, previous: news.repository === undefined ? undefined : UNKNOWN } as never;
    }
    try {
      return { ...news, script, previous: await previousOf(bucket, repository) } as never;
    } catch (error) {
      throw new CheckError('repository', (error as Error).message);
    }
  },

  /** Not: where it runs, how long it may take, and who signs. */
  diff(olds, news) {
    const fields = [
      'kind',
      'base',
      'image',
      'files',
      'checks',
      'settings',
      'arguments',
      'previous',
      'script',
    ] as const;
    const changes = changed(withDigests(olds), withDigests(news as GateInputs), [...fields]);
    // A previous version that is no longer listed: it passed with it, and passes without it.
    const isLess = (news as Partial<GateInputs>).previous === undefined;
    return { changes: changes.filter((field) => field !== 'previous' || !isLess) };
  },

  async create(inputs) {
    return { id: inputs.gate, outs: { seconds: await runGate(inputs) } };
  },

  async update(_olds, news) {
    return { seconds: await runGate(news) };
  },

  async delete() {
    // It leaves nothing.
  },
};

/** Of files and of the previous version, the bytes count and not where they lie. */
function withDigests(inputs: GateInputs): GateInputs {
  const bare = <T extends { key: string }>(file: T) =>
    typeof file === 'object' && file !== null ? { ...file, key: '' } : file;
  const files = Array.isArray(inputs.files) ? inputs.files.map(bare) : inputs.files;
  return { ...inputs, files, previous: inputs.previous && bare(inputs.previous) };
}
