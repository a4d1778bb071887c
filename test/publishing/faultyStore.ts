/** A store whose n-th write goes wrong, and what publishing has to survive. */
import { Body, Store } from '../../provider/store/store';

export type Fault =
  /** The write is not done and says so. */
  | 'fails'
  /** It is done, and its answer is lost. */
  | 'answer lost'
  /** It is done, and then nothing is any more: the publisher is gone. */
  | 'killed';

export class InjectedFault extends Error {}

/** Passes everything on to `inner`, counts the writes, and lets one of them go wrong. */
export class FaultyStore implements Store {
  readonly url: string;
  /** Writes so far. */
  writes = 0;
  private isDead = false;

  constructor(
    private readonly inner: Store,
    /** Number of the write that goes wrong, from 1 on; 0: none. */
    private readonly at: number,
    private readonly fault: Fault,
    /** Runs before each write: what a client sees at this moment. */
    private readonly beforeWrite: () => Promise<void> = async () => {},
  ) {
    this.url = inner.url;
  }

  private alive(): void {
    if (this.isDead) throw new InjectedFault('the publisher is gone');
  }

  private async read<T>(work: () => Promise<T>): Promise<T> {
    this.alive();
    return work();
  }

  private async write<T>(work: () => Promise<T>): Promise<T> {
    this.alive();
    const isHit = ++this.writes === this.at;
    await this.beforeWrite();
    if (isHit && this.fault === 'fails') throw new InjectedFault(`write ${this.at} fails`);
    const done = await work();
    if (!isHit) return done;
    this.isDead = this.fault === 'killed';
    throw new InjectedFault(`write ${this.at}: ${this.fault}`);
  }

  get = (key: string) => this.read(() => this.inner.get(key));
  head = (key: string) => this.read(() => this.inner.head(key));
  download = (key: string, toFile: string) => this.read(() => this.inner.download(key, toFile));
  list = (prefix: string) => this.read(() => this.inner.list(prefix));
  listObjects = (prefix: string) => this.read(() => this.inner.listObjects(prefix));
  now = () => this.read(() => this.inner.now());
  putImmutable = (key: string, body: Body) => this.write(() => this.inner.putImmutable(key, body));
  put = (key: string, body: Body) => this.write(() => this.inner.put(key, body));
  copy = (from: string, to: string) => this.write(() => this.inner.copy(from, to));
  delete = (key: string, etag?: string) => this.write(() => this.inner.delete(key, etag));
  compareAndSwap = (key: string, body: Buffer, etag: string | undefined) =>
    this.write(() => this.inner.compareAndSwap(key, body, etag));
}
