/** A release diff as Markdown for a comment on a pull request. Pure: the same diff gives the same bytes. */
import { Picture } from '../../picture';
import { inline, listBlock, tableBlock } from './blocks';
import { ReleaseDiff } from './diff';
import { colours } from './colours';
import { code, prose } from './escape';
import { IndexChange } from './indexes';
import { hasKeyChanges } from './keys';
import { mermaid } from './mermaid';
import { Change } from './packages';
import { digestChange, firstOf, fingerprint, shortDigest, tagEnd, versionChange } from './words';

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
    ...(diff.changes ? [counts(diff), source(diff)] : []),
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

const section = (title: string, body: string) => (body ? `### ${title}\n\n${body}` : '');

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

function counts(diff: ReleaseDiff): string {
  const some = (count: number, one: string, many = `${one}s`) =>
    count > 0 ? [`${count} ${count === 1 ? one : many}`] : [];
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
  const { from, to, revision, parts } = found;
  const place =
    from !== undefined && to !== undefined && from !== to ? `${code(from)} → ${code(to)}` : code(to ?? '');
  const commit = revision.to ? `, commit ${digestChange(revision, (text) => text.slice(0, 12))}` : '';
  const what =
    from === undefined
      ? ''
      : parts.length > 0
        ? `; changed: ${parts.join(', ')}`
        : '; its files are the same';
  const compiled = tree.length > 0 ? ` It is compiled (${tree.map(prose).join(', ')}).` : '';
  return `Source ${place}${commit}${what}.${compiled}\n`;
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

function packages({ packages: found }: ReleaseDiff, rows: number): string {
  if (found.length === 0) return '';
  const cells = found.map(({ status, file, version, sha256, because }) => [
    status === 'left out' ? '**left out**' : status,
    code(file),
    versionChange(version),
    status === 'left out'
      ? digestChange(sha256, shortDigest)
      : `${firstOf(sha256.from)}${sha256.to ? code(shortDigest(sha256.to)) : 'will be built'}`,
    because.map(prose).join(', '),
  ]);
  return section('Packages', tableBlock(['', 'file', 'version', 'sha256', 'because'], cells, rows));
}

function indexes({ indexes: found }: ReleaseDiff, rows: number): string {
  return section('Indexes', found.map((one) => indexText(one, rows)).join('\n'));
}

function indexText(index: IndexChange, rows: number): string {
  const { kind, prefix, status } = index;
  const names = (files: string[]) => inline(files.map(code), rows);
  const place =
    prefix.from !== undefined && prefix.to !== undefined && prefix.from !== prefix.to
      ? `${code(prefix.from)} → ${code(prefix.to)}`
      : code(prefix.to ?? prefix.from ?? '');
  const state = status === 'changed' ? '' : status === 'removed' ? ', **removed**' : ', new';
  const lines = [
    ...(index.added.length > 0 ? [`added: ${names(index.added)}`] : []),
    ...(index.expired.length > 0 ? [`**removed: ${names(index.expired)}**`] : []),
    ...index.rebuilt.map(
      ({ file, from, to }) =>
        `rebuilt: ${code(file)} ${firstOf(from)}${to ? code(shortDigest(to)) : 'will be built'}`,
    ),
    ...index.latest.map(({ name, from, to }) => `${code(name)}: ${latestChange({ from, to })}`),
    ...(index.withdrawn.length > 0
      ? [`withdrawn: ${names(index.withdrawn)}; the files stay, with a notice`]
      : []),
    ...(index.restored.length > 0 ? [`offered again: ${names(index.restored)}`] : []),
    ...(index.isSignedAnew ? ['signed anew'] : []),
    ...(index.problems.length > 0 ? [`repaired: ${index.problems.length} (see Repairs)`] : []),
    ...(index.unknown.length > 0 ? [`known after the build: ${index.unknown.join(', ')}`] : []),
  ];
  const shown = lines.length > 0 ? lines : ['written anew'];
  return `**${kind}** ${place}${state}\n\n${listBlock(status === 'removed' ? [] : shown, rows)}`;
}

function latestChange({ from, to }: Change): string {
  return to === undefined
    ? `${code(from ?? '')} → **no file**`
    : `${firstOf(from, (text) => text)}${code(to)}`;
}

function images({ images: found }: ReleaseDiff, rows: number): string {
  if (found.length === 0) return '';
  const cells = found.map(({ kind, status, name, digest, because }) => [
    status === 'left out' ? '**left out**' : status,
    `${kind === 'base' ? 'base ' : ''}${code(name)}`,
    status === 'left out'
      ? digestChange(digest, shortDigest)
      : `${firstOf(digest.from)}${digest.to ? code(shortDigest(digest.to)) : digest.from ? 'will change' : 'will be built'}`,
    because.map(prose).join(', '),
  ]);
  return section('Images', tableBlock(['', 'image', 'digest', 'because'], cells, rows));
}

function tags({ tags: found, latestStays }: ReleaseDiff, rows: number): string {
  const cells = found.map(({ status, registry, name, from, to }) => [
    status === 'removed' ? '**removed**' : status,
    code(registry ? `${registry}/${name}` : name),
    from ? tagEnd(from, 'unknown') : '',
    to ? tagEnd(to, from ? 'will change' : 'will be built') : '**no tag**',
  ]);
  const table = cells.length > 0 ? tableBlock(['', 'tag', 'from', 'to'], cells, rows) : '';
  const stays = latestStays.map((version) => `${code('latest')} stays with ${code(version)}.\n`).join('');
  return section('Tags', [table, stays].filter(Boolean).join('\n'));
}

function gates({ gates: { run, total } }: ReleaseDiff, rows: number): string {
  if (run.length === 0) return '';
  const how = run.length === total ? `All ${total} run` : `${run.length} of ${total} run`;
  return section('Gates', `${how}, before anything is published: ${inline(run.map(code), rows)}.\n`);
}

function keys({ keys: found }: ReleaseDiff, rows: number): string {
  if (!hasKeyChanges(found)) return '';
  const { signing, index, published } = found;
  const both = (what: string, { added, removed }: typeof index) => [
    ...added.map((key) => `${what}: ${fingerprint(key)} is added`),
    ...removed.map((key) => `${what}: **${fingerprint(key)} is removed**`),
  ];
  const lines = [
    ...(signing
      ? [
          `signing key: ${signing.from ? `${fingerprint(signing.from)} → ` : ''}${signing.to ? fingerprint(signing.to) : 'will be made'}`,
        ]
      : []),
    ...both('signs indexes, too', index),
    ...both('published, too', published),
  ];
  return section('Keys', listBlock(lines, rows));
}

function others({ others: found }: ReleaseDiff, rows: number): string {
  if (found.length === 0) return '';
  const cells = found.map(({ name, type, operation, differs }) => [
    operation === 'delete' || operation === 'replace' ? `**${operation}**` : operation,
    code(name),
    code(type),
    differs.map(code).join(', '),
  ]);
  return section('Other resources', tableBlock(['', 'name', 'type', 'what differs'], cells, rows));
}

function drawn(diff: ReleaseDiff, picture: Picture): string {
  const text = mermaid(picture, colours(diff));
  return section(
    'Picture',
    `Green is new, yellow changes, red goes, grey stays.\n\n\`\`\`mermaid\n${text}\`\`\`\n`,
  );
}
