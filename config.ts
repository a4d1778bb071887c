/**
 * The only reader of configuration. Every key is listed in `Settings`; each flag of the npm scripts sets one of
 * them. Throws SettingError, whose message names the key and the remedy.
 */
import * as pulumi from '@pulumi/pulumi';
import { bucketAddress, bucketUrl, builderAddress, repositoryAddress, withoutCredentials } from './location';
import type { Libraries } from './model';
import { checkVersion, SettingError } from './names';
import type { PinnedRelease } from './provider/promotion/record';

/** Configuration namespace: keys read `falco:<name>`. */
export const NAMESPACE = 'falco';

export interface Settings {
  /** `falco:channel`: `release` (default) or `master`. Fixed per stack. */
  channel: 'release' | 'master';
  /** `falco:bucket`: what packages are published to: a folder (relative to the project), or `s3://…` (location.ts). */
  bucket: string;
  /** `falco:url`: public URL of the bucket's root. Default: the bucket's own. */
  url: string;
  /** `falco:registry`: `host:port` of the registry, and perhaps a path below it. Default host: the local service's. */
  registry?: string;
  /** `falco:mirrors`: further `<host>/<namespace>` that get every image by digest. Default none. */
  mirrors: string[];
  /** `falco:source`: folder, or git URL with `#ref`. */
  source?: string;
  /** `falco:tree`: installed tree, folder or tar.gz; replaces the compilation. */
  tree?: string;
  /** `falco:extra`: further sources by name, such as `{libs: ../libs}`. */
  extra: Record<string, string>;
  /** `falco:patches`: folder of `*.patch`, applied with `patch -p1` in name order. */
  patches?: string;
  /** `falco:cmakeArgs`: arguments of `cmake` after the catalog's. */
  cmakeArgs: string[];
  /** `falco:libraries`: `bundled` (default) compiles for every supported distribution, `distribution` for one. */
  libraries: Libraries;
  /** `falco:gateLimit`: seconds until a gate counts as hanging. Default 300. */
  gateLimit: number;
  /** `falco:version`: x.y.z[-pre]. Default: the tree's, else the source's. */
  version?: string;
  /** `falco:date`: seconds since 1970 or ISO 8601. Default: the source's commit time, else a constant. */
  epoch?: number;
  /** `falco:signingKey`: fingerprint or user id. Default: a local key "not for release". */
  signingKey?: string;
  /** `falco:indexKeys`: fingerprints of further keys that sign indexes (docs/keys.md). Default: none. */
  indexKeys: string[];
  /** `falco:publishedKeys`: fingerprints of further keys in the published key file. Default: none. */
  publishedKeys: string[];
  /** `falco:gnupgHome`: GNUPGHOME of that key. Default `.local/gnupg`. */
  gnupgHome: string;
  /** `falco:cosignKey`: encrypted key file or URI that signs images. Default: one "not for release", beside gpg's. */
  cosignKey?: string;
  /** `falco:immutable`: a released name with other bytes stops the update. Default false. */
  immutable: boolean;
  /** `falco:withdrawn`: versions taken out of indexes, `latest` and unversioned names. Default none. */
  withdrawn: string[];
  /** `falco:keep`: how many versions the master channel keeps, the newest ones. Default 0: all. */
  keep: number;
  /** `falco:buildkit`: address of buildkitd (docs/builders.md). Default: the local service's. */
  buildkit?: string;
  /** `falco:cache`: repository in a registry that keeps what was built, for other builders. Default: none. */
  cache?: string;
  /** What a promotion takes over; absent in a stack that builds. */
  promotion?: Promoted;
}

export interface Promoted {
  /** `falco:from`: stack that has published the release. */
  from: string;
  /** `falco:release`: what was agreed to (`npm run propose` writes it). */
  pinned: PinnedRelease;
  /** `falco:expectedKey`: fingerprint of that stack's signing key. */
  expectedKey: string;
  /** `falco:expectedCosignKey`: SHA-256 of the public key (DER) that has to have signed images. Absent: none goes out. */
  expectedCosignKey?: string;
  /** `falco:releases`: `<owner>/<name>` on GitHub whose releases page gets one for the version. Default: none does. */
  releases?: string;
  /** `falco:changelog`: Markdown file whose section of the version is that page's text. Default: it has none. */
  changelog?: string;
}

const KEYS = [
  'program',
  'channel',
  'bucket',
  'url',
  'registry',
  'mirrors',
  'source',
  'tree',
  'extra',
  'patches',
  'cmakeArgs',
  'libraries',
  'gateLimit',
  'version',
  'date',
  'signingKey',
  'indexKeys',
  'publishedKeys',
  'gnupgHome',
  'cosignKey',
  'immutable',
  'withdrawn',
  'keep',
  'buildkit',
  'cache',
  'from',
  'release',
  'expectedKey',
  'expectedCosignKey',
  'releases',
  'changelog',
] as const;
type Key = (typeof KEYS)[number];

const key = (name: Key) => `${NAMESPACE}:${name}`;

const PROGRAMS = ['release', 'promotion', 'rebuild', 'infra'] as const;
export type Program = (typeof PROGRAMS)[number];

/** `falco:program`: what the stack is. Default `release`; each program reads its other keys by itself. */
export function readProgram(): Program {
  refuseSecrets();
  const text = new pulumi.Config(NAMESPACE).get('program') ?? 'release';
  const found = PROGRAMS.find((one) => one === text);
  if (found !== undefined) return found;
  throw new SettingError(key('program'), `"${text}" is no program; give ${PROGRAMS.join(', ')}`);
}

export function readSettings(): Settings {
  refuseUnknown(Object.keys(pulumi.runtime.allConfig()));
  const config = new pulumi.Config(NAMESPACE);
  const bucket = config.get('bucket') ?? '.local/bucket';
  const version = config.get('version');
  return {
    ...(readProgram() === 'promotion' && { promotion: promoted(config) }),
    channel: channel(config.get('channel')),
    bucket,
    url: (config.get('url') ?? bucketUrl(bucketAddress(bucket, 'falco:bucket'))).replace(/\/+$/, ''),
    registry: config.get('registry'),
    mirrors: strings(config, 'mirrors'),
    source: config.get('source') || undefined,
    tree: config.get('tree') || undefined,
    extra: table(config, 'extra'),
    patches: config.get('patches'),
    cmakeArgs: strings(config, 'cmakeArgs'),
    libraries: libraries(config.get('libraries')),
    gateLimit: gateLimit(config.get('gateLimit')),
    version: version === undefined ? undefined : checkVersion(version, key('version')),
    epoch: epoch(config.get('date')),
    signingKey: config.get('signingKey'),
    indexKeys: fingerprints(config, 'indexKeys'),
    publishedKeys: fingerprints(config, 'publishedKeys'),
    gnupgHome: config.get('gnupgHome') ?? '.local/gnupg',
    cosignKey: optional(config, 'cosignKey', cosignKey),
    immutable: flag(config, 'immutable'),
    withdrawn: strings(config, 'withdrawn').map((version) => checkVersion(version, key('withdrawn'))),
    keep: keep(config.get('keep'), channel(config.get('channel'))),
    buildkit: optional(config, 'buildkit', (text, name) => (builderAddress(text, name), text)),
    cache: optional(config, 'cache', repositoryAddress),
  };
}

/** Names of secret settings, as the language host gives them to the program. */
const SECRET_KEYS = 'PULUMI_CONFIG_SECRET_KEYS';

/** No setting stays secret: all are shown in previews, and most are kept in the state, in packages or in indexes. */
function refuseSecrets(): void {
  const secret = (JSON.parse(process.env[SECRET_KEYS] || '[]') as string[]).find((name) =>
    /^(falco|infra):/.test(name),
  );
  if (secret)
    throw new SettingError(
      secret,
      'is a secret, and settings are shown and kept in clear; set it without --secret. Credentials belong into the environment (docs/architecture.md)',
    );
  const config = new pulumi.Config(NAMESPACE);
  for (const name of ADDRESSES) withoutCredentials(config.get(name) ?? '', key(name));
}

/** Settings with an address in them. */
const ADDRESSES = [
  'url',
  'registry',
  'mirrors',
  'source',
  'extra',
  'cmakeArgs',
  'buildkit',
  'cache',
] as const;

/** A key with a typing mistake would be as good as unset. */
function refuseUnknown(keys: string[]): void {
  const known = new Set<string>(KEYS.map(key));
  const unknown = keys.find((name) => name.startsWith(`${NAMESPACE}:`) && !known.has(name));
  if (unknown) throw new SettingError(unknown, `is no setting; known: ${KEYS.join(', ')}`);
}

function promoted(config: pulumi.Config): Promoted {
  const from = config.get('from');
  if (!from)
    throw new SettingError(key('from'), 'is not set; name the stack whose release is to be promoted');
  const [expectedKey] = [config.get('expectedKey') ?? ''].map((text) => text.replace(/ /g, '').toUpperCase());
  if (expectedKey === '')
    throw new SettingError(
      key('expectedKey'),
      `is not set, for no release was agreed to yet: npm run propose -- --stack ${pulumi.getStack()}`,
    );
  if (!/^[0-9A-F]{40}$/.test(expectedKey))
    throw new SettingError(
      key('expectedKey'),
      `"${expectedKey}" is no fingerprint; give the 40 hex digits of the key of ${from}`,
    );
  const expectedCosignKey = config.get('expectedCosignKey')?.toLowerCase() || undefined;
  if (expectedCosignKey !== undefined && !/^[0-9a-f]{64}$/.test(expectedCosignKey))
    throw new SettingError(
      key('expectedCosignKey'),
      `"${expectedCosignKey}" is no fingerprint; give the 64 hex digits of the cosign key of ${from} (docs/keys.md)`,
    );
  const releases = config.get('releases');
  if (releases !== undefined && !/^[\w.-]+\/[\w.-]+$/.test(releases))
    throw new SettingError(key('releases'), `"${releases}" is no repository; give OWNER/NAME on GitHub`);
  return {
    from,
    expectedKey,
    expectedCosignKey,
    pinned: pinned(structured(config, 'release')),
    releases,
    changelog: config.get('changelog'),
  };
}

/** @throws SettingError for anything but what `npm run propose` writes */
function pinned(value: unknown): PinnedRelease {
  const given = (value ?? {}) as Partial<PinnedRelease>;
  const isTable = (table: unknown): table is Record<string, string> =>
    typeof table === 'object' &&
    table !== null &&
    Object.values(table).every((digest) => /^(sha256:)?[0-9a-f]{64}(:[0-9a-f]{64})?$/.test(String(digest)));
  const { version, commit, packages, images, systems } = given;
  if (typeof commit !== 'string' || !isTable(packages) || !isTable(images) || !isTable(systems))
    throw new SettingError(
      key('release'),
      'says no release that was agreed to (version, commit, packages, images, systems); npm run propose writes it',
    );
  return { version: checkVersion(String(version), key('release')), commit, packages, images, systems };
}

function channel(text = 'release'): Settings['channel'] {
  if (text === 'release' || text === 'master') return text;
  throw new SettingError(key('channel'), `"${text}" is no channel; give release or master`);
}

function libraries(text = 'bundled'): Libraries {
  if (text === 'bundled' || text === 'distribution') return text;
  throw new SettingError(key('libraries'), `"${text}" is unknown; give bundled or distribution`);
}

function gateLimit(text = '300'): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new SettingError(key('gateLimit'), `"${text}" is no number of seconds; give one such as 300`);
}

/** A path, or a URI of what cosign takes: never the key itself. */
function cosignKey(text: string, setting: string): string {
  if (text.trim() === '' || /[\n\r]|PRIVATE KEY/.test(text))
    throw new SettingError(
      setting,
      'is no key; give the path of an encrypted key file or a URI such as awskms://…, never the key itself',
    );
  return text;
}

function flag(config: pulumi.Config, name: Key): boolean {
  const text = config.get(name) ?? 'false';
  if (text === 'true' || text === 'false') return text === 'true';
  throw new SettingError(key(name), `"${text}" is neither true nor false`);
}

function keep(text: string | undefined, of: Settings['channel']): number {
  if (text === undefined || text === '0') return 0;
  if (!/^[1-9]\d*$/.test(text))
    throw new SettingError(key('keep'), `"${text}" is no number of versions; give one such as 20`);
  if (of === 'master') return Number(text);
  throw new SettingError(key('keep'), 'is for the master channel; releases stay, or are withdrawn');
}

function epoch(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.floor(Date.parse(text) / 1000);
  if (Number.isFinite(seconds) && seconds > 0) return seconds;
  throw new SettingError(
    key('date'),
    `"${text}" is no date; give seconds since 1970, or ISO 8601 such as 2020-05-12T16:53:46Z`,
  );
}

function optional(config: pulumi.Config, name: Key, read: (text: string, setting: string) => string) {
  const text = config.get(name);
  return text === undefined ? undefined : read(text, key(name));
}

function fingerprints(config: pulumi.Config, name: Key): string[] {
  return strings(config, name).map((text) => {
    const fingerprint = text.replace(/ /g, '').toUpperCase();
    if (/^[0-9A-F]{40}$/.test(fingerprint)) return fingerprint;
    throw new SettingError(key(name), `"${text}" is no fingerprint; give its 40 hex digits`);
  });
}

/** A structured value; the error of a malformed one names the key. */
function structured(config: pulumi.Config, name: Key): unknown {
  try {
    return config.getObject<unknown>(name);
  } catch {
    throw new SettingError(
      key(name),
      'is no list or table; write it as one in the stack file, such as [0.24.0]',
    );
  }
}

function strings(config: pulumi.Config, name: Key): string[] {
  const value = structured(config, name) ?? [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new SettingError(key(name), 'must be a list of texts');
}

function table(config: pulumi.Config, name: Key): Record<string, string> {
  const value = structured(config, name) ?? {};
  if (
    value &&
    typeof value === 'object' &&
    !Array.isArray(value) &&
    Object.values(value).every((item) => typeof item === 'string')
  ) {
    return value as Record<string, string>;
  }
  throw new SettingError(key(name), 'must be a table of texts, such as {libs: ../libs}');
}
