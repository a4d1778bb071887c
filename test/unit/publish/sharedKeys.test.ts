import * as assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { bucketKeys } from '../../../bucketKeys';
import { catalog } from '../../../catalog';
import { publicNames } from '../../../names';
import { createLocalKey, openSigner, Signer } from '../../../provider/gpg';
import { fingerprintsIn } from '../../../provider/gpgKeys';
import { closeSessions } from '../../../provider/gpgSession';
import { signersOf } from '../../../provider/gpgVerify';
import { KINDS, settingsOf } from '../../../provider/publish/kinds';
import { PublishedPackage } from '../../../provider/publish/published';
import { openStore } from '../../../provider/store/open';
import { Store } from '../../../provider/store/store';
import {
  below,
  REPOSITORIES,
  repositories,
  RepositoryName,
  repositoryNamed,
} from '../../publishing/repositories';
import { snapshot } from './bench';

const DATE = new Date('2026-01-02T03:04:05Z');
const { repositories: rows, product, architectures } = catalog;
const keyFiles = publicNames(product);
type Stack = 'staging' | 'staging-master';
type Flavour = 'release' | 'dev';

/** What the role of master builds may write: anything else is refused, as S3 does. */
function asMaster(store: Store): Store {
  const { dev } = bucketKeys(catalog);
  const allowed = (key: string) => {
    if (!dev.some((prefix) => key.startsWith(prefix))) throw new Error(`${key}: Access Denied`);
  };
  return Object.assign(Object.create(store) as Store, {
    async put(...args: Parameters<Store['put']>) {
      allowed(args[0]);
      return store.put(...args);
    },
    async putImmutable(...args: Parameters<Store['putImmutable']>) {
      allowed(args[0]);
      return store.putImmutable(...args);
    },
    async compareAndSwap(...args: Parameters<Store['compareAndSwap']>) {
      allowed(args[0]);
      return store.compareAndSwap(...args);
    },
    async copy(...args: Parameters<Store['copy']>) {
      allowed(args[1]);
      return store.copy(...args);
    },
    async delete(...args: Parameters<Store['delete']>) {
      allowed(args[0]);
      return store.delete(...args);
    },
  });
}

describe('two stacks with a key each that share the -dev repositories', function () {
  this.timeout(120_000);
  let work: string;
  let store: Store;
  /** A key folder for each job: its own secret key, and the public one of the other. */
  const homes = {} as Record<Stack, string>;
  let [releaseKey, masterKey, nextKey] = ['', '', ''];
  /** What each stack publishes to a repository now. */
  const current = new Map<string, PublishedPackage[]>();

  const gpg = (home: string, args: string[], input?: Buffer) =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', ...args], { input });
  const tell = (from: string, key: string, to: string) =>
    gpg(to, ['--import'], gpg(from, ['--armor', '--export', key]));

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'shared-'));
    store = openStore(path.join(work, 'bucket'), 'https://packages.example.org');
    for (const stack of ['staging', 'staging-master'] as const) homes[stack] = path.join(work, stack);
    const make = async (stack: Stack, uid: string) =>
      (await createLocalKey({ home: homes[stack], uid })).fingerprint;
    releaseKey = await make('staging', 'Releases');
    masterKey = await make('staging-master', 'Master builds');
    nextKey = await make('staging-master', 'Next master builds');
    tell(homes.staging, releaseKey, homes['staging-master']);
    for (const key of [masterKey, nextKey]) tell(homes['staging-master'], key, homes.staging);
  });
  after(async () => {
    await closeSessions();
    await fs.rm(work, { recursive: true, force: true });
  });

  const signerOf = (stack: Stack, key: string, also: { indexKeys?: string[]; publishedKeys?: string[] }) =>
    openSigner({ home: homes[stack], key, setting: 'test:key', ...also });
  const staging = (...publishedKeys: string[]) => signerOf('staging', releaseKey, { publishedKeys });
  const master = (key = masterKey, also = { publishedKeys: [releaseKey] }) =>
    signerOf('staging-master', key, also);

  /** As a stack's resources have it. */
  const settings = (stack: Stack, name: RepositoryName, flavour: Flavour) =>
    settingsOf({
      ...{ product, suite: rows.apt.suite, component: rows.apt.component, architecture: architectures[0] },
      ...{ publicKey: keyFiles.publicKey, keyring: keyFiles.keyring, stack },
      prefix: rows[name].prefix[flavour],
      sharing: {
        apt: Object.values(rows.apt.prefix),
        yum: Object.values(rows.yum.prefix),
        downloads: Object.values(rows.downloads.prefix),
      },
    });

  /** Publishes a version to a repository; without one, what is there once more. */
  async function publishTo(
    name: RepositoryName,
    stack: Stack,
    flavour: Flavour,
    signer: Signer,
    version?: string,
    at = stack === 'staging' ? store : asMaster(store),
  ): Promise<void> {
    const place = settings(stack, name, flavour);
    if (version !== undefined) {
      const repository = repositoryNamed(name, signer);
      const made = await repository.build(store, work, { name: stack, version }, stack);
      current.set(`${stack} ${place.prefix}`, [below(place.prefix, made)]);
    }
    const packages = current.get(`${stack} ${place.prefix}`) ?? [];
    await KINDS[name].publish(at, place, packages, signer, DATE);
  }
  const publish = async (stack: Stack, flavour: Flavour, signer: Signer, version?: string) => {
    for (const name of REPOSITORIES) await publishTo(name, stack, flavour, signer, version);
  };

  /** The key files, which clients of every repository have. */
  const files = async () =>
    Promise.all(
      [keyFiles.publicKey, keyFiles.keyring].map(async (key) => (await store.get(key))!.body.toString('hex')),
    );
  const published = async () => fingerprintsIn((await store.get(keyFiles.keyring))!.body);

  /** What a refresh of a stack finds in the three repositories. */
  async function problems(stack: Stack, flavour: Flavour, signer: Signer): Promise<string[]> {
    const found = [];
    for (const name of REPOSITORIES) {
      const packages = current.get(`${stack} ${rows[name].prefix[flavour]}`) ?? [];
      found.push(...(await KINDS[name].check(store, settings(stack, name, flavour), packages, signer)));
    }
    return found;
  }

  /** Who signed the indexes: InRelease, Release, repomd.xml, SHA256SUMS. gpgv is content with each, as apt wants it. */
  async function indexSigners(flavour: Flavour): Promise<string[]> {
    const folder = await fs.mkdtemp(path.join(work, 'gpgv-'));
    const fetched = async (key: string) => {
      const file = path.join(folder, key.replaceAll('/', '_'));
      await fs.writeFile(file, (await store.get(key))!.body);
      return file;
    };
    const keyring = await fetched(keyFiles.keyring);
    const signer = async (name: RepositoryName, ...keys: string[]) => {
      const files = await Promise.all(keys.map((key) => fetched(`${rows[name].prefix[flavour]}/${key}`)));
      const args = ['--homedir', folder, '--keyring', keyring, '--status-fd', '1', '--output', '/dev/null'];
      // Throws unless every signature is good.
      const status = execFileSync('gpgv', [...args, ...files], { stdio: ['ignore', 'pipe', 'ignore'] });
      const made = [...status.toString().matchAll(/^\[GNUPG:\] VALIDSIG .* (\w{40})$/gm)];
      return made.map(([, primary]) => primary).join(' ');
    };
    return [
      await signer('apt', 'dists/stable/InRelease'),
      await signer('apt', 'dists/stable/Release.gpg', 'dists/stable/Release'),
      await signer('yum', 'repodata/repomd.xml.asc', 'repodata/repomd.xml'),
      await signer('downloads', 'SHA256SUMS.asc'),
    ];
  }
  const four = (key: string) => [key, key, key, key];

  /** What clients get of the -dev repositories that were set up with the published keys. */
  async function listed(): Promise<string[][]> {
    const keyring = (await store.get(keyFiles.keyring))!.body;
    const names = [];
    for (const { name, client } of repositories(await staging(masterKey))) {
      const session = await client(store, settings('staging', name, 'dev'), keyring);
      names.push((await session!()).map((line) => line.replace(/ .*/, '')));
    }
    return names;
  }

  it('compute the same key files, so that the one that may not write them need not', async () => {
    await publish('staging', 'release', await staging(masterKey), '1.0.0');
    await publish('staging', 'dev', await staging(masterKey), '1.1.0');
    const before = await files();
    assert.deepEqual(await published(), [masterKey, releaseKey].sort());
    const setUp = async () =>
      Promise.all(
        [`${rows.apt.prefix.dev}/falco.sources`, `${rows.yum.prefix.dev}/falco.repo`].map(
          async (key) => (await store.get(key))!.body,
        ),
      );
    const ready = await setUp();
    await publish('staging-master', 'dev', await master(), '1.2.0');
    assert.deepEqual(await files(), before);
    assert.deepEqual(await setUp(), ready, 'what clients were set up with');
  });

  it('sign what they publish with their own key, and clients with the key file verify both', async () => {
    assert.deepEqual(await indexSigners('release'), four(releaseKey));
    assert.deepEqual(await indexSigners('dev'), four(masterKey));
    assert.deepEqual(
      await listed(),
      ['amd64.deb', 'x86_64.rpm', 'x86.tar.gz'].map((end) => [
        `staging-1.1.0-${end}`,
        `staging-master-1.2.0-${end}`,
      ]),
    );
    const keyring = (await store.get(keyFiles.keyring))!.body;
    const signed = async (name: string) => {
      const file = `${rows.apt.prefix.dev}/stable/${name}-amd64.deb`;
      const [body, signature] = [await store.get(file), await store.get(`${file}.asc`)];
      return signersOf(body!.body, signature!.body, keyring);
    };
    assert.deepEqual(await signed('staging-1.1.0'), [releaseKey]);
    assert.deepEqual(await signed('staging-master-1.2.0'), [masterKey]);
  });

  it('find nothing wrong with what the other one signed, and do not sign it again', async () => {
    assert.deepEqual(await problems('staging', 'release', await staging(masterKey)), []);
    assert.deepEqual(await problems('staging', 'dev', await staging(masterKey)), []);
    assert.deepEqual(await problems('staging-master', 'dev', await master()), []);
    const before = await snapshot(store);
    await publish('staging', 'dev', await staging(masterKey));
    await publish('staging-master', 'dev', await master());
    assert.deepEqual(await snapshot(store), before);
    await publish('staging', 'dev', await staging(masterKey), '1.1.1');
    assert.deepEqual(await indexSigners('dev'), four(releaseKey));
    assert.deepEqual(await problems('staging-master', 'dev', await master()), []);
    assert.deepEqual(await problems('staging', 'dev', await staging(masterKey)), []);
  });

  it('leave the signatures of a state that the other one committed while they were at work', async () => {
    const at = asMaster(store);
    for (const name of REPOSITORIES) {
      const overtaken = Object.assign(Object.create(at) as Store, {
        async compareAndSwap(...args: Parameters<Store['compareAndSwap']>) {
          const etag = await at.compareAndSwap(...args);
          await publishTo(name, 'staging', 'dev', await staging(masterKey), '1.1.2');
          return etag;
        },
      });
      await publishTo(name, 'staging-master', 'dev', await master(), '1.2.3', overtaken);
    }
    assert.deepEqual(await indexSigners('dev'), four(releaseKey));
    assert.deepEqual(await problems('staging', 'dev', await staging(masterKey)), []);
    assert.deepEqual(await problems('staging-master', 'dev', await master()), []);
  });

  it('find an index of their own that the other one signed', async () => {
    const key = `${rows.apt.prefix.dev}/dists/stable/InRelease`;
    const right = (await store.get(key))!.body;
    const text = (await store.get(key.replace('InRelease', 'Release')))!.body;
    await store.put(key, await (await master()).clearSign(text));
    assert.deepEqual(await problems('staging', 'dev', await staging(masterKey)), [
      `${key} is missing, edited or signed by other keys`,
    ]);
    await store.put(key, right);
  });

  it('find an index that a key signed which is not published, be it one of their folder', async () => {
    const key = `${rows.apt.prefix.dev}/dists/stable/InRelease`;
    const right = (await store.get(key))!.body;
    const text = (await store.get(key.replace('InRelease', 'Release')))!.body;
    await store.put(key, await (await master(nextKey, { publishedKeys: [] })).clearSign(text));
    assert.deepEqual(await problems('staging-master', 'dev', await master()), [
      `${key} is missing, edited or signed by other keys`,
    ]);
    await store.put(key, right);
  });

  it('find a key in what clients are set up with that is not published, though the state names it', async () => {
    const before = await Promise.all([keyFiles.publicKey, keyFiles.keyring].map((key) => store.get(key)));
    const more = await master(masterKey, { publishedKeys: [releaseKey, nextKey] });
    await publishTo('apt', 'staging-master', 'dev', more, undefined, store);
    await store.put(keyFiles.publicKey, before[0]!.body);
    await store.put(keyFiles.keyring, before[1]!.body);
    assert.deepEqual(await problems('staging', 'dev', await staging(masterKey)), [
      `${rows.apt.prefix.dev}/falco.sources is missing or edited`,
    ]);
    await publish('staging', 'dev', await staging(masterKey));
    assert.deepEqual(await problems('staging', 'dev', await staging(masterKey)), []);
  });

  it('replace the key of master builds: staging publishes what comes first and what goes last', async () => {
    await publish('staging', 'release', await staging(masterKey, nextKey));
    assert.deepEqual(await published(), [masterKey, nextKey, releaseKey].sort());
    const three = await files();
    // Before it takes the step itself, it keeps what the other one publishes.
    await publish('staging-master', 'dev', await master(), '1.2.1');
    assert.deepEqual(await files(), three);
    assert.deepEqual(await problems('staging-master', 'dev', await master()), []);
    assert.deepEqual(await problems('staging', 'dev', await staging(masterKey, nextKey)), []);
    const steps = [
      await master(masterKey, { publishedKeys: [releaseKey, nextKey] }),
      await signerOf('staging-master', nextKey, { indexKeys: [masterKey], publishedKeys: [releaseKey] }),
      await master(nextKey),
    ];
    for (const signer of steps) {
      await publish('staging-master', 'dev', signer);
      assert.deepEqual(await files(), three);
      assert.deepEqual(await problems('staging-master', 'dev', signer), []);
      assert.deepEqual(await problems('staging', 'dev', await staging(masterKey, nextKey)), []);
    }
    assert.deepEqual(await indexSigners('dev'), four(nextKey));
    await publish('staging', 'release', await staging(nextKey));
    assert.deepEqual(await published(), [nextKey, releaseKey].sort());
    const two = await files();
    await publish('staging-master', 'dev', await master(nextKey), '1.2.2');
    assert.deepEqual(await files(), two);
    assert.deepEqual(await problems('staging', 'release', await staging(nextKey)), []);
    assert.deepEqual(await problems('staging-master', 'dev', await master(nextKey)), []);
  });
});
