/** What `up` ends with: the stack's outputs for a person. */
import { fileURLToPath } from 'node:url';
import { catalog } from '../catalog';
import { pulumiLine, Stack } from './stack';

interface PackageFile {
  url: string;
  sha256: string;
  /** Bytes. */
  size: number;
  aliasOf?: string;
}

/** The outputs that are shown; each may be missing while a stack is young. */
interface Outputs {
  version?: string;
  /** Out of the indexes: it cannot be installed from them. */
  withdrawn?: boolean;
  packages?: Record<string, PackageFile>;
  images?: Record<string, string>;
  apt?: { url: string; suite: string; component: string; key: string; sources: string };
  yum?: { url: string; key: string; repo: string };
  downloads?: { url: string };
  /** Fingerprints. */
  keys?: { packages: string[]; images: string };
  /** Seconds that each took. */
  gates?: Record<string, number>;
  notes?: string[];
}

/** Decimal units, as package managers print them. */
export function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let size = bytes;
  let unit = 0;
  for (; size >= 999.5 && unit < units.length - 1; unit++) size /= 1000;
  return `${unit === 0 || size >= 99.5 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** Columns padded to their widest cell; the last one is left as it is. */
export function table(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ')}`.trimEnd(),
  );
}

/** `file:///x` as `/x`, for commands that take a path. */
const plain = (url: string) => (url.startsWith('file://') ? fileURLToPath(url) : url);

/** How to put a published file at a path: a copy for `file://`, else a download. */
const fetchTo = (url: string, target: string) =>
  url.startsWith('file://') ? `cp ${plain(url)} ${target}` : `curl -fsSL ${url} -o ${target}`;

/** `repository@digest` of every image in the outputs. */
export function imageReferences(outputs: Record<string, unknown>): string[] {
  return Object.values((outputs as Outputs).images ?? {});
}

/**
 * @param outputs of `pulumi stack output --json`; unknown ones are left out
 * @param sizes compressed bytes of images by reference; an unknown one is left empty
 */
export function summary(
  outputs: Record<string, unknown>,
  stack: Pick<Stack, 'name' | 'config'>,
  sizes: Record<string, number> = {},
): string {
  const {
    version,
    withdrawn = false,
    packages = {},
    images = {},
    apt,
    yum,
    downloads,
    keys,
    gates = {},
    notes = [],
  } = outputs as Outputs;
  const stackOption = stack.name === 'local' ? '' : ` -- --stack ${stack.name}`;
  if (!version) return `The stack ${stack.name} has made nothing yet: npm run up${stackOption}\n`;
  return [
    '',
    `Version ${version}, stack ${stack.name}${withdrawn ? ': withdrawn; indexes, latest and unversioned names leave it out' : ''}`,
    ...packageLines(packages),
    ...imageLines(images, sizes, version),
    ...(apt ? aptLines(apt, packages, withdrawn ? undefined : version) : []),
    ...(yum ? yumLines(yum, packages, withdrawn ? undefined : version) : []),
    ...(downloads ? ['', 'Downloads', `  ${downloads.url}`] : []),
    ...(keys ? keyLines(keys) : []),
    ...gateLines(gates),
    ...(notes.length > 0 ? ['', 'Notes', ...notes.map((note) => `  - ${note}`)] : []),
    ...statusLines(apt, images, stack),
    '',
  ].join('\n');
}

function packageLines(packages: Record<string, PackageFile>): string[] {
  const files = Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1));
  if (files.length === 0) return [];
  const aliases = (name: string) =>
    files.filter(([, { aliasOf }]) => aliasOf === name).map(([alias]) => alias);
  const rows = files
    .filter(([, { aliasOf }]) => aliasOf === undefined || !packages[aliasOf])
    .map(([name, { size, aliasOf }]) => {
      const also = aliasOf ? [`alias of ${aliasOf}`] : aliases(name).map((alias) => `= ${alias}`);
      return [name, humanSize(size), also.join('  ')];
    });
  return ['', 'Packages', ...table(rows)];
}

function imageLines(
  images: Record<string, string>,
  sizes: Record<string, number>,
  version: string,
): string[] {
  // Shorter names first: a plain tag stands before the alias that points at the same image.
  const names = Object.keys(images).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  // Tags of this release: its version, or on the master channel the moving one.
  const isOwn = (name: string) => name.endsWith(`:${version}`) || name.includes(`:${version}-`);
  const own = names.filter(isOwn);
  const first = own[0] ?? names[0];
  if (first === undefined) return [];
  const repository = first.slice(0, first.lastIndexOf(':'));
  const registry = images[first]?.replace(`/${repository}@`, '@').replace(/@.*$/, '');
  const digest = (name: string) => images[name]?.replace(/^.*@/, '');
  const rows = names
    .filter((name, index) => names.findIndex((other) => digest(other) === digest(name)) === index)
    .sort()
    .map((name) => {
      const size = sizes[images[name] ?? ''];
      const also = names.filter((other) => other !== name && digest(other) === digest(name));
      const others = also.map((other) => `= ${other}`).join('  ');
      const isOther = own.length > 0 && !isOwn(name) && !also.some(isOwn);
      return [
        name,
        size === undefined ? '' : humanSize(size),
        others || (isOther ? 'of another release' : ''),
      ];
    });
  return ['', `Images in ${registry}`, ...table(rows), `  docker run --rm ${registry}/${first} usage`];
}

/** Whether the unversioned names stand for another release: then so does an installation by name alone. */
function isOlder(packages: Record<string, PackageFile>, version: string): boolean {
  return Object.values(packages).some(({ aliasOf }) => {
    const other = aliasOf === undefined ? undefined : /-(\d+\.\d+\.\d+[^-]*)-/.exec(aliasOf)?.[1];
    return other !== undefined && other !== version && packages[aliasOf ?? ''] === undefined;
  });
}

/** @param version to install; undefined: it is withdrawn */
function aptLines(
  apt: NonNullable<Outputs['apt']>,
  packages: Record<string, PackageFile>,
  version: string | undefined,
): string[] {
  // The name that stands before the version in the shortest deb: what its users install.
  const deb = Object.keys(packages).find((name) => name.endsWith('.deb'));
  const product = deb?.replace(/-\d.*$/, '') ?? 'PACKAGE';
  return [
    '',
    `apt repository ${apt.url} ${apt.suite} ${apt.component}`,
    `  ${fetchTo(apt.sources, `/etc/apt/sources.list.d/${apt.sources.split('/').pop()}`)}`,
    ...(version === undefined
      ? []
      : [`  apt-get update && apt-get install ${product}${isOlder(packages, version) ? `=${version}` : ''}`]),
    `  key: ${apt.key}`,
  ];
}

function yumLines(
  yum: NonNullable<Outputs['yum']>,
  packages: Record<string, PackageFile>,
  version: string | undefined,
): string[] {
  const file = yum.repo.split('/').pop() ?? '';
  return [
    '',
    `yum repository ${yum.url}`,
    `  ${fetchTo(yum.repo, `/etc/yum.repos.d/${file}`)}`,
    ...(version === undefined
      ? []
      : [`  dnf install ${file.replace(/\.repo$/, '')}${isOlder(packages, version) ? `-${version}` : ''}`]),
    `  key: ${yum.key}`,
  ];
}

function keyLines({ packages, images }: NonNullable<Outputs['keys']>): string[] {
  const rows = [
    ...packages.map((key, index) => [index === 0 ? 'packages and indexes' : 'published, too', key]),
    ['images', `sha256 ${images}`],
  ];
  return ['', 'Fingerprints of the keys, to tell users by another way', ...table(rows)];
}

function gateLines(gates: Record<string, number>): string[] {
  const [slowest] = Object.entries(gates).sort(([, a], [, b]) => b - a);
  if (!slowest) return [];
  const count = Object.keys(gates).length;
  return [
    '',
    'Gates',
    `  all ${count} have passed what is published; the slowest, ${slowest[0]}, took ${slowest[1]} s when it last ran`,
  ];
}

/** The command that looks at it as users do. */
function statusLines(
  apt: Outputs['apt'],
  images: Record<string, string>,
  { config }: Pick<Stack, 'config'>,
): string[] {
  const prefix = Object.values(catalog.repositories.apt.prefix).find((one) => apt?.url.endsWith(`/${one}`));
  const [reference] = Object.values(images);
  if (!apt || prefix === undefined || reference === undefined) return [];
  const bucket = apt.url.slice(0, -prefix.length - 1);
  const namespace = reference.slice(0, reference.lastIndexOf('/'));
  const channel = config['falco:channel'] === 'master' ? ' --channel master' : '';
  return ['', 'Seen from outside', `  npm run status -- ${bucket} ${namespace}${channel}`];
}

/** After `destroy`: what went, what stays. @param before the outputs before it */
export function kept(
  before: Record<string, unknown>,
  stack: Pick<Stack, 'config' | 'name' | 'root' | 'env'>,
): string {
  const { version, packages = {}, images = {} } = before as Outputs;
  const gone = version
    ? `Taken away: ${Object.keys(packages).length} package files and ${Object.keys(images).length} image tags of ${version}, and every other release of this stack.`
    : `The stack ${stack.name} had published nothing.`;
  const text = (key: string, otherwise: string) => {
    const value = stack.config[`falco:${key}`];
    return typeof value === 'string' ? value : otherwise;
  };
  return [
    gone,
    'Kept:',
    `  the registry and buildkitd, which go on running, with their data (.local/registry, .local/buildkit): npm run services -- stop`,
    `  ${text('bucket', '.local/bucket')}: what other stacks published, if they did, and the public key while they need it`,
    `  the signing key (${text('gnupgHome', '.local/gnupg')}), the cached tools`,
    `  the stack with its history; to forget it: ${pulumiLine(stack, `stack rm --yes --preserve-config ${stack.name}`)}`,
  ].join('\n');
}
