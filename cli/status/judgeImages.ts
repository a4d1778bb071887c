/** The images of a release in all registries. Pure. */
import type { Answer, RegistryFacts } from './facts';
import type { ImageNames } from './readImages';
import { PlaceReport, Tally } from './tally';

const valueOf = (answer: Answer<string> | undefined) => (answer?.kind === 'there' ? answer.value : undefined);

/**
 * @param version of the tags that never move; none on the master channel
 * @param moving the tag that follows the newest: `latest`, `master`; none for a pre-release
 */
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
    const answers = Object.values(tags);
    if (answers.length > 0 && answers.every(({ kind }) => kind === 'absent')) {
      // Where a port was taken, a stack of this machine has its registry on another one.
      tally.check(
        `none of the ${answers.length} tags is there; npm run output says where a stack has its images`,
      );
      return tally.report(registry, '');
    }
    if (version === undefined && moving === 'latest') tally.check('no image has the tag of a release');
    judgeSignatures(tally, facts);
    for (const image of images) {
      // The version's own tag; where there is none (master), the moving one.
      const fixed = version === undefined ? undefined : image.names(version);
      const [own, ...aliases] = fixed ?? image.names(moving ?? '');
      const digest = tally.value(tags[own], own);
      if (digest !== undefined) judgeElsewhere(tally, own, digest, registries, registry);
      for (const alias of aliases) judgeSame(tally, alias, tags, own, digest);
      if (!fixed || moving === undefined) continue;
      for (const name of image.names(moving)) {
        const found = tally.value(tags[name], name);
        if (found === undefined) continue;
        // Without the version's own tag here, it is what another registry has under it.
        const wanted = digest ?? elsewhere(registries, own);
        const isOther = wanted === undefined ? name in others : found !== wanted;
        tally.check(isOther && `${name} is ${others[name] ?? found}, not ${version}`);
      }
    }
    const [first] = images;
    const latest = moving === undefined ? undefined : first?.names(moving)[0];
    const isCurrent = valueOf(tags[latest ?? '']) === valueOf(tags[first?.names(version ?? '')[0] ?? '']);
    const takes = latest === undefined ? undefined : isCurrent ? version : others[latest];
    return tally.report(
      registry,
      `${images.length} images: ${[version, moving].filter(Boolean).join(' = ')}${facts.signed ? `; signed by ${facts.signed.key}` : ''}`,
      takes,
    );
  });
}

function judgeSignatures(tally: Tally, { signed }: RegistryFacts): void {
  for (const [name, answer] of Object.entries(signed?.names ?? {})) {
    const isSigned = tally.value(answer, `the signature of ${name}`);
    if (isSigned === false) tally.check(`${name} is not signed by the key of images ${signed?.key}`);
  }
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

/** The digest of a name in the first registry that has it. */
function elsewhere(registries: RegistryFacts[], name: string): string | undefined {
  return registries.map(({ tags }) => valueOf(tags[name])).find((digest) => digest !== undefined);
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
  const other = elsewhere(registries, name);
  tally.check(other !== digest && `${name} is ${digest}, in ${first.registry} it is ${other}`);
}
