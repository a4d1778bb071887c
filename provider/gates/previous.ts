/** The published version that users have before an update. */
import { compareVersions } from '../formats/versionOrder';
import { readAptManifest } from '../publish/apt';
import type { RepositorySettings } from '../publish/published';
import { readYumManifest } from '../publish/yum';
import { openStore } from '../store/open';
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

type Listed = { name: string; version: string; fileName: string; sha256: string; size: number; key: string };

/** What each repository lists, read once by a process: that is one run of the engine, and it publishes last. */
const listings = new Map<string, Promise<Listed[]>>();

function listed(bucket: string, repository: GateRepository): Promise<Listed[]> {
  const id = [bucket, repository.kind, repository.prefix].join('\n');
  let found = listings.get(id);
  if (!found) {
    const read = repository.kind === 'apt' ? readAptManifest : readYumManifest;
    found = read(openStore(bucket), settingsOf(repository)).then(({ entries }) => entries);
    listings.set(id, found);
  }
  return found;
}

/** The newest listed version of the package below the one that is built; undefined when there is none. */
export async function previousOf(bucket: string, repository: GateRepository): Promise<Previous | undefined> {
  const older = (await listed(bucket, repository))
    .filter(({ name }) => name === repository.package)
    .filter(({ version }) => compareVersions(version, repository.version) < 0)
    .sort((a, b) => compareVersions(b.version, a.version));
  if (older.length === 0) return undefined;
  const [{ version, fileName, sha256, size, key }] = older;
  return { version, fileName, sha256, size, key };
}
