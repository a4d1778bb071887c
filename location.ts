/** Where things are: sources in a folder or git, a bucket in a folder or on an S3 server, buildkitd. Pure: no I/O. */
import * as path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SettingError } from './names';

/** `https://…`, `git@host:…`, `ssh://…`, `file://…`: whatever git takes that is no plain folder. */
export function isGitUrl(location: string): boolean {
  return /^([a-z][a-z0-9+.-]*:\/\/|[\w.-]+@[\w.-]+:)/i.test(location);
}

/**
 * The same URL. A password or token in it would be kept in clear, in the stack's state and in logs.
 * @throws SettingError
 */
export function withoutSecret(url: string, setting: string): string {
  const user = /^([a-z][a-z0-9+.-]*):\/\/([^/@]*)@/i.exec(url);
  const isSecret = user && (user[2]?.includes(':') || /^https?$/i.test(user[1] ?? ''));
  if (!isSecret) return url;
  throw new SettingError(
    setting,
    'the URL has a password or token in it, which would be kept in clear; take it out and use a git credential helper',
  );
}

const CREDENTIALS = new RegExp(
  [
    /:\/\/[^/?#"\s]*:[^/?#"\s]*@/,
    /\bhttps?:\/\/[^/?#"\s]*@/,
    // Without a scheme. A digest behind a tag is none.
    /(^|["\s])[^@:/"\s]+:(?!\/\/)[^"\s]*@(?!sha256:)/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'i',
);

/**
 * Refuses `user:password@host`, `https://token@host` and the like, anywhere in a setting. The message has nothing of it.
 * @throws SettingError
 */
export function withoutCredentials(text: string, setting: string): void {
  if (!CREDENTIALS.test(text)) return;
  throw new SettingError(
    setting,
    'has a password or token in an address, where it would be kept in clear; take it out, and log in on this machine (docs/architecture.md, "Where secrets are")',
  );
}

/** A bucket: a folder, or a bucket of an S3 server and a prefix in it. */
export type BucketAddress =
  | { kind: 'folder'; folder: string }
  | { kind: 's3'; bucket: string; prefix: string; endpoint?: string; region?: string };

/**
 * A folder, a `file://` URL of one, or `s3://bucket[/prefix][?endpoint=URL&region=NAME]`. Without an endpoint it is
 * AWS, where the region is that of the environment or profile; with one, buckets are addressed by path.
 * @throws SettingError
 */
export function bucketAddress(text: string, setting: string): BucketAddress {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) && text !== '') return { kind: 'folder', folder: text };
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new SettingError(setting, `"${text}" is no bucket; give a folder, or s3://BUCKET[/PREFIX]`);
  }
  if (url.protocol === 'file:') return { kind: 'folder', folder: fileURLToPath(url) };
  if (url.protocol !== 's3:')
    throw new SettingError(setting, `"${text}" is no bucket; give a folder, or s3://BUCKET[/PREFIX]`);
  if (url.username || url.password)
    throw new SettingError(
      setting,
      'credentials do not belong into the address, where they would be kept in clear; give them in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or a profile (AWS_PROFILE)',
    );
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'endpoint' && name !== 'region');
  if (unknown !== undefined)
    throw new SettingError(
      setting,
      `"${text}": there is no parameter ${unknown}; known are endpoint and region`,
    );
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(url.hostname))
    throw new SettingError(
      setting,
      `"${url.hostname}" is no name of a bucket; give 3 to 63 of a-z, 0-9, . and -`,
    );
  const endpoint = url.searchParams.get('endpoint') ?? undefined;
  if (endpoint !== undefined && !/^https?:\/\/[^/@?#]+\/?$/.test(endpoint))
    throw new SettingError(
      setting,
      `the endpoint "${endpoint}" is no http:// or https:// address of a server`,
    );
  return {
    kind: 's3',
    bucket: url.hostname,
    prefix: url.pathname.replace(/^\/+|\/+$/g, ''),
    ...(endpoint !== undefined && { endpoint: endpoint.replace(/\/$/, '') }),
    ...(url.searchParams.get('region') && { region: url.searchParams.get('region') ?? '' }),
  };
}

/** The address as it is found from every folder. */
export function absoluteBucket(text: string): string {
  const address = bucketAddress(text, 'bucket');
  return address.kind === 'folder' ? path.resolve(address.folder) : text;
}

/** URL under which a web server shows the bucket, if nothing else is said; no trailing slash. */
export function bucketUrl(address: BucketAddress): string {
  if (address.kind === 'folder') return pathToFileURL(path.resolve(address.folder)).href.replace(/\/+$/, '');
  const { bucket, prefix, endpoint, region } = address;
  const root = endpoint
    ? `${endpoint}/${bucket}`
    : `https://${bucket}.s3.${region ? `${region}.` : ''}amazonaws.com`;
  return prefix ? `${root}/${prefix}` : root;
}

/** Where builds run. */
export interface BuilderAddress {
  /** As BuildKit's clients take it. */
  endpoint: string;
  /** Folder with the certificates of a TLS connection; absent: none. */
  certificates?: string;
  /** buildkitd may be in another network than this program, so that loopback is not the same for both. */
  isElsewhere: boolean;
}

/** What buildctl and buildx both know how to connect to. */
const SCHEMES = ['unix:', 'tcp:', 'kube-pod:', 'docker-container:', 'ssh:'];

/** A host of this machine's own loopback, with or without a port. */
export const isLoopback = (address: string) => /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:|$)/.test(address);

/**
 * `unix:///path`, `tcp://host:port[?tls=FOLDER]`, or another address that buildctl and buildx take (`kube-pod://…`,
 * `docker-container://…`, `ssh://…`).
 * @throws SettingError
 */
export function builderAddress(text: string, setting: string): BuilderAddress {
  const example = 'give one such as tcp://builder.example.org:1234?tls=FOLDER';
  const [, scheme, rest] = /^([a-z-]+:)\/\/(.+)$/.exec(text) ?? [];
  if (scheme === undefined || !SCHEMES.includes(scheme))
    throw new SettingError(setting, `"${text}" is no address of buildkitd; ${example}`);
  // A container's network may be this machine's: nothing is known of it.
  if (scheme !== 'tcp:')
    return {
      endpoint: text,
      certificates: undefined,
      isElsewhere: scheme === 'kube-pod:' || scheme === 'ssh:',
    };
  const [, host, port, query] = /^([\w.-]+|\[[\da-f:]+\]):(\d{1,5})(?:\?(.*))?$/i.exec(rest) ?? [];
  if (host === undefined || Number(port) > 65535)
    throw new SettingError(setting, `"${text}" has no host:port; ${example}`);
  const parameters = new URLSearchParams(query);
  const unknown = [...parameters.keys()].find((name) => name !== 'tls');
  if (unknown !== undefined)
    throw new SettingError(setting, `"${text}": there is no parameter ${unknown}; known is tls`);
  const certificates = parameters.get('tls') || undefined;
  return { endpoint: `tcp://${host}:${port}`, certificates, isElsewhere: !isLoopback(host) };
}

/**
 * A repository in a registry, without a tag: `host/path`.
 * @throws SettingError
 */
export function repositoryAddress(text: string, setting: string): string {
  if (/^[a-z0-9.-]+(:\d{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)+$/.test(text) && /[.:]|^localhost\//.test(text))
    return text;
  throw new SettingError(
    setting,
    `"${text}" is no repository; give host/path without a tag, such as registry.example.org/build-cache`,
  );
}
