/** The published version that users have before an update. */
import * as semver from 'semver';
import { readAptManifest } from '../publish/apt';
import type { RepositorySettings } from '../publish/published';
import { readYumManifest } from '../publish/yum';
import { openStore } from '../store/folder';
import type { GateRepository, Previous } from './gate';

/** The settings by which a gate's repository is the published one's twin. */
export function settingsOf(repository: GateRepository): RepositorySettings {
  const { prefix, product, suite, component, architecture, publicKey, keyring } = repository;
  return {
    prefix,
    productName: product.name,
    title: product.title,
    origin: product.origin,
    suite,
    component,
    architectures: [architecture],
    publicKey,
    keyring,
  };
}

/** The newest listed version of the package below the one that is built; undefined when there is none. */
export async function previousOf(bucket: string, repository: GateRepository): Promise<Previous | undefined> {
  const read = repository.kind === 'apt' ? readAptManifest : readYumManifest;
  const { entries } = await read(openStore(bucket), settingsOf(repository));
  const older = entries
    .filter(({ name, version }) => name === repository.package && semver.lt(version, repository.version))
    .sort((a, b) => semver.rcompare(a.version, b.version));
  if (older.length === 0) return undefined;
  const [{ version, fileName, sha256, size, key }] = older;
  return { version, fileName, sha256, size, key };
}
