/** The packages of today: bases and systems made anew, beside those that a stack has. Nothing is published with them. */
import type { BaseRow } from '../../model';
import { hashOf } from '../source/parts';
import { baseSource, makeBase } from './baseImage';
import { packageList } from './packageList';
import type { PinnedSystem, PinnedSystems } from './pin';
import { buildStage, StageBuild, stageRecipe } from './stage';

/** The stage of an image, and the name of the base that it starts from. */
export interface WantedSystem extends Pick<StageBuild, 'folder' | 'buildArgs' | 'depends' | 'platform'> {
  image: string;
  base: string;
}

export interface WantedSystems {
  /** By name. */
  bases: Record<string, BaseRow>;
  systems: WantedSystem[];
  /** `<registry>/<namespace>/<repository>` that gets them. */
  repository: string;
  /** Address of buildkitd. */
  buildkit: string;
}

/** @param say told of each before it is made */
export async function resolveSystems(
  { bases, systems, repository, buildkit }: WantedSystems,
  say: (line: string) => void,
): Promise<PinnedSystems> {
  const found: PinnedSystems = {};
  const refOf = (digest: string) => `${repository}@${digest}`;
  const pin = async (digest: string, recipe: string): Promise<PinnedSystem> => ({
    digest,
    recipe,
    packages: await packageList(buildkit, refOf(digest)),
  });
  for (const [name, row] of Object.entries(bases)) {
    say(`${name}: packages of today`);
    found[name] = await pin(await makeBase(row, await baseSource(row), repository, true), hashOf(row));
  }
  for (const { image, base, ...stage } of systems) {
    say(`${image}: packages of today`);
    const build = { ...stage, repository, buildkit, from: refOf(found[base].digest) };
    found[image] = await pin(await buildStage(build, true), await stageRecipe(build));
  }
  return found;
}
