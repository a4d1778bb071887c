/** What every component of a release is told. Plain values; `config.ts` reads them. */
import * as pulumi from '@pulumi/pulumi';
import type { Architecture, Catalog, Libraries, PackageRow } from '../model';
import type { FileNames } from '../names';
import type { Statement } from '../provider/publish/published';
import type { PinnedSystems } from '../provider/systems/pin';

export interface PublishSettings {
  catalog: Catalog;
  architecture: Architecture;
  /** Configuration namespace, for messages that name a setting. */
  namespace: string;
  stack: string;
  channel: 'release' | 'master';
  /** Folder or bucket URL that packages and repositories are published to. */
  bucket: string;
  /** Public URL of the bucket's root, no trailing slash. */
  url: string;
  /** Registry host and namespace, `<host>/<namespace>`. */
  registry: string;
  /** Further `<host>/<namespace>` that get every image by digest. */
  mirrors: string[];
  /** A released name must not get other bytes. */
  immutable: boolean;
  /** Versions that indexes and unversioned names no longer offer. */
  withdrawn: string[];
  /** How many versions are kept, the newest ones; 0: all. */
  keep: number;
}

/** Of a stack that builds. */
export interface ReleaseSettings extends PublishSettings {
  /** Address of buildkitd, and the buildx builder that stands for it. */
  buildkit: string;
  builder: string;
  /** Repository in a registry that keeps what was built. Default: builders keep their own. */
  cache?: string;
  /** Where the binaries' libraries come from. */
  libraries: Libraries;
  /** After the catalog's. */
  cmakeArgs: string[];
  /** Seconds until a gate counts as hanging. */
  gateLimit: number;
  /** What of the distribution was agreed to, by name of base or image. */
  systems: PinnedSystems;
  /** Without a source: no source tarball, and a tester without the suite. */
  hasSource: boolean;
}

/** Which repository publishes a format. */
export function repositoryOf(row: PackageRow): 'apt' | 'yum' | 'downloads' {
  if (row.format === 'deb') return 'apt';
  return row.format === 'rpm' ? 'yum' : 'downloads';
}

/** A package of the release, built here or taken over: what is published of it. */
export interface PackageEntry {
  /** With its names filled in. */
  row: PackageRow;
  names: pulumi.Output<FileNames>;
  resource: {
    version: pulumi.Output<string>;
    /** Where its file lies in the bucket, outside of the pools. */
    key: pulumi.Output<string>;
    sha256: pulumi.Output<string>;
    size: pulumi.Output<number>;
    /** Of an rpm: equal for equal packages whatever their signatures. */
    identity: pulumi.Output<string>;
  };
  /** Documents beside it, as they lie in the bucket. */
  statements?: pulumi.Output<Statement[]>;
}

/** An image of the release, by digest. */
export interface ImageEntry {
  /** `<registry>/<namespace>/<name>`. */
  repository: string;
  digest: pulumi.Output<string>;
  /** References of what it was built from and that nothing else keeps. */
  support: pulumi.Output<string>[];
  /** Digests of what is attached to it and belongs to it; absent where nothing was attached yet. */
  attachments?: pulumi.Output<string[] | undefined>;
  /** PEM: who signed that, where another stack did; empty where nobody has. */
  signer?: pulumi.Output<string>;
  /** What is told of it, as it lies in the bucket. */
  statements?: pulumi.Output<Statement[]>;
}
