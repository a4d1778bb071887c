/** What was seen from outside, before anybody judges it. No I/O. */
import type { Signatures } from '../../provider/gpgVerify';
import type { PublicKey } from '../../provider/gpgKeys';
import type { ListedPackage } from '../../provider/formats/listedPackage';

/** What a server said to one question. `why` is a few words: a status, a refused connection, silence. */
export type Answer<T> = { kind: 'there'; value: T } | { kind: 'absent' } | { kind: 'failed'; why: string };

export const there = <T>(value: T): Answer<T> => ({ kind: 'there', value });
export const absent: Answer<never> = { kind: 'absent' };
export const failed = (why: string): Answer<never> => ({ kind: 'failed', why });

/** The answer with its value turned into another. */
export async function mapped<T, U>(
  answer: Answer<T>,
  turn: (value: T) => U | Promise<U>,
): Promise<Answer<U>> {
  return answer.kind === 'there' ? there(await turn(answer.value)) : answer;
}

/** A file without its bytes. */
export interface Seen {
  /** Bytes; absent where the server does not say. */
  size?: number;
  etag?: string;
  /** Where the whole of it was read. */
  sha256?: string;
}

/** A file that a client may ask for. */
export interface File {
  /** As messages name it: below the repository. */
  name: string;
  answer: Answer<Seen>;
  /** What the index says of it. */
  size?: number;
  sha256?: string;
}

/** A text and the signatures of it; none are known where there was no key to check them with. */
export interface SignedText {
  /** Undefined: it is no clear-signed document. */
  text?: string;
  signatures: Signatures;
}

/** The names of one package beside an index: its own and its aliases. */
export interface PlainNames {
  /** Of the package's own file. */
  fileName: string;
  files: File[];
  /** The detached signature beside each, by `<file>.asc`. */
  signatures: { name: string; answer: Answer<Signatures> }[];
}

/** A file with which a client is set up: where it leads, and the keys in it. */
export interface SetUp {
  /** What it sends clients to. */
  leadsTo: string;
  /** Whether that is what was asked here, or gives the same index. */
  isSame: boolean;
  /** Absent where the file has no place for keys. */
  keys?: PublicKey[];
  /** Where it says that the keys are. */
  key?: Answer<unknown>;
}

export interface KeysFacts {
  armored: Answer<PublicKey[]>;
  binary: Answer<PublicKey[]>;
  /** The key of images, PEM; empty where the file holds none. */
  images?: Answer<string>;
}

export interface AptFacts {
  inRelease: Answer<SignedText>;
  /** Not looked at where InRelease is not there or not to be trusted. */
  rest?: {
    /** Whether it has the text of InRelease. */
    release: Answer<boolean>;
    releaseGpg: Answer<Signatures>;
    /** What InRelease lists, by hash and by name. */
    indexes: File[];
    listed: Answer<ListedPackage[]>;
    pool: File[];
    plain: PlainNames[];
    sources: Answer<SetUp>;
  };
}

export interface Repomd {
  signatures: Answer<Signatures>;
  files: File[];
  listed: Answer<ListedPackage[]>;
}

export interface YumFacts {
  /** The generation's URL. */
  mirrorlist: Answer<string>;
  /** Not looked at where mirrorlist is not there. */
  generation?: Answer<Repomd>;
  /** Not looked at where the generation is not there or not to be trusted. */
  rest?: { root: Answer<Repomd>; pool: File[]; plain: PlainNames[]; repo: Answer<SetUp> };
}

export interface DownloadsFacts {
  sums: Answer<SignedText>;
  /** Not looked at where the list of sums is not there or not to be trusted. */
  rest?: {
    /** Name to sha256. */
    listed: Map<string, string>;
    files: File[];
    plain: PlainNames[];
    page: Answer<unknown>;
  };
}

export interface RegistryFacts {
  /** `<host>/<namespace>`. */
  registry: string;
  /** It answers nothing: why. */
  failed?: string;
  /** Digest by `<image>:<tag>`. */
  tags: Record<string, Answer<string>>;
  /** Which other release a moving name has the digest of, by the name. */
  others: Record<string, string>;
  /** Whether the published key of images, by its fingerprint, has signed each; absent where none is published. */
  signed?: { key: string; names: Record<string, Answer<boolean>> };
}

export type { ListedPackage, PublicKey, Signatures };
