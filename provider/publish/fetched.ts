/** Local copies of packages for the time of one publication: each is fetched once, whoever needs its bytes. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { hashFile } from '../source/files';
import { Store } from '../store/store';

export class FetchedFiles {
  private readonly files = new Map<string, Promise<string>>();

  /** @param folder where the copies lie; its owner removes it */
  constructor(
    private readonly store: Store,
    private readonly folder: string,
  ) {}

  /** Path of a file with this digest, fetched from `key`. */
  get({ key, sha256 }: { key: string; sha256: string }): Promise<string> {
    const file = this.files.get(sha256) ?? this.fetch(key, sha256);
    this.files.set(sha256, file);
    // Another try may have better luck.
    file.catch(() => this.files.delete(sha256));
    return file;
  }

  /** Removes a copy that is not needed any more. */
  async release({ sha256 }: { sha256: string }): Promise<void> {
    this.files.delete(sha256);
    await fs.rm(path.join(this.folder, sha256), { force: true });
  }

  private async fetch(key: string, sha256: string): Promise<string> {
    const file = path.join(this.folder, sha256);
    await this.store.download(key, file);
    if ((await hashFile(file)) === sha256) return file;
    throw new Error(`${this.store.url}/${key} does not have the digest ${sha256}: build the package again.`);
  }
}
