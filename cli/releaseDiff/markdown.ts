/** A release diff as Markdown for a comment on a pull request. Pure: the same diff gives the same bytes. */
import { Picture } from '../../picture';
import { listBlock } from './blocks';
import { ReleaseDiff } from './diff';
import { code, prose } from './escape';
import { drawn, gates, images, indexes, keys, others, packages, section, tags } from './sections';
import { digestChange } from './words';

/** GitHub refuses a comment of more than 65,536 characters; some are left for what a workflow adds. */
export const LONGEST_COMMENT = 65_000;

/** Rows of a table or list, from all of them down to what always fits. */
const ROWS = [Infinity, 200, 100, 50, 20, 10, 5];

export interface Rendered {
  diff: ReleaseDiff;
  /** The stack's name. */
  stack: string;
  /** Only resources that the preview has. */
  picture?: Picture;
}

/** The whole text where it fits; else with shorter lists, then without the picture, each saying so. */
export function releaseMarkdown(what: Rendered, longest = LONGEST_COMMENT): string {
  for (const rows of ROWS) {
    const text = render(what, rows);
    // Bytes: never fewer than characters, however those are counted.
    if (Buffer.byteLength(text) <= longest) return text;
  }
  const rows = ROWS[ROWS.length - 1] ?? 1;
  const text = render({ ...what, picture: undefined }, rows);
  if (Buffer.byteLength(text) <= longest) return text;
  const note = '\n… the rest was cut to keep this short\n';
  const kept = Buffer.from(text)
    .subarray(0, longest - Buffer.byteLength(note))
    .toString();
  return `${kept.slice(0, kept.lastIndexOf('\n') + 1)}${note}`;
}

function render({ diff, stack, picture }: Rendered, rows: number): string {
  const sections = [
    `## ${headline(diff, stack)}\n`,
    ...(diff.isComplete ? [] : [failure(diff, rows)]),
    ...(diff.changes ? [counts(diff), source(diff), notes(diff)] : []),
    deletions(diff, rows),
    section('Repairs', listBlock(repairs(diff).map(prose), rows)),
    section('Warnings', listBlock(diff.warnings.map(prose), rows)),
    packages(diff, rows),
    indexes(diff, rows),
    images(diff, rows),
    tags(diff, rows),
    gates(diff, rows),
    keys(diff, rows),
    others(diff, rows),
    ...(picture && diff.changes && picture.nodes.length > 0 ? [drawn(diff, picture)] : []),
  ];
  return sections.filter(Boolean).join('\n');
}

function headline({ changes, isComplete, isRelease, version }: ReleaseDiff, stack: string): string {
  const name = `Release diff of ${code(stack)}`;
  const now = version.to ?? version.from;
  if (!isComplete) return `${name}: the preview failed`;
  if (!changes) return `${name}: nothing changes${now ? ` (${code(now)})` : ''}`;
  if (!isRelease) return `${name}: changes`;
  if (version.to === undefined) return `${name}: **everything is taken away**`;
  if (version.from === undefined) return `${name}: ${code(version.to)}, the first release`;
  if (version.from === version.to) return `${name}: changes to ${code(version.to)}`;
  return `${name}: ${code(version.from)} → ${code(version.to)}`;
}

function failure({ errors }: ReleaseDiff, rows: number): string {
  const list = listBlock(errors.map(prose), rows);
  return `${list || 'It gave no reason; the log of the run has it.\n'}\nWhat follows is what it saw until then.\n`;
}

const some = (count: number, one: string, many = `${one}s`) =>
  count > 0 ? [`${count} ${count === 1 ? one : many}`] : [];

function counts(diff: ReleaseDiff): string {
  const { run, total } = diff.gates;
  const parts = [
    ...some(diff.packages.length, 'package'),
    ...some(diff.indexes.length, 'index', 'indexes'),
    ...some(diff.images.length, 'image'),
    ...some(diff.tags.length, 'tag'),
    ...some(diff.others.length, 'other resource'),
    ...(run.length > 0 ? [`${run.length} of ${total} gates run`] : []),
    ...some(deleted(diff).length, '**deletion**', '**deletions**'),
  ];
  return parts.length > 0 ? `${parts.join(' · ')}\n` : '';
}

function source({ source: found, tree }: ReleaseDiff): string {
  if (!found) return '';
  const { from, to, revision, isEdited, parts } = found;
  if (to === undefined) return '';
  const place = from !== undefined && from !== to ? `${code(from)} → ${code(to)}` : code(to);
  const edited = isEdited ? ' with changes that no commit has' : '';
  const commit = revision.to
    ? `, commit ${digestChange(revision, (text) => text.slice(0, 12))}${edited}`
    : '';
  const what =
    from === undefined
      ? ''
      : parts.length > 0
        ? `; changed: ${parts.join(', ')}`
        : '; its files are the same';
  const why = tree && tree.length > 0 ? ` (${tree.map(prose).join(', ')})` : '';
  const compiled = tree ? ` The install tree is made${why}.` : '';
  return `Source ${place}${commit}${what}.${compiled}\n`;
}

/** What a version number does not say. */
function notes({ indexes: found, latestStays, tags: moved, version: { to } }: ReleaseDiff): string {
  const others = [
    ...some(new Set(found.flatMap(({ rebuilt }) => rebuilt.map(({ file }) => file))).size, 'file'),
    ...some(moved.filter(({ status }) => status === 'rebuilt').length, 'tag'),
  ].join(' and ');
  const of = (field: 'withdrawn' | 'restored') => [...new Set(found.flatMap((index) => index[field]))].sort();
  const lines = [
    ...(others
      ? [`**${code(to ?? '')} is out already: ${others} of it may get other bytes under the same name.**`]
      : []),
    ...of('withdrawn').map((version) => `**${code(version)} is withdrawn.**`),
    ...of('restored').map((version) => `${code(version)} is offered again.`),
    ...latestStays.map(
      (version) => `${code(to ?? '')} stands beside ${code(version)}, which ${code('latest')} stays with.`,
    ),
  ];
  return lines.map((line) => `${line}\n`).join('\n');
}

/** What goes, as sentences. */
function deleted(diff: ReleaseDiff): string[] {
  return [
    ...diff.packages
      .filter(({ status }) => status === 'left out')
      .map(({ file }) => `package ${code(file)} is no longer made`),
    ...diff.indexes
      .filter(({ status }) => status === 'removed')
      .map(({ kind, prefix }) => `${kind} repository ${code(prefix.from ?? '')} is taken away`),
    ...diff.indexes.flatMap(({ kind, expired }) =>
      expired.map((file) => `${code(file)} is taken out of ${kind} and deleted`),
    ),
    ...diff.expired.map((version) => `images and tags of ${code(version)} are deleted`),
    ...diff.images
      .filter(({ status }) => status === 'left out')
      .map(({ name }) => `image ${code(name)} is no longer made`),
    ...diff.tags
      .filter(({ status }) => status === 'removed')
      .map(({ registry, name }) => `tag ${code(registry ? `${registry}/${name}` : name)} is removed`),
    ...diff.deleted.map(({ name, type }) => `${code(name)} (${code(type)}) is deleted`),
    ...diff.others
      .filter(({ operation }) => operation === 'delete')
      .map(({ name, type }) => `${code(name)} (${code(type)}) is deleted`),
    ...diff.others
      .filter(({ operation }) => operation === 'replace')
      .map(({ name, type }) => `${code(name)} (${code(type)}) is deleted and made anew`),
  ];
}

function deletions(diff: ReleaseDiff, rows: number): string {
  return section(
    'Deletions',
    listBlock(
      deleted(diff).map((one) => `**${one}**`),
      rows,
    ),
  );
}

function repairs({ indexes: found, problems }: ReleaseDiff): string[] {
  return [...found.flatMap(({ kind, problems: one }) => one.map((text) => `${kind}: ${text}`)), ...problems];
}
