/** Images that somebody took out of the registry. docker-build's own refresh asks by tag, and ours are pushed by digest. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Stack } from './stack';

const execute = promisify(execFile);

interface Exported {
  deployment: { resources?: ExportedResource[] };
}

interface ExportedResource {
  urn: string;
  type: string;
  parent?: string;
  inputs?: { problems?: string[] };
  outputs?: { ref?: string };
}

/** Lines of what a refresh found; more than these stand in the preview. */
const SHOWN = 20;

/** What a refresh found missing or edited, for a person. */
export function problemLines(resources: ExportedResource[]): string[] {
  const problems = [...new Set(resources.flatMap(({ inputs }) => inputs?.problems ?? []))];
  if (problems.length === 0) return [];
  const more = problems.length - SHOWN;
  return [
    'The next up repairs:',
    ...problems.slice(0, SHOWN).map((problem) => `  ${problem}`),
    ...(more > 0 ? [`  and ${more} more: npm run preview -- --diff`] : []),
  ];
}

async function exported(stack: Stack): Promise<ExportedResource[]> {
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
 */
export async function tellFindings(stack: Stack, tell: (line: string) => void): Promise<void> {
  const resources = await exported(stack);
  for (const line of problemLines(resources)) tell(line);
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
