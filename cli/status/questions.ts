/** What `npm run status` is asked: places and expectations, read from the command line. */
import { Catalog } from '../../model';
import { checkVersion, flavourOf, isPrerelease, SettingError } from '../../names';
import type { Given } from '../options';

export interface Questions {
  /** Public URLs of buckets' roots, no trailing slash. */
  buckets: string[];
  /** `<host>/<namespace>`. */
  registries: string[];
  /** What should be the current release; default: the newest that any place offers. */
  version?: string;
  channel: 'release' | 'master';
  /** Fingerprints whose signatures are expected; none: those of the published keys. */
  keys: string[];
  /** Read whole files. */
  deep: boolean;
}

const SETTING = 'npm run status';

/** @throws SettingError naming the argument and the remedy */
export function questionsOf({ positionals, strings, lists, flags }: Given): Questions {
  if (positionals.length === 0)
    throw new SettingError(
      SETTING,
      "nothing to ask; give the URL of the bucket's root (https://packages.example.org), and registries (docker.io/NAMESPACE)",
    );
  const isUrl = (text: string) => /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const channel = strings.channel ?? 'release';
  if (channel !== 'release' && channel !== 'master')
    throw new SettingError('--channel', `"${channel}" is no channel; give release or master`);
  return {
    buckets: [...new Set(positionals.filter(isUrl).map(checkBucket))],
    registries: [...new Set(positionals.filter((text) => !isUrl(text)).map(checkRegistry))],
    ...(strings.version !== undefined && { version: checkVersion(strings.version, '--version') }),
    channel,
    keys: [...new Set((lists.key ?? []).map(checkKey))],
    deep: flags.has('deep'),
  };
}

function checkBucket(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new SettingError(SETTING, `"${text}" is no URL; give one such as https://packages.example.org`);
  }
  if (url.username || url.password)
    throw new SettingError(
      SETTING,
      `a URL with a password in it would be seen by others; give ${url.host} without`,
    );
  if (!['http:', 'https:', 'file:'].includes(url.protocol) || url.search || url.hash)
    throw new SettingError(
      SETTING,
      `"${text}" is not what clients are given; give the bucket's root as http://, https:// or file://, with nothing behind the path`,
    );
  return url.href.replace(/\/+$/, '');
}

function checkRegistry(text: string): string {
  const registry = text.replace(/\/+$/, '');
  const [host, ...path] = registry.split('/');
  const isHost = /^[a-z0-9-]+([.][a-z0-9-]+)*(:\d+)?$/i.test(host) && /[.:]|^localhost$/.test(host);
  if (!isHost || path.length === 0 || !path.every((part) => /^[a-z0-9]+([._-]+[a-z0-9]+)*$/.test(part)))
    throw new SettingError(
      SETTING,
      `"${text}" is neither a URL nor a registry; give https://… or file:///… for a bucket, HOST/NAMESPACE such as docker.io/NAMESPACE for a registry`,
    );
  return registry;
}

/** @throws SettingError for anything but a fingerprint */
export function checkKey(text: string): string {
  const key = text.replace(/\s+|^0x/g, '').toUpperCase();
  if (!/^[0-9A-F]{40}$/.test(key))
    throw new SettingError(
      '--key',
      `"${text}" is no fingerprint; give 40 hex digits, as gpg --fingerprint says`,
    );
  return key;
}

/** The tag that follows the newest build; a pre-release has none. */
export function movingTag({ channel, version }: Questions): string | undefined {
  if (channel === 'master') return 'master';
  return version !== undefined && isPrerelease(version) ? undefined : 'latest';
}

/** Where a repository of the catalog is below a bucket's root. */
export function repositoryUrl(
  bucket: string,
  { repositories }: Catalog,
  kind: 'apt' | 'yum' | 'downloads',
  { channel, version }: Questions,
): string {
  return `${bucket}/${repositories[kind].prefix[flavourOf(channel, version)]}`;
}
