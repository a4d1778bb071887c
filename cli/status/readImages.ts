/** Asks a registry for the catalog's images, by the tags that people use. */
import pLimit from 'p-limit';
import type { Catalog } from '../../model';
import { digest, RegistryError, tags } from '../../provider/oci';
import { newestFirst } from './expected';
import { absent, Answer, failed, RegistryFacts, there } from './facts';

/** crane processes at a time, of all registries together. */
const AT_ONCE = 4;
/** How many releases before the current one a moving name may stand at and be recognised. */
const RECOGNISED = 5;

export interface ImageNames {
  image: string;
  /** `<image>:<tag>` of a tag, own name first, then aliases. */
  names(tag: string): string[];
}

export function imageNames({ images }: Catalog): ImageNames[] {
  return images.map(({ name, aliases }) => ({
    image: name,
    names: (tag) => [
      `${name}:${tag}`,
      ...aliases.map(({ repository, suffix }) => `${repository}:${tag}${suffix}`),
    ],
  }));
}

export class Images {
  private readonly slots = pLimit(AT_ONCE);
  private readonly asked = new Map<string, Promise<Answer<string>>>();

  /** @param silence milliseconds */
  constructor(
    private readonly catalog: Catalog,
    private readonly silence: number,
  ) {}

  private ask(reference: string): Promise<Answer<string>> {
    const asked =
      this.asked.get(reference) ??
      this.slots(() =>
        digest(reference, { timeout: this.silence }).then(
          (found) => (found === undefined ? absent : there(found)),
          (error: Error) => failed(error instanceof RegistryError ? error.said : error.message),
        ),
      );
    this.asked.set(reference, asked);
    return asked;
  }

  /** Versions that have a tag; undefined where the registry answers nothing, with why. */
  async versions(registry: string, moving: string): Promise<{ versions: string[]; failed?: string }> {
    const [first] = imageNames(this.catalog);
    const probe = await this.ask(`${registry}/${first.names(moving)[0]}`);
    if (probe.kind === 'failed') return { versions: [], failed: probe.why };
    const lists = await Promise.all(
      // One that does not let its tags be listed may still serve them.
      this.catalog.images.map(({ name }) =>
        this.slots(() => tags(`${registry}/${name}`, { timeout: this.silence }).catch(() => [])),
      ),
    );
    return { versions: newestFirst(lists.flat()) };
  }

  /** The digests of the version's tags and of those that follow the newest. */
  async look(
    registry: string,
    versions: string[],
    version: string | undefined,
    moving: string | undefined,
  ): Promise<RegistryFacts> {
    const all = imageNames(this.catalog);
    const wanted = [version, moving].filter((tag) => tag !== undefined);
    const names = all.flatMap((image) => wanted.flatMap((tag) => image.names(tag)));
    const answers = await Promise.all(
      names.map(async (name) => [name, await this.ask(`${registry}/${name}`)] as const),
    );
    const found = Object.fromEntries(answers);
    const others: Record<string, string> = {};
    if (version !== undefined && moving !== undefined) {
      const older = versions.filter((one) => one !== version).slice(0, RECOGNISED);
      for (const image of all) {
        const current = found[image.names(version)[0]];
        for (const [i, name] of image.names(moving).entries()) {
          const other = await this.recognise(
            registry,
            found[name],
            current,
            older,
            (tag) => image.names(tag)[i],
          );
          if (other !== undefined) others[name] = other;
        }
      }
    }
    return { registry, tags: found, others };
  }

  private async recognise(
    registry: string,
    answer: Answer<string>,
    current: Answer<string>,
    versions: string[],
    nameOf: (tag: string) => string,
  ): Promise<string | undefined> {
    if (answer.kind !== 'there' || (current.kind === 'there' && current.value === answer.value))
      return undefined;
    for (const version of versions) {
      const other = await this.ask(`${registry}/${nameOf(version)}`);
      if (other.kind === 'there' && other.value === answer.value) return version;
    }
    return undefined;
  }
}
