/** Images that somebody took out of the registry. docker-build's own refresh asks by tag, and ours are pushed by digest. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { runEngine } from './engine';
import { nameIn, parseEvent } from './releaseDiff/events';
import { Stack } from './stack';

const execute = promisify(execFile);

interface Exported {
  deployment: { resources?: ExportedResource[] };
}

export interface ExportedResource {
  urn: string;
  type: string;
  /** Components have none. */
  id?: string;
  parent?: string;
  inputs?: { problems?: string[] };
  outputs?: { ref?: string; version?: string };
}

/** What is looked at for problems. */
type Found = Pick<ExportedResource, 'inputs'>;

/** Lines of what a refresh found; more than these stand in the preview. */
const SHOWN = 20;

/**
 * What a refresh found missing or edited, for a person.
 *
 * @param gone what `goneLines` says
 * @param all what shows the rest of a long list
 */
export function problemLines(
  resources: Found[],
  gone: string[] = [],
  all = 'npm run preview -- --diff',
): string[] {
  const problems = [...new Set([...gone, ...resources.flatMap(({ inputs }) => inputs?.problems ?? [])])];
  if (problems.length === 0) return [];
  const more = problems.length - SHOWN;
  return [
    'The next up repairs:',
    ...problems.slice(0, SHOWN).map((problem) => `  ${problem}`),
    ...(more > 0 ? [`  and ${more} more: ${all}`] : []),
  ];
}

/** Of what a refresh takes out of the state: a tag by its name, anything else by that of its resource. */
export const goneLines = (gone: ExportedResource[]): string[] =>
  gone
    .filter(({ id }) => id !== undefined && id !== '')
    .map(({ urn, type, id }) => `${type === TAG ? id : nameIn(urn)} is gone`)
    .sort();

const TAG = 'artifacts:index:Tag';

/**
 * Resources as a refresh found them, which wrote no state, and those that it would take out of it: from the engine's event
 * log, one event a line.
 */
export function foundResources(log: string): { found: Found[]; gone: ExportedResource[] } {
  const events = log.split('\n').flatMap((line) => {
    const { resOutputsEvent } = (parseEvent(line) ?? {}) as RefreshEvent;
    return resOutputsEvent?.metadata ?? [];
  });
  return {
    found: events.flatMap((one) => one.new ?? []),
    gone: events.flatMap(({ op, old }) => (op === 'delete' && old ? [old] : [])),
  };
}

interface RefreshEvent {
  resOutputsEvent?: { metadata: { op: string; old?: ExportedResource | null; new: Found | null } };
}

/** `refresh --preview-only` with what it found, in the place of the state that it does not write. */
export async function previewRefresh(
  stack: Stack,
  args: string[],
  tell: (line: string) => void,
): Promise<number> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'refresh-'));
  try {
    const log = path.join(folder, 'events');
    // The option is of the engine's own developers.
    const env = { ...stack.env, PULUMI_DEBUG_COMMANDS: 'true' };
    const status = await runEngine({ ...stack, env }, [
      'refresh',
      '--preview-only',
      '--event-log',
      log,
      ...args,
    ]);
    const { found, gone } = foundResources(await fs.readFile(log, 'utf8').catch(() => ''));
    const all = 'npm run refresh -- --preview-only --diff';
    for (const line of problemLines(found, goneLines(gone), all)) tell(line);
    return status;
  } finally {
    await fs.rm(folder, { recursive: true });
  }
}

/** What the state has. */
export async function exported(stack: Stack): Promise<ExportedResource[]> {
  const { stdout } = await execute('pulumi', ['stack', 'export', '--stack', stack.name], at(stack));
  return (JSON.parse(stdout) as Exported).deployment.resources ?? [];
}

/**
 * @param tell gets a line for each image that the registry does not have
 * @returns the URNs of those images
 */
export async function findLostImages(
  stack: Stack,
  tell: (line: string) => void,
  resources?: ExportedResource[],
): Promise<string[]> {
  const all = resources ?? (await exported(stack));
  const refs = new Map(all.map(({ urn, outputs }) => [urn, outputs?.ref]));
  const images = all.filter(({ type }) => type === 'docker-build:index:Image');
  const lost: string[] = [];
  for (const { urn, parent } of images) {
    // The component around the image knows what it was pushed as.
    const ref = refs.get(parent ?? '');
    if (!ref || !(await isLost(ref, stack.env))) continue;
    tell(`note: ${ref} is not in the registry any more; the next up builds it again`);
    lost.push(urn);
  }
  return lost;
}

/**
 * Says what a refresh found, and marks each image that the registry does not have, so that the next update builds it
 * again (`pulumi state taint`).
 *
 * @param before what the state had
 */
export async function tellFindings(
  stack: Stack,
  before: ExportedResource[],
  tell: (line: string) => void,
): Promise<void> {
  const resources = await exported(stack);
  const kept = new Set(resources.map(({ urn }) => urn));
  const lines = problemLines(resources, goneLines(before.filter(({ urn }) => !kept.has(urn))));
  const version = before.find(({ type }) => type === 'pulumi:pulumi:Stack')?.outputs?.version;
  const isBuilt = stack.config['falco:program'] !== 'promotion';
  if (lines.length > 0 && isBuilt && version !== undefined && stack.config['falco:version'] !== version)
    lines.push(
      `An option counts for one run: if the last up had --version ${version}, give it to the next one`,
    );
  for (const line of lines) tell(line);
  const lost = await findLostImages(stack, tell, resources);
  if (lost.length > 0)
    await execute('pulumi', ['state', 'taint', '--yes', '--stack', stack.name, ...lost], at(stack));
}

const at = ({ root, env }: Stack) => ({ cwd: root, env, maxBuffer: 64 << 20 });

/** Codes of the OCI distribution specification, "Error Codes". Any other failure says nothing about the image. */
async function isLost(ref: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  try {
    await execute('crane', ['digest', ref], { env, timeout: 10_000 });
    return false;
  } catch (error) {
    return /MANIFEST_UNKNOWN|NAME_UNKNOWN/.test((error as { stderr?: string }).stderr ?? '');
  }
}
