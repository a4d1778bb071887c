/** Files under the names that people type: a copy of the pool's blob, and a detached `.asc` beside it. */
import { Signer } from '../gpg';
import { isSignedBy } from '../gpgVerify';
import { Store } from '../store/store';
import { isIntact } from './blobs';
import { FetchedFiles } from './fetched';

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
    private readonly fetched: FetchedFiles,
  ) {}

  /** Begins to sign a package whose names are still to be written, while other work goes on. */
  prepare(entry: PlainEntry): void {
    // Whoever asks for it hears of an error.
    this.signature(entry).catch(() => {});
  }

  /** Writes a plain name and its signature, both only where they are not right already; the signature first. */
  async publish(entry: PlainEntry, plainKey: string): Promise<void> {
    if ((await isIntact(this.store, plainKey, entry)) && (await this.isSigned(entry, plainKey))) return;
    await this.store.put(`${plainKey}.asc`, await this.signature(entry));
    await this.store.copy(entry.key, plainKey);
  }

  /** The same, but reads nothing: where the file is right, its signature was written before it. */
  async ensure(entry: PlainEntry, plainKey: string): Promise<void> {
    const isWhole =
      (await isIntact(this.store, plainKey, entry)) && (await this.store.head(`${plainKey}.asc`));
    if (!isWhole) await this.publish(entry, plainKey);
  }

  /** Another signature of a file, whatever there is. */
  async signAgain(entry: PlainEntry, plainKey: string): Promise<void> {
    await this.store.put(`${plainKey}.asc`, await this.signature(entry));
    this.signatures.delete(entry.sha256);
    await this.fetched.release(entry);
  }

  /** A valid signature is kept: another would be other bytes. Valid is what the published keys verify. */
  private async isSigned(entry: PlainEntry, plainKey: string): Promise<boolean> {
    const signature = await this.store.get(`${plainKey}.asc`);
    if (!signature) return false;
    return isSignedBy({ file: await this.fetched.get(entry) }, signature.body, await this.signer.keyring());
  }

  private signature(entry: PlainEntry): Promise<Buffer> {
    const made = this.signatures.get(entry.sha256) ?? this.sign(entry);
    this.signatures.set(entry.sha256, made);
    // Another try may have better luck.
    made.catch(() => this.signatures.delete(entry.sha256));
    return made;
  }

  private async sign(entry: PlainEntry): Promise<Buffer> {
    return this.signer.detach({ file: await this.fetched.get(entry) });
  }
}
