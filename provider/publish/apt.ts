/**
 * The apt repository. Pointer: `dists/<suite>/InRelease`. Its index files are by-hash objects, the manifest among
 * them; `Packages*`, `Release` and `Release.gpg` are copies for clients without by-hash (apt before 1.2).
 */
import {
  AptFragment,
  aptFragment,
  aptSources,
  listedFiles,
  ListedFile,
  packagesIndex,
  releaseText,
} from '../formats/aptIndex';
import { gunzip, gzip, QUICK, sha256, unxz, xz } from '../formats/compress';
import { readControl } from '../formats/debControl';
import { Signer } from '../gpg';
import { foreignDebs, ForeignPackage } from '../formats/foreignIndexes';
import { armorKeys } from '../formats/openpgp';
import { clearText, isByUnknownKey, isSignedBy, signersOf, textSigners, verifiedText } from '../gpgVerify';
import { Store } from '../store/store';
import { isIntact } from './blobs';
import { AdoptableKind, Committed, Foreign, foreignRepository, OwnCommit, untrustedIndex } from './job';
import { ExpectedKeys, expectedOf, isSignedAsExpected, signerKeys } from './keys';
import { emptyManifest, Manifest, offered } from './manifest';
import { adoptionOf, operationsOf } from './operations';
import { PublishedPackage, putIfChanged, RepositorySettings } from './published';
import { together } from './together';

export type AptManifest = Manifest<AptFragment>;

const MANIFEST = 'manifest.json.gz';

function dateOf(release: string): Date | undefined {
  const date = new Date(/^Date: (.+)$/m.exec(release)?.[1] ?? '');
  return Number.isNaN(date.getTime()) ? undefined : date;
}

class AptRepository implements AdoptableKind<AptFragment> {
  private readonly folder: string;
  readonly pointerKey: string;
  readonly generations: string[];

  constructor(
    private readonly store: Store,
    private readonly settings: RepositorySettings,
  ) {
    this.folder = `${settings.prefix}/dists/${settings.suite}`;
    this.pointerKey = `${this.folder}/InRelease`;
    const binaries = settings.architectures.map(
      (one) => `${this.folder}/${settings.component}/binary-${one}`,
    );
    this.generations = [this.folder, ...binaries].map((folder) => `${folder}/by-hash/`);
  }

  plainKey = (name: string) => `${this.settings.prefix}/${this.settings.suite}/${name}`;

  owns(key: string) {
    return key.startsWith(`${this.folder}/`) || key === this.sourcesKey;
  }

  private get sourcesKey() {
    return `${this.settings.prefix}/${this.settings.productName}.sources`;
  }

  private byHash(file: ListedFile): string {
    const slash = file.path.lastIndexOf('/') + 1;
    return `${this.folder}/${file.path.slice(0, slash)}by-hash/SHA256/${file.sha256}`;
  }

  /** The state that a Release text names; undefined when it is not ours or its manifest is lost. */
  private async state(text: string): Promise<Omit<Committed<AptFragment>, 'isSound' | 'etag'> | undefined> {
    const files = listedFiles(text);
    const date = dateOf(text);
    const listed = files.find(({ path }) => path === MANIFEST);
    if (!date || !listed) return undefined;
    const found = await this.store.get(this.byHash(listed));
    if (!found || sha256(found.body) !== listed.sha256) return undefined;
    const manifest = JSON.parse((await gunzip(found.body)).toString()) as AptManifest;
    return { manifest, indexKeys: files.map((file) => this.byHash(file)), date };
  }

  /** The copy of the last state under a fixed name, for when somebody edited or removed the pointer. */
  private async releaseText(trusted?: Buffer): Promise<string | undefined> {
    const release = await this.store.get(`${this.folder}/Release`);
    const signature = await this.store.get(`${this.folder}/Release.gpg`);
    if (!release) return undefined;
    const isGood = !trusted || (signature && (await isSignedBy(release.body, signature.body, trusted)));
    return isGood ? release.body.toString() : undefined;
  }

  async read(trusted?: Buffer): Promise<Committed<AptFragment>> {
    const pointer = await this.store.get(this.pointerKey);
    const etag = pointer?.etag;
    const unverified = pointer && clearText(pointer.body);
    // Read and unpacked while gpg looks at the signature, and given to nobody before it is good.
    const early = unverified === undefined ? undefined : this.state(unverified);
    early?.catch(() => {});
    const text = pointer && (trusted ? await verifiedText(pointer.body, trusted) : unverified);
    const state = text === undefined ? undefined : await (text === unverified ? early : this.state(text));
    if (text !== undefined && state) {
      return { ...state, etag, isSound: text === this.render(state.date, listedFiles(text)) };
    }
    const url = `${this.store.url}/${this.settings.prefix}`;
    const others = unverified === undefined ? undefined : await this.state(unverified);
    // Whole, and by a key that we do not know: not one of ours that somebody edited.
    if (others && trusted && pointer && (await isByUnknownKey(pointer.body, trusted)))
      throw untrustedIndex(url);
    const copy = await this.releaseText(trusted);
    const copied = copy === undefined ? undefined : await this.state(copy);
    if (copied) return { ...copied, etag, isSound: false };
    if (others) throw untrustedIndex(url);
    const indexes = (await this.store.list(`${this.folder}/`)).filter((key) => !key.includes('/by-hash/'));
    if (indexes.length > 0) {
      // Somebody may have committed since the pointer was read.
      if ((await this.store.head(this.pointerKey))?.etag !== etag) return this.read(trusted);
      throw foreignRepository(url);
    }
    return { manifest: emptyManifest(), isSound: false, indexKeys: [] };
  }

  async readForeign(): Promise<Foreign<AptFragment> | undefined> {
    const { component, architectures } = this.settings;
    // Before the lists: who changes them meanwhile changes it, too.
    const pointer = await this.store.get(this.pointerKey);
    if (pointer && (await this.state(clearText(pointer.body) ?? ''))) return undefined;
    const release = pointer ?? (await this.store.get(`${this.folder}/Release`));
    const listed = release ? listedFiles(clearText(release.body) ?? release.body.toString()) : [];
    const found: ForeignPackage<AptFragment>[] = [];
    let isThere = false;
    for (const architecture of architectures) {
      const text = await this.foreignPackages(`${component}/binary-${architecture}/Packages`, listed);
      if (text === undefined) continue;
      isThere = true;
      found.push(...foreignDebs(text));
    }
    if (!isThere) return undefined;
    await this.refuseOthers();
    // Packages of architecture `all` stand in each index.
    const packages = [...new Map(found.map((one) => [one.path, one])).values()];
    const indexKeys = listed.map((file) => this.byHash(file));
    return { packages, etag: pointer?.etag, indexKeys };
  }

  /** The text of an index, plain or compressed, as Release lists it. */
  private async foreignPackages(name: string, listed: ListedFile[]): Promise<string | undefined> {
    for (const [suffix, unpack] of [
      ['', (body: Buffer) => body],
      ['.gz', gunzip],
      ['.xz', unxz],
    ] as const) {
      const found = await this.store.get(`${this.folder}/${name}${suffix}`);
      if (!found) continue;
      const wanted = listed.find(({ path }) => path === `${name}${suffix}`);
      if (wanted && wanted.sha256 !== sha256(found.body))
        throw new Error(
          `${this.store.url}/${this.folder}/${name}${suffix} is not what Release says; mend the repository, then adopt it.`,
        );
      return (await unpack(found.body)).toString();
    }
    return undefined;
  }

  /** Our index has one component and these architectures: what others list besides would be lost. */
  private async refuseOthers(): Promise<void> {
    const { component, architectures } = this.settings;
    const own = new Set(architectures.map((architecture) => `${component}/binary-${architecture}`));
    const lost = (await this.store.listObjects(`${this.folder}/`)).flatMap(({ key, size }) => {
      const index = /^(.+\/(?:binary-[^/]+|source))\/(?:Packages|Sources)(?:\.\w+)?$/.exec(
        key.slice(this.folder.length + 1),
      );
      return index && size > 0 && !own.has(index[1]) ? [index[1]] : [];
    });
    if (lost.length > 0)
      throw new Error(
        `${this.store.url}/${this.folder} lists packages that our index would not: ${[...new Set(lost)].join(', ')}. Publish to another prefix, or take them out first.`,
      );
  }

  async describe(fetchFile: () => Promise<string>, one: PublishedPackage) {
    const path = one.key.slice(this.settings.prefix.length + 1);
    const fragment = aptFragment(await readControl(await fetchFile()), path, one.size, one.sha256);
    return { architecture: fragment.architecture, fragment };
  }

  /** Release of these files, sorted by path. */
  private render(date: Date | undefined, files: ListedFile[]): string {
    const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
    const { title } = this.settings;
    return releaseText({ ...this.settings, description: title, date: date ?? new Date(0) }, sorted);
  }

  async stage(manifest: AptManifest, date: Date, signer: Signer) {
    const { component, architectures } = this.settings;
    const fragments = offered(manifest).map(({ fragment }) => fragment);
    const lists = architectures.map((architecture) => ({
      name: `${component}/binary-${architecture}/Packages`,
      plain: Buffer.from(packagesIndex(fragments, architecture)),
    }));
    // xz, a process of its own, first; the rest is packed while it works.
    const packed = await Promise.all([
      ...lists.map(async ({ name, plain }) => [`${name}.xz`, await xz(plain)] as const),
      ...lists.map(async ({ name, plain }) => [`${name}.gz`, await gzip(plain)] as const),
      gzip(Buffer.from(JSON.stringify(manifest)), QUICK).then((body) => [MANIFEST, body] as const),
    ]);
    const bodies = new Map([...lists.map(({ name, plain }) => [name, plain] as const), ...packed]);
    const files = [...bodies].map(([path, body]) => ({ path, size: body.length, sha256: sha256(body) }));
    const [pointer] = await Promise.all([
      signer.clearSign(Buffer.from(this.render(date, files))),
      // In any order: nothing names them before the pointer does.
      ...files.map((file) => this.store.putImmutable(this.byHash(file), bodies.get(file.path) as Buffer)),
    ]);
    return { pointer, keys: files.map((file) => this.byHash(file)) };
  }

  /** The committed Release text and its files. */
  private async committed() {
    const pointer = await this.store.get(this.pointerKey);
    const text = pointer && clearText(pointer.body);
    return { pointer, text, files: text === undefined ? [] : listedFiles(text) };
  }

  private sources(keys: Buffer): Buffer {
    const { prefix, suite, component, architectures } = this.settings;
    const url = `${this.store.url}/${prefix}`;
    return Buffer.from(aptSources(url, suite, component, architectures, armorKeys(keys)));
  }

  /** Copies under the names that Release lists. */
  private async copyIndexes(files: ListedFile[]): Promise<void> {
    const copied = files.map(async (file) => {
      const named = `${this.folder}/${file.path}`;
      if (!(await isIntact(this.store, named, file))) await this.store.copy(this.byHash(file), named);
    });
    await together(copied);
  }

  async settle(signer: Signer, own?: OwnCommit<AptFragment>): Promise<void> {
    const { pointer, text, files } = await this.committed();
    if (text === undefined) return;
    const release = Buffer.from(text);
    const before = await this.store.get(`${this.folder}/Release`);
    let made: Promise<Buffer> | undefined;
    const signature = () => (made ??= signer.detachIndex(release));
    // Made while the rest is written; whoever waits for it hears of an error.
    if (!before?.body.equals(release)) signature().catch(() => {});
    await this.copyIndexes(files);
    // Compared once more: somebody may have written it meanwhile. Its signature follows it at once.
    const isNew = await putIfChanged(this.store, `${this.folder}/Release`, release);
    if (isNew) await this.store.put(`${this.folder}/Release.gpg`, await signature());
    // As it is checked: another stack may have committed it meanwhile, and have signed it.
    const isOwn = own !== undefined && pointer?.etag === own.etag;
    const manifest = isOwn ? own.next : ((await this.state(text))?.manifest ?? emptyManifest());
    const keys = await signerKeys(this.store, this.settings, signer);
    const expected = await expectedOf(manifest, this.settings, keys, signer);
    if (!isNew) {
      const found = await this.store.get(`${this.folder}/Release.gpg`);
      const signers = found ? await signersOf(release, found.body, expected.trusted) : [];
      if (!isSignedAsExpected(signers, expected))
        await this.store.put(`${this.folder}/Release.gpg`, await signature());
    }
    await putIfChanged(this.store, this.sourcesKey, this.sources(expected.clientKeys));
  }

  async check(expected: ExpectedKeys): Promise<string[]> {
    const { clientKeys, trusted } = expected;
    const { pointer, text, files } = await this.committed();
    const problems: string[] = [];
    const pointerSigners = pointer ? await textSigners(pointer.body, trusted) : [];
    if (!isSignedAsExpected(pointerSigners, expected))
      problems.push(`${this.pointerKey} is missing, edited or signed by other keys`);
    for (const file of files) {
      for (const key of [this.byHash(file), `${this.folder}/${file.path}`]) {
        if (!(await isIntact(this.store, key, file))) problems.push(`${key} is missing or edited`);
      }
    }
    const release = await this.store.get(`${this.folder}/Release`);
    const signature = await this.store.get(`${this.folder}/Release.gpg`);
    if (release?.body.toString() !== text) problems.push(`${this.folder}/Release is missing or edited`);
    const signers = signature ? await signersOf(Buffer.from(text ?? ''), signature.body, trusted) : [];
    if (!isSignedAsExpected(signers, expected))
      problems.push(`${this.folder}/Release.gpg is missing, not of this Release, or signed by other keys`);
    const sources = await this.store.get(this.sourcesKey);
    if (!sources?.body.equals(this.sources(clientKeys)))
      problems.push(`${this.sourcesKey} is missing or edited`);
    return problems;
  }
}

const open = (store: Store, settings: RepositorySettings) => new AptRepository(store, settings);

/** An older date of a publication is moved forward, for apt refuses an index that is older than its own. */
export const {
  read: readAptManifest,
  publish: publishApt,
  unpublish: unpublishApt,
  check: checkApt,
} = operationsOf(open);

export const { adopt: adoptApt, adoptable: adoptableApt } = adoptionOf(open);
