/** What is seen of a release that is as it should be, for tests that break one thing of it. */
import { catalog } from '../../../../catalog';
import { Kind, wantedPackages } from '../../../../cli/status/expected';
import {
  AptFacts,
  DownloadsFacts,
  File,
  PlainNames,
  PublicKey,
  RegistryFacts,
  there,
  YumFacts,
} from '../../../../cli/status/facts';
import { imageNames } from '../../../../cli/status/readImages';
import type { ListedPackage } from '../../../../provider/formats/listedPackage';

export const VERSION = '0.24.0';
export const KEY: PublicKey = { fingerprint: 'A'.repeat(40), subkeys: [], uid: 'Release', isRevoked: false };
export const STRANGER = 'B'.repeat(40);
export const SIGNED = { good: [KEY.fingerprint], unknown: [], bad: [] };
export const digest = (character: string) => `sha256:${character.repeat(64)}`;

export const wanted = (kind: Kind, version = VERSION) => wantedPackages(catalog, kind, version);

export function file(name: string, size = 10): File {
  return { name, size, sha256: 'f'.repeat(64), answer: there({ size }) };
}

function names(kind: Kind, before = ''): PlainNames[] {
  return wanted(kind).map(({ fileName, aliases, latestAliases }) => {
    const all = [fileName, ...aliases, ...latestAliases].map((name) => `${before}${name}`);
    return {
      fileName: all[0],
      files: all.map((name) => file(name)),
      signatures: all.map((name) => ({ name: `${name}.asc`, answer: there(SIGNED) })),
    };
  });
}

export function listed(kind: 'apt' | 'yum', ...versions: string[]): ListedPackage[] {
  return versions.flatMap((version) =>
    wanted(kind, version).map(({ name, fileName }) => ({
      name,
      version: version.replace('-', '~'),
      architecture: '',
      path: `pool/${fileName}`,
      size: 10,
      sha256: 'f'.repeat(64),
    })),
  );
}

export function aptFacts(): AptFacts & { rest: NonNullable<AptFacts['rest']> } {
  const packages = listed('apt', '0.23.0', VERSION);
  return {
    inRelease: there({ text: 'Release', signatures: SIGNED }),
    rest: {
      release: there(true),
      releaseGpg: there(SIGNED),
      indexes: [file('dists/stable/main/binary-amd64/Packages.gz')],
      listed: there(packages),
      pool: packages.map(({ path }) => file(path)),
      plain: names('apt', 'stable/'),
      sources: there({ leadsTo: 'https://example.org/packages/deb', isSame: true, keys: [KEY] }),
    },
  };
}

export function yumFacts(): YumFacts & { rest: NonNullable<YumFacts['rest']> } {
  const packages = listed('yum', '0.23.0', VERSION);
  const repomd = () => ({
    signatures: there(SIGNED),
    files: [file('repodata/primary.xml.gz')],
    listed: there(packages),
  });
  return {
    mirrorlist: there('https://example.org/packages/rpm/generations/1/'),
    generation: there(repomd()),
    rest: {
      root: there(repomd()),
      pool: packages.map(({ path }) => file(path)),
      plain: names('yum'),
      repo: there({ leadsTo: 'https://example.org/packages/rpm/mirrorlist', isSame: true, key: there({}) }),
    },
  };
}

export function downloadsFacts(): DownloadsFacts & { rest: NonNullable<DownloadsFacts['rest']> } {
  const sums = wanted('downloads').flatMap(({ fileName, aliases, latestAliases }, i) =>
    [fileName, ...aliases, ...latestAliases].map((name): [string, string] => [name, String(i).repeat(64)]),
  );
  return {
    sums: there({ text: 'sums', signatures: SIGNED }),
    rest: {
      listed: new Map(sums),
      files: [],
      plain: names('downloads').map((one) => ({
        ...one,
        files: one.files.map(({ name, answer }) => ({ name, answer })),
      })),
      page: there({}),
    },
  };
}

/** Each image has a digest of its own. */
export function registryFacts(registry: string): RegistryFacts {
  const tags = imageNames(catalog).flatMap((image, i) =>
    [VERSION, 'latest'].flatMap((tag) =>
      image.names(tag).map((name) => [name, there(digest(String(i)))] as const),
    ),
  );
  return { registry, tags: Object.fromEntries(tags), others: {} };
}
