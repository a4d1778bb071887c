/** The texts of an apt repository: Packages paragraphs, Release, the deb822 source. Pure. */
import type { ListedPackage } from './listedPackage';

/** One paragraph of a Packages index (Debian repository format, "Packages" indices). */
export interface AptFragment {
  architecture: string;
  /** Paragraph of the package's control file with Filename, Size and SHA256, no trailing newline. */
  paragraph: string;
}

/** `filename` is relative to the repository's root, `size` in bytes. */
export function aptFragment(control: string, filename: string, size: number, sha256: string): AptFragment {
  const architecture = field(control, 'Architecture');
  if (!architecture || !field(control, 'Package'))
    throw new Error(`${filename}: its control file lacks Package or Architecture`);
  return { architecture, paragraph: `${control}\nFilename: ${filename}\nSize: ${size}\nSHA256: ${sha256}` };
}

/** Value of a field in a paragraph; undefined when it is not there. */
export function field(paragraph: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'mi').exec(paragraph)?.[1]?.trim();
}

/** The Packages index of one architecture; architecture `all` stands in each. */
export function packagesIndex(fragments: AptFragment[], architecture: string): string {
  return fragments
    .filter((fragment) => fragment.architecture === architecture || fragment.architecture === 'all')
    .map(({ paragraph }) => `${paragraph}\n\n`)
    .join('');
}

/** The packages of a Packages index; a paragraph without a name or a file is left out. */
export function listedDebs(packages: string): ListedPackage[] {
  return packages.split(/\n{2,}/).flatMap((paragraph) => {
    const [name, path] = [field(paragraph, 'Package'), field(paragraph, 'Filename')];
    if (!name || !path) return [];
    return {
      name,
      version: field(paragraph, 'Version') ?? '',
      architecture: field(paragraph, 'Architecture') ?? '',
      path: path.replace(/^\.\//, ''),
      size: Number(field(paragraph, 'Size')),
      sha256: field(paragraph, 'SHA256') ?? '',
    };
  });
}

export interface ListedFile {
  /** Relative to the folder of Release. */
  path: string;
  size: number;
  sha256: string;
}

export interface ReleaseFields {
  origin: string;
  suite: string;
  component: string;
  architectures: string[];
  description: string;
  date: Date;
}

/** A Release file (Debian repository format, "Release" files), with SHA256 only, because by-hash has only that. */
export function releaseText(fields: ReleaseFields, files: ListedFile[]): string {
  const lines = [
    `Origin: ${fields.origin}`,
    `Label: ${fields.origin}`,
    `Suite: ${fields.suite}`,
    `Codename: ${fields.suite}`,
    `Date: ${fields.date.toUTCString().replace('GMT', 'UTC')}`,
    `Architectures: ${fields.architectures.join(' ')}`,
    `Components: ${fields.component}`,
    `Description: ${fields.description}`,
    'Acquire-By-Hash: yes',
    'SHA256:',
    ...files.map(({ path, size, sha256 }) => ` ${sha256} ${size} ${path}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** The files that a Release lists under SHA256. */
export function listedFiles(release: string): ListedFile[] {
  const list = /^SHA256:\n((?: .*\n?)*)/m.exec(release)?.[1] ?? '';
  return list
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((parts) => parts.length === 3)
    .map(([sha256 = '', size = '', path = '']) => ({ sha256, size: Number(size), path }));
}

/**
 * A ready `.sources` file (sources.list(5), deb822) with the key in it, so that it works by itself; apt before 2.3.10
 * takes a key only as a file of its own.
 * @param publicKey ASCII-armored
 */
export function aptSources(
  url: string,
  suite: string,
  component: string,
  architectures: string[],
  publicKey: string,
): string {
  return [
    'Types: deb',
    `URIs: ${url}`,
    `Suites: ${suite}`,
    `Components: ${component}`,
    `Architectures: ${architectures.join(' ')}`,
    'Signed-By:',
    // A value of many lines: each begins with a space, an empty one is a dot (deb822(5)).
    ...publicKey
      .trimEnd()
      .split('\n')
      .map((line) => ` ${line.trimEnd() || '.'}`),
    '',
  ].join('\n');
}
