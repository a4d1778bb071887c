import * as assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { createLocalKey, openSigner, Signer } from '../../../provider/gpg';
import { runGpg } from '../../../provider/gpgSession';
import { checkApt, publishApt, readAptManifest, unpublishApt } from '../../../provider/publish/apt';
import { openStore } from '../../../provider/store/open';
import { Store } from '../../../provider/store/store';
import { aptMachine } from '../../publishing/realClients';
import { debIn, readsAfterSwap, serve, settingsFor, snapshot, testSigner } from './bench';

const run = promisify(execFile);
const settings = settingsFor('packages/deb');
const date = new Date('2026-01-02T03:04:05Z');
const release = 'packages/deb/dists/stable';

/** Paragraphs as sorted fields, sorted. */
function paragraphs(text: string): string[][] {
  return text
    .split(/\n\n+/)
    .filter((one) => one.trim() !== '')
    .map((one) =>
      one
        .trimEnd()
        .split(/\n(?! )/)
        .sort(),
    )
    .sort();
}

describe('apt repository', function () {
  this.timeout(60_000);
  let folder: string;
  let bucket: string;
  let store: Store;
  let signer: Signer;
  const deb = (name: string, version: string, options: { content?: string; stack?: string } = {}) =>
    debIn(store, folder, { name, version, content: options.content }, options.stack);

  before(async () => {
    signer = await testSigner();
  });
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'apt-'));
    await fs.chmod(folder, 0o755);
    bucket = path.join(folder, 'bucket');
    store = openStore(bucket);
  });
  afterEach(() => fs.rm(folder, { recursive: true, force: true }));

  /** A machine that knows the ready `.sources` file and nothing else. */
  const client = async () =>
    aptMachine(folder, (await store.get('packages/deb/sample.sources'))?.body.toString() ?? '');

  it('writes nothing any more when it has failed: another may write next', async () => {
    const package1 = await deb('sample', '1.0.0');
    let writes = 0;
    const slow = Object.assign(Object.create(store) as Store, {
      copy: async (from: string, to: string) => {
        if (to === `${release}/main/binary-amd64/Packages`) throw new Error('no space');
        await new Promise((resolve) => setTimeout(resolve, 50));
        writes++;
        await store.copy(from, to);
      },
    });
    await assert.rejects(publishApt(slow, settings, [package1], signer, date), /no space/);
    const before = { writes, files: await snapshot(store) };
    assert.ok(writes > 3, 'the others were under way');
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual({ writes, files: await snapshot(store) }, before);

    await publishApt(store, settings, [package1], signer, date);
    const apt = await client();
    await apt.update();
    assert.deepEqual(await apt.download('sample'), ['sample-1.0.0-amd64.deb']);
  });

  it('serves apt by file and by HTTP from its .sources file alone, by hash', async () => {
    const server = await serve(bucket);
    try {
      for (const url of [undefined, server.url]) {
        store = openStore(bucket, url);
        await publishApt(store, settings, [await deb('sample', '1.0.0')], signer, date);
        const apt = await client();
        await apt.update();
        assert.deepEqual(await apt.download('sample'), ['sample-1.0.0-amd64.deb']);
        assert.deepEqual(await apt.download('sample-module'), ['sample-1.0.0-amd64.deb']);
      }
      assert.ok(server.requests.some((one) => one.includes('/binary-amd64/by-hash/SHA256/')));
      assert.ok(!server.requests.some((one) => /Packages/.test(one)));
    } finally {
      await server.close();
    }
  });

  it('keeps the first version when a second is published, and a client of the old index its files', async () => {
    const first = await deb('sample', '1.0.0');
    await publishApt(store, settings, [first], signer, date);
    const old = await client();
    await old.update();
    const rebuilt = await deb('sample', '1.0.0', { content: 'rebuilt' });
    await publishApt(store, settings, [rebuilt, await deb('sample', '1.1.0~rc1')], signer, date);
    assert.deepEqual(await old.download('sample'), ['sample-1.0.0-amd64.deb']);
    await old.update();
    assert.deepEqual(await old.download('sample'), ['sample-1.1.0-rc1-amd64.deb']);
    assert.deepEqual(await old.download('sample=1.0.0'), ['sample-1.0.0-amd64.deb']);
    assert.deepEqual(
      (await store.get(rebuilt.key))?.body,
      (await store.get('packages/deb/stable/sample-1.0.0-x86_64.deb'))?.body,
    );
    await assert.rejects(
      publishApt(store, settings, [first], signer, date, { immutable: true }),
      /sample-1\.0\.0-amd64\.deb is released with sha256 .* must not change/,
    );
  });

  it('moves the date of Release forward whatever date it is given', async () => {
    await publishApt(store, settings, [await deb('sample', '1.0.0')], signer, date);
    await publishApt(
      store,
      settings,
      [await deb('sample', '1.1.0')],
      signer,
      new Date('2020-01-01T00:00:00Z'),
    );
    const text = (await store.get(`${release}/Release`))?.body.toString() ?? '';
    assert.match(text, /^Date: Fri, 02 Jan 2026 03:04:06 UTC$/m);
  });

  it('says of its packages what apt-ftparchive says', async () => {
    const packages = [
      await deb('sample', '1.0.0'),
      await deb('sample-bpf', '1.0.0'),
      await deb('sample', '0.9.0'),
    ];
    await publishApt(store, settings, packages, signer, date);
    const none = ['MD5', 'SHA1', 'SHA512'].flatMap((name) => ['-o', `APT::FTPArchive::${name}=false`]);
    const { stdout } = await run('apt-ftparchive', [...none, 'packages', 'pool'], {
      cwd: path.join(bucket, 'packages/deb'),
    });
    const ours = (await store.get(`${release}/main/binary-amd64/Packages`))?.body.toString() ?? '';
    assert.deepEqual(paragraphs(ours), paragraphs(stdout));
    for (const [program, suffix] of [
      ['gzip', 'gz'],
      ['xz', 'xz'],
    ]) {
      const file = path.join(bucket, release, `main/binary-amd64/Packages.${suffix}`);
      assert.equal((await run(program, ['-dc', file])).stdout, ours);
    }
    assert.doesNotMatch(
      (await store.get(`${release}/Release`))?.body.toString() ?? '',
      /MD5Sum|SHA1|SHA512|Valid-Until/,
    );
  });

  it('writes nothing when nothing changes', async () => {
    const one = await deb('sample', '1.0.0');
    await publishApt(store, settings, [one], signer, date);
    const before = await snapshot(store);
    await publishApt(store, settings, [one], signer, new Date());
    assert.deepEqual(await snapshot(store), before);
  });

  it('does not read the manifest that it has just committed', async () => {
    const { watched, keys } = readsAfterSwap(store);
    await publishApt(watched, settings, [await deb('sample', '1.0.0')], signer, date);
    assert.ok(keys.includes(`${release}/InRelease`));
    assert.deepEqual(
      keys.filter((key) => key.includes('/by-hash/')),
      [],
    );
  });

  it('loses nothing of concurrent publishers', async () => {
    const packages = [];
    for (const name of ['a', 'b', 'c']) packages.push(await deb(name, '1.0.0', { stack: name }));
    await Promise.all(packages.map((one) => publishApt(openStore(bucket), settings, [one], signer, date)));
    const { entries } = await readAptManifest(store, settings);
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(await checkApt(store, settings, packages), []);
    const apt = await client();
    await apt.update();
    assert.deepEqual(await apt.download('a', 'b', 'c'), [
      'a-1.0.0-amd64.deb',
      'b-1.0.0-amd64.deb',
      'c-1.0.0-amd64.deb',
    ]);
  });

  it('finds and repairs damage', async () => {
    const one = await deb('sample', '1.0.0');
    await publishApt(store, settings, [one], signer, date);
    const whole = path.join(folder, 'whole');
    await fs.cp(bucket, whole, { recursive: true });
    const fresh = async () => {
      await fs.rm(bucket, { recursive: true });
      await fs.cp(whole, bucket, { recursive: true });
    };
    const manifest = (await store.get(`${release}/Release`))?.body
      .toString()
      .match(/([0-9a-f]{64}) +\d+ manifest/)?.[1];
    for (const key of await store.list('packages/deb/')) {
      // The state itself; its loss is an error.
      if (key.endsWith(`by-hash/SHA256/${manifest}`)) continue;
      await fresh();
      if (key.endsWith('.deb.asc')) await store.delete(key);
      else await store.put(key, Buffer.from('damaged'));
      assert.notDeepEqual(await checkApt(store, settings, [one]), [], key);
      await publishApt(store, settings, [one], signer, date);
      assert.deepEqual(await checkApt(store, settings, [one]), [], key);
    }
    await fresh();
    await store.delete(`${release}/InRelease`);
    await publishApt(store, settings, [one], signer, date);
    assert.deepEqual(await checkApt(store, settings, [one]), []);
  });

  it('names a blob that is lost with all its copies', async () => {
    const one = await deb('sample', '1.0.0');
    await publishApt(store, settings, [one], signer, date);
    const debs = (await store.list('packages/deb/')).filter((key) => key.endsWith('.deb'));
    for (const key of debs) await store.delete(key);
    await assert.rejects(
      publishApt(store, settings, [one], signer, date),
      /missing or damaged, and no copy is left: build sample-1\.0\.0/,
    );
  });

  it('removes superseded index files and replaced blobs after two generations and 24 hours, not before', async () => {
    const day = (n: number) => ({ now: new Date(Date.now() + n * 25 * 3600 * 1000) });
    const first = await deb('sample', '1.0.0');
    const hashed = async () => (await store.list(`${release}/by-hash/`)).length;
    await publishApt(store, settings, [first], signer, date);
    for (let i = 1; i <= 4; i++) {
      await publishApt(store, settings, [await deb('sample', '1.0.0', { content: `${i}` })], signer, date);
    }
    assert.equal(await hashed(), 5);
    assert.ok(await store.head(first.key));
    for (let i = 5; i <= 8; i++) {
      const next = await deb('sample', '1.0.0', { content: `${i}` });
      await publishApt(store, settings, [next], signer, date, day(i));
    }
    assert.equal(await hashed(), 3);
    assert.equal(await store.head(first.key), undefined);
    assert.equal((await store.list('packages/deb/pool/')).length, 3);
  });

  it('takes away what a stack published, and everything with the last one', async () => {
    const [a, b] = [await deb('a', '1.0.0', { stack: 'one' }), await deb('b', '1.0.0', { stack: 'two' })];
    await publishApt(store, settings, [a], signer, date);
    await publishApt(store, settings, [b], signer, date);
    await store.put('packages/deb-dev/other', Buffer.from('foreign'));
    await unpublishApt(store, settings, 'one', signer, date);
    assert.deepEqual(await checkApt(store, settings, [b]), []);
    assert.equal(await store.head(a.key), undefined);
    assert.equal(await store.head('packages/deb/stable/a-1.0.0-amd64.deb'), undefined);
    await unpublishApt(store, settings, 'two', signer, date);
    assert.deepEqual(await store.list('packages/deb/'), []);
    assert.ok(await store.head(settings.publicKey), 'the key, while something else is there');
  });

  it('takes nothing away where it never published, and leaves what others put beside it', async () => {
    const foreign = ['packages/deb/notes.txt', 'packages/deb/pool/readme'];
    for (const key of foreign) await store.put(key, Buffer.from('foreign'));
    const before = await snapshot(store);
    await unpublishApt(store, settings, 'local', signer, date);
    assert.deepEqual(await snapshot(store), before);
    await publishApt(store, settings, [await deb('sample', '1.0.0')], signer, date);
    await unpublishApt(store, settings, 'local', signer, date);
    assert.deepEqual(await store.list('packages/deb/'), foreign);
  });

  it('refuses a repository of other means, and an index that another key signed, before any write', async () => {
    const one = await deb('sample', '1.0.0');
    await store.put(`${release}/main/binary-amd64/Packages`, Buffer.from(''));
    await assert.rejects(
      publishApt(store, settings, [one], signer, date),
      /no manifest of ours.*npm run adopt/,
    );
    await store.delete(`${release}/main/binary-amd64/Packages`);
    await publishApt(store, settings, [one], signer, date);
    const home = path.join(folder, 'home');
    await createLocalKey({ home, uid: 'Other' });
    const other = await openSigner({ home, setting: 'x' });
    const before = await snapshot(store);
    const next = await deb('sample', '1.1.0');
    await assert.rejects(publishApt(store, settings, [next], other, date), /signed by none of our keys/);
    const after = await snapshot(store);
    delete after[next.key];
    assert.deepEqual(after, before);
    // The remedy that the message names.
    await runGpg(home, ['--import'], await signer.publicKey());
    const both = await openSigner({ home, key: other.fingerprint, setting: 'x' });
    await publishApt(store, settings, [one], both, date);
    assert.deepEqual(await checkApt(store, settings, [one], both), []);
  });

  it('never dates an index later than now, so that a real apt takes it after a wrong clock and quick publications', async () => {
    const dated = async () => {
      const text = (await store.get(`${release}/InRelease`))?.body.toString() ?? '';
      return Date.parse(/^Date: (.+)$/m.exec(text)?.[1] ?? '');
    };
    const hourAhead = new Date(Date.now() + 3600_000);
    await publishApt(store, settings, [await deb('a', '1.0.0')], signer, hourAhead);
    let before = await dated();
    assert.ok(before <= Date.now());
    for (const version of ['1.1.0', '1.2.0', '1.3.0']) {
      await publishApt(store, settings, [await deb('a', version)], signer, new Date());
      const now = await dated();
      assert.ok(now > before && now <= Date.now(), version);
      before = now;
    }
    const machine = await client();
    await machine.update();
    assert.equal(await machine.candidate('a'), '1.3.0');
  });
});
