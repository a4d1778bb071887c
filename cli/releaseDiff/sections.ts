/** The sections of a release diff: one function each, empty where nothing is to be said. Pure. */
import { Picture } from '../../picture';
import { inline, listBlock, tableBlock } from './blocks';
import { colours } from './colours';
import { ReleaseDiff } from './diff';
import { code, prose } from './escape';
import { IndexChange } from './indexes';
import { hasKeyChanges } from './keys';
import { mermaid } from './mermaid';
import { Change, PackageChange } from './packages';
import { digestChange, fingerprint, firstOf, shortDigest, tagEnd, versionChange } from './words';

export const section = (title: string, body: string) => (body ? `### ${title}\n\n${body}` : '');

export function packages({ packages: found }: ReleaseDiff, rows: number): string {
  if (found.length === 0) return '';
  const cells = found.map(({ status, file, version, sha256, isPromoted, because }) => [
    status === 'left out' ? '**left out**' : status,
    code(file),
    versionChange(version),
    packageDigest({ status, sha256, isPromoted }),
    because.map(prose).join(', '),
  ]);
  return section('Packages', tableBlock(['', 'file', 'version', 'sha256', 'because'], cells, rows));
}

function packageDigest({
  status,
  sha256,
  isPromoted,
}: Pick<PackageChange, 'status' | 'sha256' | 'isPromoted'>): string {
  if (status === 'left out') return digestChange(sha256, shortDigest);
  const unknown = status === 'signed anew' || isPromoted ? 'will be signed' : 'will be built';
  return `${firstOf(sha256.from)}${sha256.to ? code(shortDigest(sha256.to)) : unknown}`;
}

export function indexes({ indexes: found }: ReleaseDiff, rows: number): string {
  return section('Indexes', found.map((one) => indexText(one, rows)).join('\n'));
}

function indexText(index: IndexChange, rows: number): string {
  const { kind, prefix, status } = index;
  const names = (files: string[]) => inline(files.map(code), rows);
  const added = index.added.map(({ file, aliases }) => [file, ...aliases].map(code).join(' = '));
  const place =
    prefix.from !== undefined && prefix.to !== undefined && prefix.from !== prefix.to
      ? `${code(prefix.from)} → ${code(prefix.to)}`
      : code(prefix.to ?? prefix.from ?? '');
  const state = status === 'changed' ? '' : status === 'removed' ? ', **removed**' : ', new';
  const lines = [
    ...(index.added.length > 0 ? [`added: ${inline(added, rows)}`] : []),
    ...(index.expired.length > 0 ? [`**removed: ${names(index.expired)}**`] : []),
    ...index.rebuilt.map(
      ({ file, from, to }) =>
        `rebuilt: ${code(file)} ${firstOf(from)}${to ? code(shortDigest(to)) : 'will be built'}`,
    ),
    ...(index.kept.length > 0
      ? [`stays as it was published, with the signature that it has: ${names(index.kept)}`]
      : []),
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

export function images({ images: found }: ReleaseDiff, rows: number): string {
  if (found.length === 0) return '';
  const cells = found.map(({ kind, status, name, digest, because }) => [
    status === 'left out' ? '**left out**' : status,
    `${kind === 'image' ? '' : `${kind} `}${code(name)}`,
    status === 'left out'
      ? digestChange(digest, shortDigest)
      : `${firstOf(digest.from)}${digest.to ? code(shortDigest(digest.to)) : digest.from ? 'will change' : 'will be built'}`,
    because.map(prose).join(', '),
  ]);
  return section('Images', tableBlock(['', 'image', 'digest', 'because'], cells, rows));
}

export function tags({ tags: found }: ReleaseDiff, rows: number): string {
  if (found.length === 0) return '';
  const cells = found.map(({ status, registry, name, from, to }) => [
    status === 'removed' ? '**removed**' : status,
    code(registry ? `${registry}/${name}` : name),
    from ? tagEnd(from, 'unknown') : '',
    to ? tagEnd(to, from ? 'will change' : 'will be built') : '**no tag**',
  ]);
  return section('Tags', tableBlock(['', 'tag', 'from', 'to'], cells, rows));
}

export function gates({ gates: { run, total } }: ReleaseDiff, rows: number): string {
  if (run.length === 0) return '';
  const how = run.length === total ? `All ${total} run` : `${run.length} of ${total} run`;
  return section('Gates', `${how}, before anything is published: ${inline(run.map(code), rows)}.\n`);
}

export function keys({ keys: found }: ReleaseDiff, rows: number): string {
  if (!hasKeyChanges(found)) return '';
  const { signing, images, index, published, origin, expected, expectedImages } = found;
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
    // Users verify images with one key alone: all of them have to fetch another one.
    ...(images
      ? [
          `${images.from ? '**key of images**' : 'key of images'}: ${images.from ? `${fingerprint(images.from)} → ` : ''}${images.to ? fingerprint(images.to) : 'will be made'}`,
        ]
      : []),
    ...both('signs indexes, too', index),
    ...both('published, too', published),
    // Whom a release is taken from is what a reviewer must not miss.
    ...(origin
      ? [`**taken from**: ${origin.from ? `${code(origin.from)} → ` : ''}${code(origin.to ?? '')}`]
      : []),
    ...(expected
      ? [
          `**expected key**: ${expected.from ? `${fingerprint(expected.from)} → ` : ''}${fingerprint(expected.to ?? '')}`,
        ]
      : []),
    ...(expectedImages
      ? [
          `**expected key of images**: ${expectedImages.from ? `${fingerprint(expectedImages.from)} → ` : ''}${fingerprint(expectedImages.to ?? '')}`,
        ]
      : []),
  ];
  return section('Keys', listBlock(lines, rows));
}

export function others({ others: found }: ReleaseDiff, rows: number): string {
  if (found.length === 0) return '';
  const cells = found.map(({ name, type, operation, differs }) => [
    operation === 'delete' || operation === 'replace' ? `**${operation}**` : operation,
    code(name),
    code(type),
    differs.map(code).join(', '),
  ]);
  return section('Other resources', tableBlock(['', 'name', 'type', 'what differs'], cells, rows));
}

export function drawn(diff: ReleaseDiff, picture: Picture): string {
  const text = mermaid(picture, colours(diff));
  return section(
    'Picture',
    `Green is new, yellow changes, red goes, grey stays.\n\n\`\`\`mermaid\n${text}\`\`\`\n`,
  );
}
