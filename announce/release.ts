/** What is announced, and the marks that a run recognises its own work by. */
import * as semver from 'semver';
import { Product } from '../model';
import { checkVersion, SettingError } from '../names';

export interface Released {
  version: string;
  /** The release before, which users have. */
  previous?: string;
  /** Public URL of the bucket's root. */
  url: string;
  /** `<namespace>/<image>:<tag>` to `<repository>@sha256:…`; empty where no stack was asked. */
  digests: Record<string, string>;
}

/**
 * @returns the versions as given
 * @throws SettingError for none, a pre-release, or a previous one that is not older
 */
export function versionsOf(version?: string, previous?: string): Pick<Released, 'version' | 'previous'> {
  if (version === undefined)
    throw new SettingError('--version', 'is missing; give the released version, such as 0.24.0');
  const released = (text: string, setting: string) => {
    if (!semver.prerelease(checkVersion(text, setting))) return text;
    throw new SettingError(setting, `"${text}" is a pre-release; only releases are announced`);
  };
  released(version, '--version');
  if (previous === undefined) return { version };
  if (semver.gte(released(previous, '--previous'), version))
    throw new SettingError(
      '--previous',
      `${previous} is not older than ${version}; give the release before it`,
    );
  return { version, previous };
}

/** @throws SettingError for an address that only this machine can use */
export function checkPublic({ url }: Released): void {
  if (/^https?:\/\//.test(url)) return;
  throw new SettingError(
    'falco:url',
    `${url} is of no use to others; set the public URL of the bucket's root`,
  );
}

const head = ({ name }: Product) => `<!-- ${name}-artifacts:announce `;

/** An HTML comment: whatever has it was opened for this version. */
export function markerOf(product: Product, version: string): string {
  return `${head(product)}${version} -->`;
}

/** The version that a text was made for. */
export function versionIn(product: Product, text: string): string | undefined {
  const start = text.indexOf(head(product));
  if (start < 0) return undefined;
  const version = text.slice(start + head(product).length).split(' ')[0];
  return semver.valid(version) ?? undefined;
}

/** Branch of the pull requests. */
export function branchOf({ name }: Product, version: string): string {
  return `${name}-artifacts-${version}`;
}
