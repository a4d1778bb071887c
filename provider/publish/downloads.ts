/**
 * The download folder: files by plain name with a detached `.asc` each, and an index page for people. Pointer:
 * `SHA256SUMS.asc`, clear-signed; one of its lines is the manifest's.
 */
import { gunzip, gzip, QUICK, sha256 } from '../formats/compress';
import { downloadsPage } from '../formats/downloadsPage';
import { Signer } from '../gpg';
import { clearText, isByUnknownKey, textSigners, verifiedText } from '../gpgVerify';
import { Store } from '../store/store';
import { Committed, foreignFolder, Kind, OwnCommit, untrustedIndex } from './job';
import { ExpectedKeys, isSignedAsExpected } from './keys';
import { emptyManifest, Manifest, plainNames } from './manifest';
import { operationsOf } from './operations';
import { latestAliases, putIfChanged, RepositorySettings } from './published';

/** A file adds nothing to the list but its name and digest. */
export type DownloadsManifest = Manifest<null>;

const MANIFESTS = 'manifests/';
/** The pointer's copy, for when somebody edited or removed it. */
const COPY = `${MANIFESTS}SHA256SUMS.asc`;

class DownloadsFolder implements Kind<null> {
  readonly pointerKey: string;
  readonly generations: string[];
  readonly listsPlainNames = true;

  constructor(
    private readonly store: Store,
    private readonly settings: RepositorySettings,
  ) {
    this.pointerKey = this.key('SHA256SUMS.asc');
    this.generations = [this.key(MANIFESTS)];
  }

  private key(name: string): string {
    return `${this.settings.prefix}/${name}`;
  }

  plainKey = (name: string) => this.key(name);

  owns(key: string) {
    return key === this.key('index.html') || key === this.key(COPY);
  }

  /** The state that a list of sums names; undefined when it is not ours or its manifest is lost. */
  private async state(text: string): Promise<Omit<Committed<null>, 'isSound' | 'etag'> | undefined> {
    const [, digest, name] = /^([0-9a-f]{64}) {2}(manifests\/[0-9a-f]{64}\.json\.gz)$/m.exec(text) ?? [];
    if (!digest || !name) return undefined;
    const found = await this.store.get(this.key(name));
    if (!found || sha256(found.body) !== digest) return undefined;
    const manifest = JSON.parse((await gunzip(found.body)).toString()) as DownloadsManifest;
    return { manifest, indexKeys: [this.key(name)] };
  }

  async read(trusted?: Buffer): Promise<Committed<null>> {
    const [pointer, copy] = [await this.store.get(this.pointerKey), await this.store.get(this.key(COPY))];
    const etag = pointer?.etag;
    const textOf = async (body: Buffer) => (trusted ? verifiedText(body, trusted) : clearText(body));
    const text = pointer && (await textOf(pointer.body));
    const state = text === undefined ? undefined : await this.state(text);
    if (state) return { ...state, etag, isSound: text === this.sums(state.manifest, state.indexKeys[0]) };
    const url = `${this.store.url}/${this.settings.prefix}`;
    const unverified = pointer && clearText(pointer.body);
    const others = unverified === undefined ? undefined : await this.state(unverified);
    // Whole, and by a key that we do not know: not one of ours that somebody edited.
    if (others && trusted && pointer && (await isByUnknownKey(pointer.body, trusted)))
      throw untrustedIndex(url);
    const copiedText = copy && (await textOf(copy.body));
    const copied = copiedText === undefined ? undefined : await this.state(copiedText);
    if (copied) return { ...copied, etag, isSound: false };
    if (others) throw untrustedIndex(url);
    const page = await this.store.head(this.key('index.html'));
    // Somebody may have committed since the pointer was read.
    if ((await this.store.head(this.pointerKey))?.etag !== etag) return this.read(trusted);
    const what = etag === undefined ? page && 'an index.html' : 'a SHA256SUMS.asc';
    if (what) throw foreignFolder(url, what);
    return { manifest: emptyManifest(), isSound: false, indexKeys: [] };
  }

  describe() {
    return Promise.resolve({ architecture: '', fragment: null });
  }

  /** `<sha256>  <name>` lines, as `sha256sum --check` reads them. */
  private sums({ entries }: DownloadsManifest, manifestKey = ''): string {
    const name = manifestKey.slice(this.settings.prefix.length + 1);
    const files = [...plainNames(entries)].map(([plain, entry]): [string, string] => [plain, entry.sha256]);
    const manifest: [string, string] = [name, name.slice(MANIFESTS.length, -'.json.gz'.length)];
    return [...files, manifest]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([plain, digest]) => `${digest}  ${plain}\n`)
      .join('');
  }

  async stage(manifest: DownloadsManifest, _date: Date, signer: Signer) {
    const body = await gzip(Buffer.from(JSON.stringify(manifest)), QUICK);
    const key = this.key(`${MANIFESTS}${sha256(body)}.json.gz`);
    await this.store.putImmutable(key, body);
    return { pointer: await signer.clearSign(Buffer.from(this.sums(manifest, key))), keys: [key] };
  }

  private page({ entries, keys = [] }: DownloadsManifest): Buffer {
    const { title, publicKey, prefix } = this.settings;
    const latest = [...latestAliases(entries)].map(([alias, { fileName }]) => [alias, fileName] as const);
    return Buffer.from(
      downloadsPage({
        title,
        entries: entries.map((entry) => ({
          ...entry,
          date: entry.published.slice(0, 10),
          documents: entry.statements?.map(({ document }) => document),
        })),
        latest: new Map(latest),
        publicKey,
        // The first of the published keys is the one that signs.
        fingerprint: keys[0] ?? '',
        prefix,
        url: this.store.url,
      }),
    );
  }

  async settle(_signer: Signer, own?: OwnCommit<null>): Promise<void> {
    const pointer = await this.store.get(this.pointerKey);
    if (!pointer) return;
    const isOwn = pointer.etag === own?.etag;
    const manifest = isOwn ? own.next : (await this.state(clearText(pointer.body) ?? ''))?.manifest;
    if (!manifest) return;
    await putIfChanged(this.store, this.key(COPY), pointer.body);
    await putIfChanged(this.store, this.key('index.html'), this.page(manifest));
  }

  async check(expected: ExpectedKeys): Promise<string[]> {
    const pointer = await this.store.get(this.pointerKey);
    const text = pointer && clearText(pointer.body);
    const state = text === undefined ? undefined : await this.state(text);
    const signers = pointer ? await textSigners(pointer.body, expected.trusted) : [];
    const isSound = state && text === this.sums(state.manifest, state.indexKeys[0]);
    if (!isSound || !isSignedAsExpected(signers, expected))
      return [`${this.pointerKey} is missing, edited or signed by other keys, or its manifest is gone`];
    const copies = [
      [this.key(COPY), pointer?.body],
      [this.key('index.html'), this.page(state.manifest)],
    ] as const;
    const problems: string[] = [];
    for (const [key, wanted] of copies)
      if (!wanted || !(await this.store.get(key))?.body.equals(wanted))
        problems.push(`${key} is missing or edited`);
    return problems;
  }
}

const open = (store: Store, settings: RepositorySettings) => new DownloadsFolder(store, settings);

export const {
  read: readDownloadsManifest,
  publish: publishDownloads,
  unpublish: unpublishDownloads,
  check: checkDownloads,
} = operationsOf(open);
