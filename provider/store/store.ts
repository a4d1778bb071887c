/**
 * Where published objects live: a flat namespace of keys, like an object store's.
 *
 * Publishing relies on three promises only: a reader sees an object whole or not at all, a finished write is
 * durable, and `compareAndSwap` lets exactly one of several writers win. A folder and an object store both keep them.
 */

/** What to store: bytes, or the path of a local file. */
export type Body = Buffer | { file: string };

export interface ObjectHead {
  /** Bytes. */
  size: number;
  /** Opaque: equal for equal contents of the same key, different after any change. */
  etag: string;
  /** Hex digest of the contents, where the store can tell it without a transfer. */
  sha256?: string;
}

export interface ListedObject {
  key: string;
  /** Bytes. */
  size: number;
  /** When it was written, by the store's clock. */
  modified: Date;
}

export interface Store {
  /** Public URL of the root, without a trailing slash. Key `a/b` is `<url>/a/b`. */
  readonly url: string;
  /** The object, or undefined when there is none. A store that does not answer is an error, never undefined. */
  get(key: string): Promise<{ body: Buffer; etag: string } | undefined>;
  head(key: string): Promise<ObjectHead | undefined>;
  /** Writes the object to a local file; an error when there is none. */
  download(key: string, toFile: string): Promise<void>;
  /**
   * Writes an object that never changes. Nothing happens when the same bytes are there. Where the key names its
   * sha256 (a 64-digit segment or name part), other bytes under it are damage and are overwritten, and a body that
   * does not match it is refused; under any other key, different bytes are an `ImmutableError`.
   */
  putImmutable(key: string, body: Body): Promise<void>;
  /** Writes an object of fixed name; the last writer wins. */
  put(key: string, body: Body): Promise<void>;
  /**
   * Writes the object if its etag is still `etag` (undefined: if there is none), and returns the new etag.
   * Throws `ConflictError` when somebody else was faster.
   */
  compareAndSwap(key: string, body: Buffer, etag: string | undefined): Promise<string>;
  /** Copies inside the store, whole or not at all; an error when `from` is missing. */
  copy(from: string, to: string): Promise<void>;
  /** The keys that begin with `prefix`, sorted by code unit. */
  list(prefix: string): Promise<string[]>;
  /** Like `list`, with what a listing tells for free. */
  listObjects(prefix: string): Promise<ListedObject[]>;
  /** What time the store has: what `modified` is measured by, and what several publishers share. */
  now(): Promise<Date>;
  /** Removes the object, if it is there. With `etag`: only that state of it, else `ConflictError`. */
  delete(key: string, etag?: string): Promise<void>;
}

/** The object changed between reading and writing: read again, merge, retry. */
export class ConflictError extends Error {
  override name = 'ConflictError';
  constructor(readonly key: string) {
    super(`${key} was changed by another writer in the meantime.`);
  }
}

/** Other bytes are already stored under a name that must not change. */
export class ImmutableError extends Error {
  override name = 'ImmutableError';
}

/**
 * Refuses what some client or store would mistreat: `+` and `~` (zypper and S3 disagree on their escaping),
 * `..`, a leading or doubled slash, and anything outside a portable set.
 */
export function checkKey(key: string): void {
  const segments = key.split('/');
  const bad = !/^[A-Za-z0-9._/@=:-]+$/.test(key) || segments.some((s) => s === '' || s === '.' || s === '..');
  if (bad) {
    throw new Error(
      `"${key}" cannot be an object key: use letters, digits and . _ - @ = : in segments parted by single slashes.`,
    );
  }
}

/** The sha256 that a key names, in a segment of its own or at the start of its file name (`<sha256>-primary.xml.gz`). */
export function digestInKey(key: string): string | undefined {
  const found = key.split('/').filter((s) => /^[0-9a-f]{64}(?![0-9a-f])/.test(s));
  return found.length > 0 ? found[found.length - 1].slice(0, 64) : undefined;
}
