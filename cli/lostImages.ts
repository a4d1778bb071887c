/** Images that somebody took out of the registry. docker-build's own refresh asks by tag, and ours are pushed by digest. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Stack } from './stack';

const execute = promisify(execFile);

interface Exported {
  deployment: {
    resources?: { urn: string; type: string; parent?: string; outputs?: { ref?: string } }[];
  };
}

/**
 * @param tell gets a line for each image that the registry does not have
 * @returns the URNs of those images
 */
export async function findLostImages(stack: Stack, tell: (line: string) => void): Promise<string[]> {
  const { stdout } = await execute('pulumi', ['stack', 'export', '--stack', stack.name], at(stack));
  const resources = (JSON.parse(stdout) as Exported).deployment.resources ?? [];
  const refs = new Map(resources.map(({ urn, outputs }) => [urn, outputs?.ref]));
  const images = resources.filter(({ type }) => type === 'docker-build:index:Image');
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

/** Marks each image that the registry does not have, so that the next update builds it again (`pulumi state taint`). */
export async function markLostImages(stack: Stack, tell: (line: string) => void): Promise<void> {
  const lost = await findLostImages(stack, tell);
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
