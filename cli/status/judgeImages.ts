/** The images of a release in all registries. Pure. */
import type { Answer, RegistryFacts } from './facts';
import type { ImageNames } from './readImages';
import { PlaceReport, Tally } from './tally';

const valueOf = (answer: Answer<string> | undefined) => (answer?.kind === 'there' ? answer.value : undefined);

/** @param moving the tag that follows the newest: `latest`, `master`; none for a pre-release */
export function judgeImages(
  images: ImageNames[],
  registries: RegistryFacts[],
  version: string | undefined,
  moving: string | undefined,
): PlaceReport[] {
  return registries.map((facts) => {
    const tally = new Tally();
    const { registry, failed, tags, others } = facts;
    if (failed !== undefined) {
      tally.check(failed);
      return tally.report(registry, '');
    }
    if (version === undefined && moving === 'latest') tally.check('no image has the tag of a release');
    for (const { names } of images) {
      // The version's own tag; where there is none (master), the moving one.
      const fixed = version === undefined ? undefined : names(version);
      const [own, ...aliases] = fixed ?? names(moving ?? '');
      const digest = tally.value(tags[own], own);
      if (digest !== undefined) judgeElsewhere(tally, own, digest, registries, registry);
      for (const alias of aliases) judgeSame(tally, alias, tags, own, digest);
      if (!fixed || moving === undefined) continue;
      for (const name of names(moving)) {
        const found = tally.value(tags[name], name);
        if (found === undefined || digest === undefined) continue;
        const is = others[name] ?? found;
        tally.check(found !== digest && `${name} is ${is}, not ${version}`);
      }
    }
    const [first] = images;
    const latest = moving === undefined ? undefined : first?.names(moving)[0];
    const isCurrent = valueOf(tags[latest ?? '']) === valueOf(tags[first?.names(version ?? '')[0] ?? '']);
    const takes = latest === undefined ? undefined : isCurrent ? version : others[latest];
    return tally.report(
      registry,
      `${images.length} images: ${[version, moving].filter(Boolean).join(' = ')}`,
      takes,
    );
  });
}

function judgeSame(
  tally: Tally,
  name: string,
  tags: RegistryFacts['tags'],
  own: string,
  digest?: string,
): void {
  const found = tally.value(tags[name], name);
  if (found !== undefined && digest !== undefined)
    tally.check(found !== digest && `${name} is not ${own}, but ${found}`);
}

/** Registries have the same image; the first one that has it is what the others are held against. */
function judgeElsewhere(
  tally: Tally,
  name: string,
  digest: string,
  registries: RegistryFacts[],
  registry: string,
): void {
  const first = registries.find(({ tags }) => valueOf(tags[name]) !== undefined);
  if (!first || first.registry === registry) return;
  const other = valueOf(first.tags[name]);
  tally.check(other !== digest && `${name} is ${digest}, in ${first.registry} it is ${other}`);
}
