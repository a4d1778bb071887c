/** What is announced, and the marks that a run recognises its own work by. */
import * as semver from 'semver';
import { isLoopback } from '../location';
import { Product } from '../model';
import { checkVersion, SettingError } from '../names';

export interface Released {
  version: string;
  /** The release before, which users have. */
  previous?: string;
  /** The newest release, where it is another: this one is a back-port then. */
  newest?: string;
  /** Public URL of the bucket's root. */
  url: string;
  /** `<namespace>/<image>:<tag>` to `<repository>@sha256:…`; empty where no stack was asked. */
  digests: Record<string, string>;
  /** What the project says of the version: a section of its changelog, in Markdown. */
  changelog?: string;
}

/**
 * @returns the versions as given
 * @throws SettingError for none, a pre-release, a previous one that is not older, or a newest one that is not newer
 */
export function versionsOf(
  version?: string,
  previous?: string,
  newest?: string,
): Pick<Released, 'version' | 'previous' | 'newest'> {
  if (version === undefined)
    throw new SettingError('--version', 'is missing; give the released version, such as 0.24.0');
  const released = (text: string, setting: string) => {
    if (!semver.prerelease(checkVersion(text, setting))) return text;
    throw new SettingError(setting, `"${text}" is a pre-release; only releases are announced`);
  };
  released(version, '--version');
  if (previous !== undefined && semver.gte(released(previous, '--previous'), version))
    throw new SettingError(
      '--previous',
      `${previous} is not older than ${version}; give the release before it`,
    );
  if (newest !== undefined && semver.lte(released(newest, '--latest'), version))
    throw new SettingError(
      '--latest',
      `${newest} is not newer than ${version}; leave it out unless ${version} is a back-port`,
    );
  return { version, ...(previous !== undefined && { previous }), ...(newest !== undefined && { newest }) };
}

/** What only this machine can use, and what to set: undefined where others can use all. */
export function onlyHere(product: Product, released: Released): SettingError | undefined {
  const { url } = released;
  const [, host] = /^https?:\/\/([^/]+)/.exec(url) ?? [];
  if (host === undefined || isLoopback(host))
    return new SettingError(
      'falco:url',
      `${url} is of no use to others; set the public URL of the bucket's root`,
    );
  const images = imageRoot(product, released);
  if (isLoopback(images))
    return new SettingError(
      'falco:registry',
      `${images} is of no use to others; set the registry that they pull from`,
    );
  return undefined;
}

/** Where images are pulled from, registry and namespace as docker takes them; of no stack, or on Docker Hub, the namespace. */
export function imageRoot({ imageNamespace }: Product, { digests }: Pick<Released, 'digests'>): string {
  const [[name, reference] = []] = Object.entries(digests);
  if (name === undefined || reference === undefined) return imageNamespace;
  const [image = ''] = name.slice(imageNamespace.length).split(':');
  const [repository = ''] = reference.split('@');
  return repository.slice(0, -image.length).replace(/^docker\.io\//, '');
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
