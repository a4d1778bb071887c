/** A package as a client reads it off an index. */
export interface ListedPackage {
  name: string;
  /** As the package spells it, without epoch and release of an rpm. */
  version: string;
  architecture: string;
  /** Of its file, relative to what the index is relative to. */
  path: string;
  /** Bytes. */
  size: number;
  sha256: string;
}
