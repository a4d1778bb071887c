/** `npm run preview -- --markdown`: the engine's preview as a release diff. */
import { catalog } from '../catalog';
import { only, releasePicture } from '../picture';
import { runEngine } from './engine';
import { EngineEvent, foldEvents, parseEvent } from './releaseDiff/events';
import { releaseDiff } from './releaseDiff/diff';
import { releaseMarkdown } from './releaseDiff/markdown';
import { Stack } from './stack';

/**
 * Writes the diff to standard output; what the engine says besides, warnings and errors go to standard error.
 *
 * @param args of `pulumi preview`
 * @returns the engine's exit status
 */
export async function previewMarkdown(stack: Stack, args: string[]): Promise<number> {
  const events: EngineEvent[] = [];
  const streaming = { ...stack.env, PULUMI_ENABLE_STREAMING_JSON_PREVIEW: 'true' };
  process.stderr.write(`looking at what ${stack.name} would change\n`);
  const status = await runEngine({ ...stack, env: streaming }, ['preview', '--json', ...args], (line) => {
    const event = parseEvent(line);
    if (event) events.push(event);
    else process.stderr.write(`${line}\n`);
  });
  const preview = foldEvents(events);
  for (const text of preview.warnings) process.stderr.write(`warning: ${text}\n`);
  for (const text of preview.errors) process.stderr.write(`error: ${text}\n`);
  const diff = releaseDiff(preview);
  process.stdout.write(releaseMarkdown({ diff, stack: stack.name, picture: pictureOf(diff) }));
  return status;
}

/** Of what the stack has; none where it has no release. */
function pictureOf({ isRelease, version, resources }: ReturnType<typeof releaseDiff>) {
  const architecture = catalog.architectures.find(({ enabled }) => enabled);
  const shown = version.to ?? version.from;
  if (!isRelease || !architecture || !shown) return undefined;
  const names = new Set(resources.map(({ name }) => name));
  return only(releasePicture(catalog, architecture, shown), ({ resource }) => names.has(resource));
}
