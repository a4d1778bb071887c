/** The entries of one package in primary, filelists and other (createrepo's metadata; what dnf, yum and zypper read). */
import {
  Dependency,
  dependencies,
  DependencyKind,
  Header,
  integers,
  Rpm,
  SIGNATURE_TAG,
  TAG,
  text,
  texts,
} from './rpmHeader';

/** The part of the metadata that one package contributes. Joined, they make the index. */
export interface YumFragment {
  primary: string;
  filelists: string;
  other: string;
}

/** Facts about the package file that its header does not tell. */
export interface RpmFile {
  sha256: string;
  /** Bytes. */
  size: number;
  /** Where it lies, relative to the repository's root. */
  href: string;
  /** Seconds since 1970: when it came into the repository. */
  time: number;
}

const SENSE = { less: 2, greater: 4, equal: 8, prerequisite: 0x40, scriptPre: 0x200, scriptPost: 0x400 };
const COMPARISONS: Record<number, string> = { 2: 'LT', 4: 'GT', 8: 'EQ', 10: 'LE', 12: 'GE' };
const GHOST = 0x40;
const FOLDER_MODE = 0o040000;
/** As createrepo_c's default (`--changelog-limit`). */
const CHANGELOG_LIMIT = 10;

/** XML 1.0 has no other control characters, not even escaped. */
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

export function escapeXml(value: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    '\r': '&#13;',
  };
  return value.replace(forbidden, '?').replace(/[&<>"\r]/g, (c) => entities[c]);
}

interface ListedFile {
  path: string;
  type?: 'dir' | 'ghost';
}

function files(header: Header): ListedFile[] {
  const folders = texts(header, TAG.dirNames);
  const indexes = integers(header, TAG.dirIndexes);
  const modes = integers(header, TAG.fileModes);
  const flags = integers(header, TAG.fileFlags);
  return texts(header, TAG.baseNames).map((name, i) => {
    const path = `${folders[indexes[i]] ?? ''}${name}`;
    if ((modes[i] & 0o170000) === FOLDER_MODE) return { path, type: 'dir' };
    return (flags[i] ?? 0) & GHOST ? { path, type: 'ghost' } : { path };
  });
}

/** Files that primary names too, because packages are most often required by these (createrepo's rule). */
function isPrimaryFile(path: string): boolean {
  return path.startsWith('/etc/') || path.includes('bin/') || path === '/usr/lib/sendmail';
}

function fileElement({ path, type }: ListedFile, indent: string): string {
  const attribute = type ? ` type="${type}"` : '';
  return `${indent}<file${attribute}>${escapeXml(path)}</file>\n`;
}

/** Splits `epoch:version-release`. */
function splitVersion(evr: string): { epoch: string; version: string; release?: string } {
  const [, epoch, version, release] = /^(?:(\d*):)?([^-]*)(?:-(.*))?$/.exec(evr) ?? [
    '',
    undefined,
    evr,
    undefined,
  ];
  return { epoch: epoch || '0', version, release };
}

const isPre = ({ flags }: Dependency) =>
  (flags & (SENSE.prerequisite | SENSE.scriptPre | SENSE.scriptPost)) !== 0;
const comparison = ({ flags }: Dependency) => COMPARISONS[flags & (SENSE.less | SENSE.greater | SENSE.equal)];
const identity = (d: Dependency) => JSON.stringify([d.name, comparison(d), d.version]);

function dependencyElement(dependency: Dependency, withPre: boolean): string {
  const flags = comparison(dependency);
  const attributes = [`name="${escapeXml(dependency.name)}"`];
  if (flags) {
    const { epoch, version, release } = splitVersion(dependency.version);
    attributes.push(`flags="${flags}"`, `epoch="${epoch}"`, `ver="${escapeXml(version)}"`);
    if (release !== undefined) attributes.push(`rel="${escapeXml(release)}"`);
  }
  if (withPre && isPre(dependency)) attributes.push('pre="1"');
  return `      <rpm:entry ${attributes.join(' ')}/>\n`;
}

/** `GLIBC_2.34` of `libc.so.6(GLIBC_2.34)(64bit)` as numbers; the plain `libc.so.6` is the lowest. */
function libcVersion(name: string): number[] {
  return (/GLIBC_([0-9.]+)/.exec(name)?.[1] ?? '').split('.').map(Number);
}

function compareNumbers(a: number[], b: number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? -1) - (b[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * What a client has to look for elsewhere (createrepo's rules): not rpm's own features, nor what the package has
 * itself, each once, and of libc's symbol versions, which imply each other, only the highest.
 */
function outerRequires(header: Header): Dependency[] {
  const own = new Set(dependencies(header, 'provides').map(identity));
  const ownFiles = new Set(files(header).map((file) => file.path));
  // createrepo_c compares with the last entry of the same name only.
  const last = new Map<string, string>();
  const found: Dependency[] = [];
  let libc: Dependency | undefined;
  for (const dependency of dependencies(header, 'requires')) {
    const { name } = dependency;
    if (name.startsWith('rpmlib(') || own.has(identity(dependency))) continue;
    if (ownFiles.has(name) && isPrimaryFile(name)) continue;
    const key = JSON.stringify([identity(dependency), isPre(dependency)]);
    if (last.get(name) === key) continue;
    last.set(name, key);
    if (!name.startsWith('libc.so.6')) found.push(dependency);
    else if (!libc || compareNumbers(libcVersion(name), libcVersion(libc.name)) > 0) libc = dependency;
  }
  return libc ? [...found, libc] : found;
}

function dependencyList(header: Header, kind: DependencyKind): string {
  const all = kind === 'requires' ? outerRequires(header) : dependencies(header, kind);
  if (all.length === 0) return '';
  const entries = all.map((dependency) => dependencyElement(dependency, kind === 'requires')).join('');
  return `    <rpm:${kind}>\n${entries}    </rpm:${kind}>\n`;
}

const KINDS: DependencyKind[] = [
  'provides',
  'requires',
  'conflicts',
  'obsoletes',
  'suggests',
  'enhances',
  'recommends',
  'supplements',
];

function element(name: string, value: string | undefined, indent = '  '): string {
  return value === undefined || value === ''
    ? `${indent}<${name}/>\n`
    : `${indent}<${name}>${escapeXml(value)}</${name}>\n`;
}

/** Name, epoch, version, release and architecture of the package. */
export function rpmIdentity({ header }: Rpm) {
  return {
    name: text(header, TAG.name) ?? '',
    epoch: text(header, TAG.epoch) ?? '0',
    version: text(header, TAG.version) ?? '',
    release: text(header, TAG.release) ?? '',
    architecture: header.values.has(TAG.sourcePackage) ? 'src' : (text(header, TAG.arch) ?? ''),
  };
}

function versionElement(rpm: Rpm): string {
  const { epoch, version, release } = rpmIdentity(rpm);
  return `  <version epoch="${epoch}" ver="${escapeXml(version)}" rel="${escapeXml(release)}"/>\n`;
}

function primary(rpm: Rpm, file: RpmFile): string {
  const { header, signature } = rpm;
  const { name, architecture } = rpmIdentity(rpm);
  const archive =
    text(signature, SIGNATURE_TAG.longArchiveSize) ?? text(signature, SIGNATURE_TAG.payloadSize);
  const installed = text(header, TAG.longSize) ?? text(header, TAG.size) ?? '0';
  const sizes = `package="${file.size}" installed="${installed}" archive="${archive ?? text(header, TAG.archiveSize) ?? '0'}"`;
  return [
    '<package type="rpm">\n',
    element('name', name),
    element('arch', architecture),
    versionElement(rpm),
    `  <checksum type="sha256" pkgid="YES">${file.sha256}</checksum>\n`,
    element('summary', text(header, TAG.summary)),
    element('description', text(header, TAG.description)),
    element('packager', text(header, TAG.packager)),
    element('url', text(header, TAG.url)),
    `  <time file="${file.time}" build="${text(header, TAG.buildTime) ?? '0'}"/>\n`,
    `  <size ${sizes}/>\n`,
    `  <location href="${escapeXml(file.href)}"/>\n`,
    '  <format>\n',
    element('rpm:license', text(header, TAG.license), '    '),
    element('rpm:vendor', text(header, TAG.vendor), '    '),
    element('rpm:group', text(header, TAG.group), '    '),
    element('rpm:buildhost', text(header, TAG.buildHost), '    '),
    element('rpm:sourcerpm', text(header, TAG.sourceRpm), '    '),
    `    <rpm:header-range start="${header.start}" end="${header.end}"/>\n`,
    ...KINDS.map((kind) => dependencyList(header, kind)),
    ...files(header)
      .filter(({ path }) => isPrimaryFile(path))
      .map((listed) => fileElement(listed, '    ')),
    '  </format>\n',
    '</package>\n',
  ].join('');
}

function changelogs(header: Header): string {
  const authors = texts(header, TAG.changelogName);
  const entries = texts(header, TAG.changelogText);
  // The header has the newest first, the index has it last. Equal dates are told apart by a second, so that a
  // client which sorts by date keeps the order.
  const newest = integers(header, TAG.changelogTime)
    .slice(0, CHANGELOG_LIMIT)
    .map((date, i) => ({ date, author: authors[i] ?? '', text: entries[i] ?? '' }));
  const ordered = newest.reverse();
  ordered.forEach((entry, i) => {
    const before = ordered[i - 1];
    if (before && entry.date <= before.date) entry.date = before.date + 1;
  });
  return ordered
    .map(
      (e) =>
        `  <changelog author="${escapeXml(e.author)}" date="${e.date}">${escapeXml(e.text)}</changelog>\n`,
    )
    .join('');
}

/** The index entries of a package. */
export function yumFragment(rpm: Rpm, file: RpmFile): YumFragment {
  const { name, architecture } = rpmIdentity(rpm);
  const opening = `<package pkgid="${file.sha256}" name="${escapeXml(name)}" arch="${architecture}">\n${versionElement(rpm)}`;
  const allFiles = files(rpm.header)
    .map((listed) => fileElement(listed, '  '))
    .join('');
  return {
    primary: primary(rpm, file),
    filelists: `${opening}${allFiles}</package>\n`,
    other: `${opening}${changelogs(rpm.header)}</package>\n`,
  };
}
