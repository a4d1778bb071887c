/** Reads the indexes of repositories that others made: Packages of apt, primary, filelists and other of yum. Pure. */
import type { AptFragment } from './aptIndex';
import { field } from './aptIndex';
import type { YumFragment } from './yumPackage';

/** A package as a foreign index lists it. */
export interface ForeignPackage<F> {
  name: string;
  /** As the package spells it, without epoch and release. */
  version: string;
  architecture: string;
  /** Relative to the repository's root. */
  path: string;
  sha256: string;
  /** Bytes. */
  size: number;
  fragment: F;
}

/** The paragraphs of a Packages index (Debian repository format). @throws Error for one without SHA256 */
export function foreignDebs(packages: string): ForeignPackage<AptFragment>[] {
  const paragraphs = packages.split(/\n{2,}/).map((text) => text.trim());
  return paragraphs.filter(Boolean).map((paragraph) => {
    const read = (name: string) => {
      const value = field(paragraph, name);
      if (value) return value;
      const what = field(paragraph, 'Filename') ?? field(paragraph, 'Package') ?? 'a paragraph';
      throw new Error(
        `${what} has no ${name} in Packages; make the index anew with apt-ftparchive, then adopt it`,
      );
    };
    const architecture = read('Architecture');
    return {
      name: read('Package'),
      version: read('Version'),
      architecture,
      path: read('Filename').replace(/^\.\//, ''),
      sha256: read('SHA256').toLowerCase(),
      size: Number(read('Size')),
      fragment: { architecture, paragraph },
    };
  });
}

/** The elements of an XML list, by their pkgid or in order. */
const elements = (xml: string) =>
  [...xml.matchAll(/[ \t]*<package\b[^>]*>[^]*?<\/package>\n?/g)].map(([all]) => all);
const attribute = (xml: string, name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(xml)?.[1];

/** The packages of a yum repository's three lists. @throws Error for what cannot be taken over as it is */
export function foreignRpms(
  primary: string,
  filelists: string,
  other: string,
): ForeignPackage<YumFragment>[] {
  const byId = (xml: string) => new Map(elements(xml).map((one) => [attribute(one, 'pkgid') ?? '', one]));
  const [files, changes] = [byId(filelists), byId(other)];
  return elements(primary).map((one) => {
    const sha256 = /<checksum type="sha256"[^>]*>([0-9a-f]{64})</.exec(one)?.[1];
    const location = /<location\b[^>]*>/.exec(one)?.[0] ?? '';
    const path = attribute(location, 'href');
    const name = /<name>([^<]+)</.exec(one)?.[1];
    const architecture = /<arch>([^<]+)</.exec(one)?.[1];
    const version = attribute(/<version\b[^>]*>/.exec(one)?.[0] ?? '', 'ver');
    if (!sha256 || !path || !name || !architecture || !version)
      throw new Error(
        `${path ?? name ?? 'a package'} has no sha256 in primary; make the index anew with createrepo_c, then adopt it`,
      );
    if (location.includes('xml:base'))
      throw new Error(`${path} lies in another repository (xml:base); it cannot be adopted`);
    const [filelist, changelog] = [files.get(sha256), changes.get(sha256)];
    if (filelist === undefined || changelog === undefined)
      throw new Error(
        `${path} is not in filelists and other; make the index anew with createrepo_c, then adopt it`,
      );
    return {
      name,
      version,
      architecture,
      path,
      sha256,
      size: Number(attribute(/<size\b[^>]*>/.exec(one)?.[0] ?? '', 'package')),
      fragment: { primary: one, filelists: filelist, other: changelog },
    };
  });
}
