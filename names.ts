/**
 * What the catalog's names become for one version and one architecture, and the seed's naming rules.
 * Pure: no I/O, no Pulumi.
 */
import * as semver from 'semver';
import { Architecture, Catalog, Driver, Format, ImageRow, PackageRow, Product } from './model';

/** Error whose message is for the user: it names the setting and the remedy. */
export class SettingError extends Error {
  constructor(
    readonly setting: string,
    message: string,
  ) {
    super(`${setting}: ${message}`);
  }
}

/** `x.y.z` or `x.y.z-pre`; no `v`, no build metadata, no further hyphen (debs and rpms have a use for it). */
export function checkVersion(text: string, setting: string): string {
  const parsed = semver.parse(text);
  if (
    !parsed ||
    parsed.raw !== text ||
    parsed.version !== text ||
    !/^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$/.test(text)
  ) {
    const bare = /^v(\d+\.\d+\.\d+.*)$/.exec(text)?.[1];
    const remedy = bare
      ? `leave out the v: ${bare}`
      : 'give x.y.z or x.y.z-pre, such as 0.24.0 or 0.24.0-rc1';
    throw new SettingError(setting, `"${text}" is no version; ${remedy}`);
  }
  return text;
}

/** A version that is for those who try it: `0.24.0-rc1`. */
export const isPrerelease = (version: string) => version.includes('-');

/** Which of the two repositories of a kind has a version, by default a release: the `-dev` one has all that is none. */
export function flavourOf(channel: 'release' | 'master', version?: string): 'release' | 'dev' {
  return channel === 'master' || (version !== undefined && isPrerelease(version)) ? 'dev' : 'release';
}

/** The version inside a deb or rpm: `~` sorts a pre-release before its release. */
export function packageVersion(version: string): string {
  return version.replace('-', '~');
}

/** An architecture as a file name of the given format spells it. */
export function architectureOf(format: Format, architecture: Architecture): string {
  if (format === 'deb') return architecture.deb;
  if (format === 'rpm') return architecture.rpm;
  return architecture.tarball;
}

/** Replaces `{variable}`; an unknown one is an error of the catalog. */
export function fill(template: string, variables: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (_, variable: string) => {
    const value = variables[variable];
    if (value === undefined) throw new Error(`catalog: no value for {${variable}} in "${template}"`);
    return value;
  });
}

export interface FileNames {
  /** The canonical, versioned name. */
  fileName: string;
  /** Further names with a version: the same bytes for ever. */
  aliases: string[];
  /** Names without a version: they follow the newest release. */
  latestAliases: string[];
}

/** All names of a package's file. */
export function fileNames(product: Product, row: PackageRow, version: string, arch: Architecture): FileNames {
  const variables = {
    name: product.name,
    version,
    arch: architectureOf(row.format, arch),
    legacy: arch.legacy,
  };
  const rendered = (templates: string[]) => templates.map((template) => fill(template, variables));
  return {
    fileName: fill(row.fileName, variables),
    aliases: rendered(row.aliases.filter((alias) => alias.includes('{version}'))),
    latestAliases: rendered(row.aliases.filter((alias) => !alias.includes('{version}'))),
  };
}

/** Drivers that an installed package brings: its deb or rpm parts, or what the row says. */
function driversOf(row: PackageRow): Driver[] {
  const installed: Driver[] = row.format === 'deb' || row.format === 'rpm' ? ['module', 'bpf'] : [];
  return [
    ...new Set([
      ...installed.filter((driver) => row.parts.includes(driver)),
      ...(row.driver ? [row.driver] : []),
    ]),
  ];
}

/**
 * The seed's naming rules ("Packages": a version in every package name; the driver's word where a
 * package installs a driver) and what object stores and clients accept. Returns the violations.
 */
export function namingViolations(catalog: Catalog): string[] {
  const violations: string[] = [];
  const keys = new Set<string>();
  for (const row of catalog.packages) {
    if (keys.has(row.key)) violations.push(`two packages have the key "${row.key}"`);
    keys.add(row.key);
    if (!row.fileName.includes('{version}'))
      violations.push(`${row.key}: "${row.fileName}" has no {version}`);
    for (const driver of driversOf(row)) {
      const word = catalog.product.drivers[driver];
      if (!row.fileName.includes(word))
        violations.push(`${row.key}: installs a driver but "${row.fileName}" lacks "${word}"`);
    }
    for (const name of [row.fileName, ...row.aliases]) {
      if (/[+~\s/]/.test(name))
        violations.push(`${row.key}: "${name}" has a character that object stores or zypper refuse`);
    }
  }
  return [...violations, ...imageViolations(catalog)];
}

function imageViolations(catalog: Catalog): string[] {
  const violations: string[] = [];
  const known = new Set<string>();
  for (const image of catalog.images) {
    if (!/^[a-z0-9]+([._-][a-z0-9]+)*$/.test(image.name))
      violations.push(`image "${image.name}" is no repository name`);
    if ('image' in image.from && !known.has(image.from.image)) {
      violations.push(`image ${image.name}: "${image.from.image}" must stand before it in the catalog`);
    }
    if ('base' in image.from && !(image.from.base in catalog.bases)) {
      violations.push(`image ${image.name}: there is no base "${image.from.base}"`);
    }
    if (image.system && 'image' in image.from)
      violations.push(`image ${image.name}: "${image.from.image}" has what it takes from the distribution`);
    if (image.name in catalog.bases) violations.push(`image ${image.name}: a base has that name`);
    known.add(image.name);
  }
  return violations;
}

/** The text of an image's `usage` label and command: what it does, and the lines to run it. */
export function usageText(product: Product, image: ImageRow, tag: string): string {
  const reference = `${product.imageNamespace}/${image.name}:${tag}`;
  return [
    image.usage.about,
    '',
    ...image.usage.run.map((line) => `  ${fill(line, { image: reference })}`),
  ].join('\n');
}

/** Names of what a client fetches besides packages: below the bucket's root, or below the repository's prefix. */
export function publicNames(product: Product): {
  publicKey: string;
  keyring: string;
  aptSources: string;
  yumRepo: string;
} {
  return {
    publicKey: `packages/${product.imageNamespace}-packages.asc`,
    keyring: `packages/${product.name}-archive-keyring.gpg`,
    aptSources: `${product.name}.sources`,
    yumRepo: `${product.name}.repo`,
  };
}

/**
 * Key of the public key that images of a channel are verified with. Each channel has a folder of its own: the role of
 * master builds may not write what releases are verified with.
 */
export function cosignKeyFile(channel: 'release' | 'master'): string {
  return `${COSIGN_FOLDERS[channel]}cosign.pub`;
}

/** Folders of these, below the bucket's root. */
export const COSIGN_FOLDERS = { release: 'packages/cosign/', master: 'packages/cosign-dev/' };

/** Repository, below the registry's namespace, that keeps by digest what images take from their distribution. */
export const BASE_REPOSITORY = 'base';

/** User id of the key that a stack without one makes for itself. */
export function localKeyName(product: Product): string {
  return `${product.title} local builds (not for release) <local@localhost>`;
}
