/** `npm run preview -- --published`: a stack as it has published last, whatever its file says by now. */
import { isGitUrl } from '../location';
import { SettingError } from '../names';
import type { ReleaseRecord } from '../provider/promotion/record';
import { stackOutputs } from './engine';
import { openStack, Stack } from './stack';
import { Overrides } from './validate';

/**
 * The stack, opened anew with the version that it has published last and, where its source is a git URL, of that commit.
 * One that has published nothing stays as its file says. A remark says which.
 *
 * @param overrides what it was opened with
 * @throws SettingError for a stack that builds nothing
 */
export async function openPublished(stack: Stack, overrides: Overrides): Promise<Stack> {
  const { root, name, config } = stack;
  const { 'falco:program': program = 'release', 'falco:source': source } = config;
  if (program !== 'release')
    throw new SettingError(
      'npm run preview',
      `--published is for a stack that builds, and ${name} is falco:program: ${String(program)}; leave it out`,
    );
  const { release } = (await stackOutputs(stack)) as { release?: ReleaseRecord };
  if (!release) return remarked(stack, `${name} has published nothing: it is previewed as its file says`);
  const { version, commit } = release;
  if (typeof source !== 'string' || !isGitUrl(source) || commit === '')
    return remarked(
      openStack(root, name, { ...overrides, version }),
      `${name} is previewed with the version that it has published last: ${version}`,
    );
  const published = { version, source: `${source.replace(/#.*/, '')}#${commit}` };
  return remarked(
    openStack(root, name, { ...overrides, ...published }),
    `${name} is previewed with what it has published last: ${version}, commit ${commit}`,
  );
}

const remarked = (stack: Stack, remark: string): Stack => ({ ...stack, remarks: [...stack.remarks, remark] });
