/** Repositories that a script made, as Falco's does, are taken over with all that is in them. */
import * as assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { createLocalKey, openSigner, signRpm, Signer } from '../../provider/gpg';
import { adoptableApt, adoptApt, readAptManifest } from '../../provider/publish/apt';
import { adoptYum, readYumManifest } from '../../provider/publish/yum';
import { openStore } from '../../provider/store/open';
import { Store } from '../../provider/store/store';
import { settingsFor, snapshot, testSigner } from '../unit/publish/bench';
import { makeDeb, makeRpm } from '../unit/publish/samples';
import { aptMachine, dnfMachine } from './realClients';
import { repositoryNamed } from './repositories';

const run = promisify(execFile);
const date = new Date('2026-01-02T03:04:05Z');
const VERSIONS = ['0.22.0', '0.23.0'];

describe('adoption', function () {
  this.timeout(120_000);
  let work: string;
  let bucket: string;
  let store: Store;
  let signer: Signer;

  before(async () => {
    signer = await testSigner();
  });
  beforeEach(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'adoption-'));
    await fs.chmod(work, 0o755);
    bucket = path.join(work, 'bucket');
    store = openStore(bucket);
  });
  afterEach(() => fs.rm(work, { recursive: true, force: true }));
  const of = (name: 'apt' | 'yum') => repositoryNamed(name, signer);
  const text = async (key: string) => (await store.get(key))?.body.toString() ?? '';

  /** What Falco's publish-deb script does: files below stable/, apt-ftparchive over them, a detached signature. */
  async function madeByScript(): Promise<void> {
    const root = path.join(bucket, 'packages/deb');
    await fs.mkdir(path.join(root, 'stable'), { recursive: true });
    for (const version of VERSIONS) {
      const made = await makeDeb(work, { name: 'sample', version });
      await fs.copyFile(made, path.join(root, `stable/sample-${version}-x86_64.deb`));
    }
    const release = 'dists/stable';
    await run('bash', [
      '-c',
      `cd ${root}; mkdir -p ${release}/main/binary-amd64
       apt-ftparchive packages stable >${release}/main/binary-amd64/Packages
       gzip -c ${release}/main/binary-amd64/Packages >${release}/main/binary-amd64/Packages.gz
       apt-ftparchive release -o APT::FTPArchive::Release::Suite=stable ${release} >${release}/Release
       echo of others >stable/notes.txt`,
    ]);
  }

  async function madeByCreaterepo(): Promise<void> {
    const root = path.join(bucket, 'packages/rpm');
    await fs.mkdir(root, { recursive: true });
    for (const version of VERSIONS) {
      const made = await makeRpm(work, { name: 'sample', version });
      await signRpm(made, signer, date.getTime() / 1000);
      await fs.copyFile(made, path.join(root, `sample-${version}-x86_64.rpm`));
    }
    await run('createrepo_c', ['--quiet', root]);
    await fs.writeFile(path.join(root, 'repodata/comps.xml'), 'of others');
  }

  const KINDS = [
    {
      name: 'apt',
      make: madeByScript,
      adopt: adoptApt,
      settings: settingsFor('packages/deb'),
      suffix: 'x86_64.deb',
      other: 'stable/notes.txt',
      read: readAptManifest,
    },
    {
      name: 'yum',
      make: madeByCreaterepo,
      adopt: adoptYum,
      settings: settingsFor('packages/rpm'),
      suffix: 'x86_64.rpm',
      other: 'repodata/comps.xml',
      read: readYumManifest,
    },
  ] as const;

  for (const { name, make, adopt, settings, suffix, other, read } of KINDS) {
    const machine = async () =>
      name === 'apt'
        ? aptMachine(work, await text('packages/deb/sample.sources'))
        : dnfMachine(work, await text('packages/rpm/sample.repo'));
    const pinned = (version: string) => (name === 'apt' ? `sample=${version}` : `sample-${version}`);

    it(`of ${name} keeps every package where it is, for a real client too, and reads none`, async () => {
      await make();
      const files = await snapshot(store);
      const packages = Object.fromEntries(Object.entries(files).filter(([key]) => key.endsWith(suffix)));
      const reading: string[] = [];
      const watched = new Proxy(store, {
        get(target, verb: keyof Store) {
          const value: unknown = Reflect.get(target, verb);
          if (typeof value !== 'function') return value;
          return (key: string, ...rest: unknown[]) => {
            if (['get', 'download', 'copy'].includes(verb)) reading.push(key);
            return (value as (...all: unknown[]) => unknown).call(target, key, ...rest);
          };
        },
      });
      const manifest = await adopt(watched, settings, signer, date);
      assert.deepEqual(
        manifest.entries.map(({ version, adopted }) => [version, adopted]),
        VERSIONS.map((version) => [version, true]),
      );
      assert.deepEqual(
        reading.filter((key) => key.endsWith(suffix)),
        [],
      );
      const after = await snapshot(store);
      for (const [key, state] of Object.entries(packages)) assert.equal(after[key], state, key);
      assert.equal(after[`${settings.prefix}/${other}`], files[`${settings.prefix}/${other}`]);
      assert.deepEqual(await of(name).check(store, []), []);
      const client = await machine();
      await client.update();
      assert.equal(await client.candidate('sample'), '0.23.0');
      assert.deepEqual(await client.download(pinned('0.22.0')), [`sample-0.22.0-${suffix}`]);
    });

    it(`of ${name} is followed by releases as if it had always been ours`, async () => {
      await make();
      const next = await of(name).build(store, work, { name: 'sample', version: '0.24.0' });
      await assert.rejects(of(name).publish(store, [next]), /no manifest of ours.*npm run adopt/);
      await adopt(store, settings, signer, date);
      await of(name).publish(store, [next]);
      assert.deepEqual(await of(name).check(store, [next]), []);
      const client = await machine();
      await client.update();
      assert.equal(await client.candidate('sample'), '0.24.0');
      assert.deepEqual(await client.download(pinned('0.22.0')), [`sample-0.22.0-${suffix}`]);
      await of(name).unpublish(store, 'local');
      assert.deepEqual(
        (await read(store, settings)).entries.map(({ version }) => version),
        VERSIONS,
      );
    });

    it(`of ${name} refuses what is not there, is ours already, or lacks a file, before any write`, async () => {
      await assert.rejects(
        adopt(store, settings, signer, date),
        /has no indexes of others: there is nothing to adopt/,
      );
      await make();
      const lost = `${settings.prefix}/${name === 'apt' ? 'stable/' : ''}sample-0.22.0-${suffix}`;
      const body = (await store.get(lost))?.body ?? Buffer.alloc(0);
      await store.put(lost, body.subarray(0, 10));
      const before = await snapshot(store);
      await assert.rejects(
        adopt(store, settings, signer, date),
        /sample-0\.22\.0-\S+ is missing or truncated/,
      );
      assert.deepEqual(await snapshot(store), before);
      await store.put(lost, body);
      await adopt(store, settings, signer, date);
      await assert.rejects(adopt(store, settings, signer, date), /there is nothing to adopt/);
    });
  }

  it('of apt refuses what it would lose: another architecture, another component', async () => {
    await madeByScript();
    const before = await snapshot(store);
    for (const index of ['main/binary-arm64/Packages', 'extra/binary-amd64/Packages']) {
      const key = `packages/deb/dists/stable/${index}`;
      await store.put(key, Buffer.from('Package: sample\n'));
      await assert.rejects(adoptApt(store, of('apt').settings, signer, date), (error: Error) => {
        assert.ok(error.message.includes(path.dirname(index)), error.message);
        return true;
      });
      await store.delete(key);
    }
    assert.deepEqual(await snapshot(store), before);
  });

  /** Like a script of others: indexes of two packages, and what `more` makes beside them. */
  async function aptWith(more: string): Promise<void> {
    await madeByScript();
    const root = path.join(bucket, 'packages/deb');
    await run('bash', [
      '-c',
      `set -eu; cd ${root}; D=dists/stable/main/binary-amd64; ${more}
       apt-ftparchive release dists/stable >Release; mv Release dists/stable/Release`,
    ]);
  }

  it('of apt reads an index that is there compressed only, and refuses one that is not what Release says', async () => {
    await aptWith('rm $D/Packages.gz; xz $D/Packages');
    const { settings } = of('apt');
    assert.deepEqual(
      (await adoptableApt(store, settings, date)).map(({ version }) => version),
      VERSIONS,
    );
    const index = 'packages/deb/dists/stable/main/binary-amd64/Packages';
    await store.put(index, Buffer.from('Package: sample\n'));
    await run('bash', [
      '-c',
      `cd ${bucket}/packages/deb; apt-ftparchive release dists/stable >dists/stable/Release`,
    ]);
    await store.put(index, Buffer.from('Package: other\n'));
    const before = await snapshot(store);
    await assert.rejects(adoptApt(store, settings, signer, date), /Packages is not what Release says/);
    assert.deepEqual(await snapshot(store), before);
  });

  it('of apt sees another component that is there compressed only', async () => {
    await aptWith(
      'mkdir -p dists/stable/extra/binary-amd64; cp $D/Packages.gz dists/stable/extra/binary-amd64/',
    );
    await assert.rejects(adoptApt(store, of('apt').settings, signer, date), /extra\/binary-amd64/);
  });

  it('of yum leaves the indexes that clients have for the grace time, and is not done twice', async () => {
    await madeByCreaterepo();
    const { settings } = of('yum');
    const folder = path.join(bucket, 'packages/rpm/repodata');
    const old = (await fs.readdir(folder)).filter((name) => /-primary\.xml/.test(name));
    for (const name of await fs.readdir(folder))
      await fs.utimes(path.join(folder, name), 1700000000, 1700000000);
    await adoptYum(store, settings, signer, date);
    const next = await of('yum').build(store, work, { name: 'sample', version: '0.24.0' });
    await of('yum').publish(store, [next]);
    assert.deepEqual(
      (await fs.readdir(folder)).filter((name) => old.includes(name)),
      old,
    );
    // The cron job of before, which knows nothing of ours.
    await run('createrepo_c', [
      '--quiet',
      '--excludes',
      'pool/*',
      '--excludes',
      '*0.24*',
      path.dirname(folder),
    ]);
    await assert.rejects(adoptYum(store, settings, signer, date), /there is nothing to adopt/);
    await of('yum').publish(store, [next]);
    assert.deepEqual(await of('yum').check(store, [next]), []);
    assert.equal((await readYumManifest(store, settings)).entries.length, 3);
  });

  it('of yum keeps the key that signed the rpms, so that a real dnf installs them, and refuses to lose it', async () => {
    const home = path.join(work, 'keys');
    const theirs = (await createLocalKey({ home, uid: 'Theirs' })).fingerprint;
    const ours = (await createLocalKey({ home, uid: 'Ours' })).fingerprint;
    const open = (key: string, publishedKeys: string[] = []) =>
      openSigner({ home, key, setting: 'test:key', publishedKeys });
    signer = await open(theirs);
    try {
      await madeByCreaterepo();
    } finally {
      signer = await testSigner();
    }
    const { settings } = of('yum');
    await store.put(settings.publicKey, await (await open(theirs)).publicKey());
    const before = await snapshot(store);
    await assert.rejects(
      adoptYum(store, settings, await open(ours), date),
      new RegExp(`holds the key ${theirs}, with which clients verify`),
    );
    assert.deepEqual(await snapshot(store), before);
    await adoptYum(store, settings, await open(ours, [theirs]), date);
    const client = await dnfMachine(work, await text('packages/rpm/sample.repo'));
    await client.update();
    await client.fetch('sample', '0.22.0');
  });

  it('of yum keeps every release of a version, and refuses another build of it', async () => {
    const root = path.join(bucket, 'packages/rpm');
    await fs.mkdir(root, { recursive: true });
    for (const release of ['1', '2']) {
      const other = await makeRpm(work, { name: 'sample', version: '0.22.0', release });
      await signRpm(other, signer, date.getTime() / 1000);
      await fs.copyFile(other, path.join(root, `sample-0.22.0-${release}.rpm`));
    }
    await run('createrepo_c', ['--quiet', root]);
    const repository = of('yum');
    const manifest = await adoptYum(store, repository.settings, signer, date);
    const files = ['sample-0.22.0-1.rpm', 'sample-0.22.0-2.rpm'];
    assert.deepEqual(manifest.entries.map(({ fileName }) => fileName).sort(), files);
    const next = await repository.build(store, work, { name: 'sample', version: '0.23.0' });
    await repository.publish(store, [next]);
    const same = await repository.build(store, work, { name: 'sample', version: '0.22.0', content: 'x' });
    await assert.rejects(repository.publish(store, [same]), /is released with sha256 .* must not change/);
    const listed = (await readYumManifest(store, repository.settings)).entries;
    assert.deepEqual(listed.map(({ fileName }) => fileName).sort(), [...files, next.fileName]);
  });

  it('keeps adopted files as they are: a package under the same name with other bytes is refused', async () => {
    await madeByCreaterepo();
    const repository = of('yum');
    await adoptYum(store, repository.settings, signer, date);
    const adopted = await store.get('packages/rpm/sample-0.22.0-x86_64.rpm');
    const other = await repository.build(store, work, {
      name: 'sample',
      version: '0.22.0',
      content: 'other',
    });
    await assert.rejects(
      repository.publish(store, [other]),
      /sample-0\.22\.0-x86_64\.rpm is released with sha256 [0-9a-f]{64} and must not change/,
    );
    assert.deepEqual((await store.get('packages/rpm/sample-0.22.0-x86_64.rpm'))?.body, adopted?.body);
  });
});
