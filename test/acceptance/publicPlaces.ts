/** A published release in a bucket behind a web server and in two registries, for tests that break one thing of it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import type { Suite } from 'mocha';
import { Limits } from '../../cli/status/ask';
import { statusOf } from '../../cli/status/command';
import { Questions } from '../../cli/status/questions';
import { createLocalKey, openSigner, Signer } from '../../provider/gpg';
import { changeKeys } from '../../provider/gpgSession';
import { Fate, Front, startFront } from '../publishing/front';
import { testHome, testSigner } from '../unit/publish/bench';
import { startRegistry, TestRegistry } from '../unit/registryServer';
import { publishVersion, pushImages, tagImages } from './publicSet';

const run = promisify(execFile);
export const [OLD, NEW] = ['0.23.0', '0.24.0'];
const LIMITS: Limits = { silence: 4000, total: 60_000, atOnce: 8, pause: 10 };

export class PublicPlaces {
  work = '';
  /** The bucket as it should be. */
  whole = '';
  /** This test's copy of the bucket. */
  bucket = '';
  front!: Front;
  signer!: Signer;
  fate: (key: string) => Fate = () => 'answer';
  /** `<host>/<namespace>`. */
  first = '';
  second = '';
  /** Of images, by `<image>:<version>`. */
  digests: Record<string, string> = {};
  private registries: TestRegistry[] = [];

  /** Made before the tests of a suite, as it should be before each one, and gone after them. */
  static of(suite: Suite): PublicPlaces {
    suite.timeout(240_000);
    const places = new PublicPlaces();
    before(() => places.start());
    after(() => places.stop());
    beforeEach(() => places.reset());
    return places;
  }

  private async start(): Promise<void> {
    this.work = await fs.mkdtemp(path.join(os.tmpdir(), 'status-'));
    this.whole = path.join(this.work, 'whole');
    await fs.mkdir(this.whole);
    this.signer = await testSigner();
    this.front = await startFront(
      () => this.bucket,
      0,
      (key) => this.fate(key),
    );
    for (const version of [OLD, NEW])
      await publishVersion({ ...this.publication, bucket: this.whole }, version);
    for (const name of ['first', 'second'] as const) {
      const registry = await startRegistry(await this.temporary(), true);
      this.registries.push(registry);
      this[name] = `${registry.host}/falcosecurity`;
    }
    this.digests = await pushImages(this.first, this.work, [OLD, NEW]);
  }

  private async stop(): Promise<void> {
    await this.front.close();
    for (const registry of this.registries) await registry.stop();
    await fs.rm(this.work, { recursive: true, force: true });
  }

  private async reset(): Promise<void> {
    this.fate = () => 'answer';
    this.bucket = await this.temporary();
    await run('cp', ['-a', `${this.whole}/.`, this.bucket]);
    await this.tag(OLD, OLD);
    await this.tag(NEW, NEW);
    await this.tag(NEW, 'latest');
  }

  get publication() {
    const { bucket, front, signer, work } = this;
    return { bucket, url: front.url, signer, work };
  }

  /** Points a tag of every image, and its aliases, at a version, in both registries. */
  async tag(version: string, tag: string): Promise<void> {
    for (const namespace of [this.first, this.second])
      await tagImages(this.first, namespace, this.digests, version, tag);
  }

  /** An image by digest, in the first registry. */
  image(name: string, version: string): string {
    return `${this.first}/${name}@${this.digests[`${name}:${version}`]}`;
  }

  temporary = () => fs.mkdtemp(path.join(this.work, 'copy-'));
  file = (key: string) => path.join(this.bucket, key);

  async edit(key: string, change: (text: string) => string): Promise<void> {
    const text = await fs.readFile(this.file(key), 'utf8');
    const changed = change(text);
    assert.notEqual(changed, text);
    await fs.writeFile(this.file(key), changed);
  }

  async otherSigner(): Promise<Signer> {
    const home = await fs.mkdtemp(path.join(this.work, 'other-key-'));
    await createLocalKey({ home, uid: 'Somebody else' });
    return openSigner({ home, setting: 'test:key' });
  }

  /** The same key, which now ends in some days, published with the debs. */
  async publishEnding(days: number): Promise<Date | undefined> {
    const home = await fs.mkdtemp(path.join(this.work, 'ending-'));
    await run('cp', ['-a', `${await testHome()}/.`, home]);
    await changeKeys(home, (gpg) =>
      gpg.run(['--quick-set-expire', this.signer.fingerprint, `seconds=${days * 24 * 3600}`]),
    );
    const signer = await openSigner({ home, setting: 'test:key' });
    await publishVersion({ ...this.publication, signer }, NEW, ['apt']);
    return signer.expires;
  }

  ask(questions: Partial<Questions> = {}) {
    const all = { buckets: [this.front.url], registries: [this.first, this.second] };
    return statusOf({ ...all, channel: 'release', keys: [], deep: false, ...questions }, LIMITS);
  }

  /** What is wrong, by place. */
  async gaps(questions: Partial<Questions> = {}): Promise<Record<string, string[]>> {
    const { places } = await this.ask(questions);
    return Object.fromEntries(places.flatMap(({ place, gaps }) => (gaps.length > 0 ? [[place, gaps]] : [])));
  }
}
