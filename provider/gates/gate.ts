/** What a gate is: a script that a real client runs, what it is given, and what it must say. Plain values. */
import type { Product } from '../../model';
import type { Signing } from '../resources/package';
import type { Setting } from '../shell';

/** Folder below `gates/` that has the Dockerfile and the script. */
export type GateKind = 'deb' | 'rpm' | 'install' | 'unpack' | 'debug' | 'floor' | 'image';

/** A package that the gate consumes. */
export interface GateFile {
  /** Object key in the bucket. */
  key: string;
  sha256: string;
  /** Bytes. */
  size: number;
  fileName: string;
}

/** A command and what is expected of it. */
export interface GateCheck {
  /** The command; for an image, what its entry point is given. */
  run: string[];
  /** What it must print. */
  says?: string;
  /** `NAME=VALUE`. */
  environment?: string[];
  /** It runs until it is stopped: seconds that it must last. */
  lasts?: number;
  /** Regular expression on what it may say instead, where it cannot last. */
  orSays?: string;
}

/** The repository that the package will be listed in; the gate makes one of its own after it. */
export interface GateRepository {
  kind: 'apt' | 'yum';
  prefix: string;
  product: Product;
  suite: string;
  component: string;
  /** As debs spell it. */
  architecture: string;
  /** Keys of the public key and of the keyring. */
  publicKey: string;
  keyring: string;
  /** Name inside the package. */
  package: string;
  version: string;
}

export interface Previous {
  version: string;
  fileName: string;
  sha256: string;
  /** Bytes. */
  size: number;
  /** Pool key. */
  key: string;
}

export interface GateInputs {
  /** In messages, and in the folder where a failed gate is kept: `deb-module`, `image-falco`. */
  gate: string;
  kind: GateKind;
  stack: string;
  bucket: string;
  /** Address of buildkitd. */
  buildkit: string;
  /** The root file system that the client runs in, by digest. */
  base: string;
  /** The image that is started, by digest. */
  image?: string;
  /** The package first, then what it is compared with. */
  files: GateFile[];
  checks: GateCheck[];
  /** Variables of the script. */
  settings: Record<string, Setting>;
  /** Arguments of the Dockerfile. */
  arguments: Record<string, string>;
  repository?: GateRepository;
  /** Who signed the package, where its signature lies inside. */
  signing?: Signing;
  /** Seconds until the gate counts as hanging, and the configuration key that says so. */
  limit: number;
  limitSetting: string;
  /** Set by check: the newest published version before this one, from which the gate upgrades. */
  previous?: Previous;
  /** Set by check: hash of the script. */
  script?: string;
}
