/**
 * `npm run resolve`: which packages of its distribution a stack's images get, as a file for a reviewer
 * (docs/systems.md). No state is written and nothing is published: the next update takes what the file says.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { catalog } from '../catalog';
import type { Libraries } from '../model';
import { BASE_REPOSITORY, SettingError } from '../names';
import type { PinnedSystem, PinnedSystems } from '../provider/systems/pin';
import { resolveSystems, WantedSystem, WantedSystems } from '../provider/systems/resolve';
import { dependsOf, stageOf, usedBases } from '../systems';
import { readSystems, systemsFile, writeSystems } from '../systemsFile';
import { servicesOf } from './services';
import { Stack } from './stack';
import { systemChanges } from './systemChanges';

/** What a stack's state says, as far as this looks at it. */
export interface ExportedResource {
  type: string;
  outputs?: Partial<PinnedSystem> & { base?: string; image?: string; facts?: { debDepends?: string[] } };
}

/** What the stack has, as it is. Pure. */
export function keptSystems(resources: ExportedResource[]): PinnedSystems {
  return Object.fromEntries(
    resources.flatMap(({ type, outputs = {} }) => {
      if (!['artifacts:index:Base', 'artifacts:index:System'].includes(type)) return [];
      const { base, image, digest = '', recipe = '', packages = [] } = outputs;
      return [[base ?? image ?? '', { digest, recipe, packages }]];
    }),
  );
}

/** Systems of the catalog's images, with what the packages in the stack's state depend on. Pure. */
export function wantedSystems(resources: ExportedResource[], libraries: Libraries): WantedSystem[] {
  const tree = resources.find(({ type }) => type === 'artifacts:index:InstallTree');
  const debDepends = tree?.outputs?.facts?.debDepends ?? [];
  const platform = catalog.architectures.find(({ enabled }) => enabled)?.oci ?? '';
  return catalog.images.flatMap((row) => {
    const stage = stageOf(row, libraries);
    if (!stage || 'image' in row.from) return [];
    const base = 'base' in row.from ? row.from.base : catalog.libraries[libraries].base;
    return [{ ...stage, base, depends: dependsOf(row, debDepends), platform }];
  });
}

async function wanted(
  stack: Stack,
  resources: ExportedResource[],
  tell: (line: string) => void,
): Promise<WantedSystems> {
  const libraries = stack.config['falco:libraries'] === 'distribution' ? 'distribution' : 'bundled';
  const { registry, buildkit } = await servicesOf(stack, tell);
  return {
    bases: usedBases(catalog, libraries),
    systems: wantedSystems(resources, libraries),
    repository: `${registry}/${catalog.product.imageNamespace}/${BASE_REPOSITORY}`,
    buildkit,
  };
}

/** @throws SettingError where the stack has made no packages yet, which tell what they depend on */
async function stateOf(stack: Stack): Promise<ExportedResource[]> {
  const isThere = stack.isRemote || fs.existsSync(stack.checkpoint);
  const args = ['stack', 'export', '--stack', stack.name];
  const at = { cwd: stack.root, env: stack.env, maxBuffer: 64 << 20 };
  const text = isThere ? (await promisify(execFile)('pulumi', args, at)).stdout : '{"deployment":{}}';
  const { resources = [] } = (JSON.parse(text) as { deployment: { resources?: ExportedResource[] } })
    .deployment;
  if (resources.some(({ type }) => type === 'artifacts:index:Base')) return resources;
  throw new SettingError(
    'npm run resolve',
    `the stack ${stack.name} has made nothing yet; its first update resolves by itself: npm run up -- --stack ${stack.name}`,
  );
}

/** @param action `anew`, with the packages of today, or `keep`: what the stack has */
export async function resolveCommand(stack: Stack, action: string): Promise<number> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const tell = (line: string) => process.stderr.write(`${line}\n`);
  process.chdir(stack.root);
  const pinned = readSystems(stack.root, stack.name);
  const resources = await stateOf(stack);
  const kept = keptSystems(resources);
  const after = action === 'keep' ? kept : await resolveSystems(await wanted(stack, resources, tell), tell);
  for (const line of systemChanges({ ...kept, ...pinned }, after)) say(line);
  writeSystems(stack.root, stack.name, after);
  say(`Written to ${systemsFile(stack.name)}. Have it reviewed, then: npm run up -- --stack ${stack.name}`);
  return 0;
}
