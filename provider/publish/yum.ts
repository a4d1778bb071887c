/**
 * The yum repository. Pointer: `mirrorlist`, one line, the URL of an immutable generation folder. `repodata/` at the
 * root is a copy for configurations with a `baseurl`; its repomd.xml and signature cannot switch together.
 */
import { gunzip, sha256 } from '../formats/compress';
import { issuerOf } from '../formats/openpgp';
import { readRpm, rpmContents, rpmSignature } from '../formats/rpmHeader';
import { IndexFile, parseRepomd, renderRepomd, repoFile, yumIndexes } from '../formats/yumIndex';
import { rpmIdentity, YumFragment, yumFragment } from '../formats/yumPackage';
import { foreignRpms } from '../formats/foreignIndexes';
import { Signer } from '../gpg';
import { isOfUnknownKey, isSignedBy, signersOf } from '../gpgVerify';
import { Store } from '../store/store';
import { isIntact } from './blobs';
import { AdoptableKind, Committed, Foreign, foreignRepository, untrustedIndex } from './job';
import { ExpectedKeys, isSignedAsExpected } from './keys';
import { emptyManifest, Manifest, offered } from './manifest';
import { adoptionOf, operationsOf } from './operations';
import { PublishedPackage, putIfChanged, RepositorySettings } from './published';

export type YumManifest = Manifest<YumFragment>;

/** Folder of the root copy's repomd.xml inside a generation: signed before the commit, copied after it. */
const ROOT_COPY = 'baseurl';

type State = Omit<Committed<YumFragment>, 'isSound' | 'etag'>;

class YumRepository implements AdoptableKind<YumFragment> {
  readonly pointerKey: string;
  readonly generations: string[];

  constructor(
    private readonly store: Store,
    private readonly settings: RepositorySettings,
  ) {
    this.pointerKey = this.key('mirrorlist');
    // `repodata/` also has two files of fixed names; these are kept by name in `indexKeys`.
    this.generations = [this.key('generations/'), this.key('repodata/')];
  }

  private key(name: string): string {
    return `${this.settings.prefix}/${name}`;
  }

  private get repoKey() {
    return this.key(`${this.settings.productName}.repo`);
  }

  private readonly fixed = ['repodata/repomd.xml', 'repodata/repomd.xml.asc'];

  plainKey = (name: string) => this.key(name);

  owns(key: string) {
    return key === this.repoKey || this.fixed.some((name) => key === this.key(name));
  }

  private pointer(id: string): Buffer {
    return Buffer.from(`${this.store.url}/${this.key(`generations/${id}/`)}\n`);
  }

  /** The state that a repomd.xml below `folder` names; undefined when it is not ours or its manifest is lost. */
  private async state(folder: string, repomd: Buffer, indexKeys: string[]): Promise<State | undefined> {
    const parsed = parseRepomd(repomd);
    const listed = parsed?.files.find(({ type }) => type === 'manifest');
    if (!parsed || !listed) return undefined;
    const found = await this.store.get(`${folder}${listed.name}`);
    if (!found || sha256(found.body) !== listed.sha256) return undefined;
    const manifest = JSON.parse((await gunzip(found.body)).toString()) as YumManifest;
    return { manifest, indexKeys, date: new Date(parsed.revision * 1000) };
  }

  private async signed(key: string, trusted?: Buffer): Promise<Buffer | undefined> {
    const document = await this.store.get(key);
    if (!document || !trusted) return document?.body;
    const signature = await this.store.get(`${key}.asc`);
    return signature && (await isSignedBy(document.body, signature.body, trusted))
      ? document.body
      : undefined;
  }

  /** Whether a generation is signed by a key that is not ours: not one of ours that somebody edited. */
  private async isByUnknownKey(id: string, trusted: Buffer): Promise<boolean> {
    const key = this.key(`generations/${id}/repodata/repomd.xml`);
    const [repomd, signature] = [await this.store.get(key), await this.store.get(`${key}.asc`)];
    return repomd && signature ? isOfUnknownKey(repomd.body, signature.body, trusted) : false;
  }

  private async generation(id: string, trusted?: Buffer): Promise<State | undefined> {
    const folder = this.key(`generations/${id}/`);
    const key = `${folder}repodata/repomd.xml`;
    const repomd = await this.signed(key);
    if (!repomd || sha256(repomd) !== id) return undefined;
    // Read while gpg looks at the signature, and given to nobody before it is good.
    const state = this.indexKeys(id).then((keys) => this.state(folder, repomd, keys));
    state.catch(() => {});
    if (trusted && !(await this.signed(key, trusted))?.equals(repomd)) return undefined;
    return state;
  }

  /** Everything that a generation needs: its folder and what the root copy names. */
  private async indexKeys(id: string): Promise<string[]> {
    const folder = this.key(`generations/${id}/`);
    const root = await this.store.get(`${folder}${ROOT_COPY}/repomd.xml`);
    const rootFiles = (root && parseRepomd(root.body)?.files) ?? [];
    const named = [...rootFiles.map(({ name }) => name), ...this.fixed].map((name) => this.key(name));
    return [...(await this.store.list(folder)), ...named];
  }

  async read(trusted?: Buffer): Promise<Committed<YumFragment>> {
    const pointer = await this.store.get(this.pointerKey);
    const etag = pointer?.etag;
    const id = /\/generations\/([0-9a-f]{64})\/\n$/.exec(pointer?.body.toString() ?? '')?.[1];
    const state = id === undefined ? undefined : await this.generation(id, trusted);
    if (pointer && id !== undefined && state) {
      return { ...state, etag, isSound: pointer.body.equals(this.pointer(id)) };
    }
    const url = `${this.store.url}/${this.settings.prefix}`;
    const isOthers = id !== undefined && trusted && (await this.isByUnknownKey(id, trusted));
    if (isOthers && (await this.generation(id))) throw untrustedIndex(url);
    // The pointer was edited or removed: the root copy names the same state.
    const copy = await this.signed(this.key('repodata/repomd.xml'), trusted);
    const copied = copy && (await this.state(this.key(''), copy, []));
    if (copied) return { ...copied, etag, isSound: false };
    const unsigned = await this.signed(this.key('repodata/repomd.xml'));
    const isOurs =
      (id !== undefined && (await this.generation(id)) !== undefined) ||
      (unsigned !== undefined && (await this.state(this.key(''), unsigned, [])) !== undefined);
    if (pointer || unsigned) {
      // Somebody may have committed since the pointer was read.
      if ((await this.store.head(this.pointerKey))?.etag !== etag) return this.read(trusted);
      throw isOurs ? untrustedIndex(url) : foreignRepository(url);
    }
    return { manifest: emptyManifest(), isSound: false, indexKeys: [] };
  }

  async readForeign(): Promise<Foreign<YumFragment> | undefined> {
    const repomd = await this.store.get(this.key('repodata/repomd.xml'));
    const pointer = await this.store.get(this.pointerKey);
    if (!repomd) return undefined;
    const id = /\/generations\/([0-9a-f]{64})\/\n$/.exec(pointer?.body.toString() ?? '')?.[1];
    // Ours, and somebody has made the root copy anew: the next publication repairs that.
    if (id !== undefined && (await this.generation(id))) return undefined;
    const files = parseRepomd(repomd.body)?.files ?? [];
    if (files.some(({ type }) => type === 'manifest')) return undefined;
    const lists = await Promise.all(
      ['primary', 'filelists', 'other'].map(async (type) => {
        const listed = files.find((file) => file.type === type);
        if (!listed?.name.endsWith('.gz'))
          throw new Error(
            `${this.key('repodata')} has no ${type} that is gzipped; make it with createrepo_c --general-compress-type=gz, then adopt it`,
          );
        const found = await this.store.get(this.key(listed.name));
        if (!found || sha256(found.body) !== listed.sha256)
          throw new Error(
            `${this.key(listed.name)} is missing or damaged; mend the repository, then adopt it`,
          );
        return (await gunzip(found.body)).toString();
      }),
    );
    const [primary = '', filelists = '', other = ''] = lists;
    const indexKeys = files.map(({ name }) => this.key(name));
    return { packages: foreignRpms(primary, filelists, other), etag: pointer?.etag, indexKeys };
  }

  async describe(fetchFile: () => Promise<string>, one: PublishedPackage, date: Date) {
    const file = await fetchFile();
    const rpm = await readRpm(file);
    const identity = await rpmContents(file);
    const { architecture } = rpmIdentity(rpm);
    const href = one.key.slice(this.settings.prefix.length + 1);
    const time = Math.floor(date.getTime() / 1000);
    const fragment = yumFragment(rpm, { sha256: one.sha256, size: one.size, href, time });
    const signature = await rpmSignature(file);
    const signedBy = signature && issuerOf(signature.packet);
    return { architecture, identity, ...(signedBy && { signedBy }), fragment };
  }

  private async putAll(folder: string, files: IndexFile[]): Promise<void> {
    await Promise.all(files.map(({ name, body }) => this.store.putImmutable(`${folder}${name}`, body)));
  }

  async stage(manifest: YumManifest, date: Date, signer: Signer) {
    const fragments = offered(manifest).map(({ fragment }) => fragment);
    const { generation, root } = await yumIndexes(fragments, Buffer.from(JSON.stringify(manifest)));
    const revision = Math.floor(date.getTime() / 1000);
    const repomd = renderRepomd(generation, revision);
    const rootRepomd = renderRepomd(root, revision);
    const id = sha256(repomd);
    const folder = this.key(`generations/${id}/`);
    const putSigned = async (key: string, body: Buffer) => {
      const signature = signer.detachIndex(body).then((made) => this.store.put(`${key}.asc`, made));
      await Promise.all([this.store.put(key, body), signature]);
    };
    // In any order: nothing names them before the pointer does.
    await Promise.all([
      this.putAll(folder, generation),
      this.putAll(this.key(''), root),
      putSigned(`${folder}${ROOT_COPY}/repomd.xml`, rootRepomd),
      putSigned(`${folder}repodata/repomd.xml`, repomd),
    ]);
    const keys = [
      ...generation.map(({ name }) => `${folder}${name}`),
      ...root.map(({ name }) => this.key(name)),
    ];
    const repomds = [`${folder}repodata/repomd.xml`, `${folder}${ROOT_COPY}/repomd.xml`];
    return { pointer: this.pointer(id), keys: [...keys, ...repomds, ...repomds.map((key) => `${key}.asc`)] };
  }

  private async committedFolder(): Promise<string | undefined> {
    const pointer = await this.store.get(this.pointerKey);
    const id = /\/generations\/([0-9a-f]{64})\/\n$/.exec(pointer?.body.toString() ?? '')?.[1];
    return id === undefined ? undefined : this.key(`generations/${id}/`);
  }

  private repo(): Buffer {
    const { productName, title, publicKey } = this.settings;
    const mirrorlist = `${this.store.url}/${this.pointerKey}`;
    return Buffer.from(
      repoFile({ id: productName, title, mirrorlist, key: `${this.store.url}/${publicKey}` }),
    );
  }

  async settle(): Promise<void> {
    const folder = await this.committedFolder();
    if (folder === undefined) return;
    const copies = await Promise.all(
      this.fixed.map(async (name) => ({
        key: this.key(name),
        found: await this.store.get(name.replace('repodata', `${folder}${ROOT_COPY}`)),
      })),
    );
    const old = await Promise.all(copies.map(({ key }) => this.store.get(key)));
    const other = copies.filter(({ found }, i) => found && !old[i]?.body.equals(found.body));
    // The two writes follow each other at once: this is the time for which a baseurl client may see a mismatch.
    for (const { key, found } of other) if (found) await this.store.put(key, found.body);
    await putIfChanged(this.store, this.repoKey, this.repo());
  }

  async check(expected: ExpectedKeys): Promise<string[]> {
    const folder = await this.committedFolder();
    if (folder === undefined) return [`${this.pointerKey} is missing or edited`];
    const problems: string[] = [];
    const places = [
      { repomd: `${folder}repodata/repomd.xml`, base: folder },
      { repomd: `${folder}${ROOT_COPY}/repomd.xml`, base: this.key('') },
      { repomd: this.key(this.fixed[0]), base: this.key('') },
    ];
    for (const { repomd, base } of places) {
      const [body, signature] = [await this.signed(repomd), await this.store.get(`${repomd}.asc`)];
      const signers = body && signature ? await signersOf(body, signature.body, expected.trusted) : [];
      if (!isSignedAsExpected(signers, expected))
        problems.push(`${repomd} or its signature is missing, edited or of other keys`);
      for (const file of (body && parseRepomd(body)?.files) ?? []) {
        if (!(await isIntact(this.store, `${base}${file.name}`, file))) {
          problems.push(`${base}${file.name} is missing or edited`);
        }
      }
    }
    const [copy, source] = await Promise.all(
      [this.key(this.fixed[0]), `${folder}${ROOT_COPY}/repomd.xml`].map((key) => this.store.get(key)),
    );
    if (copy && source && !copy.body.equals(source.body))
      problems.push(`${this.key(this.fixed[0])} is of another generation`);
    const repo = await this.store.get(this.repoKey);
    if (!repo?.body.equals(this.repo())) problems.push(`${this.repoKey} is missing or edited`);
    return [...new Set(problems)];
  }
}

const open = (store: Store, settings: RepositorySettings) => new YumRepository(store, settings);

/**
 * A signed rpm that differs from the listed one by its signature alone changes nothing: the bytes that are out stay, as
 * the returned manifest says.
 */
export const {
  read: readYumManifest,
  publish: publishYum,
  unpublish: unpublishYum,
  check: checkYum,
} = operationsOf(open);

export const { adopt: adoptYum, adoptable: adoptableYum } = adoptionOf(open);
