/** Files under the names that people type: a copy of the pool's blob, and a detached `.asc` beside it. */
import { sha256 } from '../formats/compress';
import { Signer } from '../gpg';
import { isSignedBy } from '../gpgVerify';
import { Store } from '../store/store';

/** A package's bytes: its blob in the pool. */
export interface PlainEntry {
  key: string;
  sha256: string;
  /** Bytes. */
  size: number;
}

/** The plain files of one publication. All names of a package have the same bytes, and share one signature. */
export class PlainFiles {
  private readonly signatures = new Map<string, Promise<Buffer>>();

  constructor(
    private readonly store: Store,
    private readonly signer: Signer,
  ) {}

  /** Begins to sign a package whose names are still to be written, while other work goes on. */
  prepare(entry: PlainEntry): void {
    // Whoever asks for it hears of an error.
    this.signature(entry).catch(() => {});
  }

  /** Writes a plain name and its signature, both only where they are not right already. */
  async publish(entry: PlainEntry, plainKey: string): Promise<void> {
    if ((await this.isThere(entry, plainKey)) && (await this.isSigned(entry, plainKey))) return;
    await this.store.copy(entry.key, plainKey);
    await this.store.put(`${plainKey}.asc`, await this.signature(entry));
  }

  /** The same for a name that this publication did not change: looks at sizes and digests, and reads nothing. */
  async ensure(entry: PlainEntry, plainKey: string): Promise<void> {
    const isWhole = (await this.isThere(entry, plainKey)) && (await this.store.head(`${plainKey}.asc`));
    if (!isWhole) await this.publish(entry, plainKey);
  }

  /** Where a published key no longer verifies a file's signature, another is made. A file that is not there waits. */
  async signAnew(entry: PlainEntry, plainKey: string): Promise<void> {
    if (!(await this.store.head(plainKey)) || (await this.isSigned(entry, plainKey))) return;
    await this.store.put(`${plainKey}.asc`, await this.signature(entry));
  }

  /** Whether the name has the package's size, and its digest where the store tells it. */
  private async isThere(entry: PlainEntry, plainKey: string): Promise<boolean> {
    const found = await this.store.head(plainKey);
    return found?.size === entry.size && (found.sha256 === undefined || found.sha256 === entry.sha256);
  }

  /** A valid signature is kept: another would be other bytes. Valid is what the published keys verify. */
  private async isSigned(entry: PlainEntry, plainKey: string): Promise<boolean> {
    const signature = await this.store.get(`${plainKey}.asc`);
    const file = signature && (await this.store.get(plainKey));
    if (!file || sha256(file.body) !== entry.sha256) return false;
    return isSignedBy(file.body, signature.body, await this.signer.keyring());
  }

  private signature(entry: PlainEntry): Promise<Buffer> {
    const made = this.signatures.get(entry.sha256) ?? this.sign(entry);
    this.signatures.set(entry.sha256, made);
    return made;
  }

  private async sign({ key, sha256: wanted }: PlainEntry): Promise<Buffer> {
    const blob = await this.store.get(key);
    if (!blob || sha256(blob.body) !== wanted)
      throw new Error(`${this.store.url}/${key} is missing or damaged; run the update again`);
    return this.signer.detach(blob.body);
  }
}
