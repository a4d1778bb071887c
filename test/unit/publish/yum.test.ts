import * as assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { signRpm, Signer } from '../../../provider/gpg';
import { checkYum, publishYum, readYumManifest, unpublishYum } from '../../../provider/publish/yum';
import { openStore } from '../../../provider/store/open';
import { Store } from '../../../provider/store/store';
import { dnfMachine } from '../../publishing/realClients';
import { parseXml, plain } from '../formats/xmlTree';
import { rpmIn, serve, settingsFor, snapshot, testSigner } from './bench';

const run = promisify(execFile);
const settings = settingsFor('packages/rpm');
const date = new Date('2026-01-02T03:04:05Z');

describe('yum repository', function () {
  this.timeout(60_000);
  let folder: string;
  let bucket: string;
  let store: Store;
  let signer: Signer;
  const rpm = (
    name: string,
    version: string,
    options: { content?: string; stack?: string; signed?: Date } = {},
  ) =>
    rpmIn(
      store,
      folder,
      { name, version, content: options.content },
      (file) => signRpm(file, signer, (options.signed ?? new Date()).getTime() / 1000),
      options.stack,
    );

  before(async () => {
    signer = await testSigner();
  });
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'yum-'));
    bucket = path.join(folder, 'bucket');
    store = openStore(bucket);
  });
  afterEach(() => fs.rm(folder, { recursive: true, force: true }));

  /** What dnf downloads on a machine that knows this `.repo` file and nothing else. */
  async function dnf(repo: string, ...packages: string[]): Promise<string> {
    const machine = await dnfMachine(folder, repo);
    await machine.update();
    return (await machine.download(...packages)).join(' ');
  }

  it('serves dnf by file and by HTTP with both signatures checked, through mirrorlist and baseurl', async () => {
    const server = await serve(bucket);
    try {
      for (const url of [undefined, server.url]) {
        store = openStore(bucket, url);
        await publishYum(store, settings, [await rpm('sample', '1.0.0')], signer, date);
        const repo = (await store.get('packages/rpm/sample.repo'))?.body.toString() ?? '';
        assert.match(repo, /^gpgcheck=1\nrepo_gpgcheck=1\n/m);
        assert.equal(await dnf(repo, 'sample'), 'sample-1.0.0-x86_64.rpm');
        const plainCopy = repo.replace(/^mirrorlist=.*$/m, `baseurl=${store.url}/packages/rpm`);
        assert.equal(await dnf(plainCopy, 'sample-module'), 'sample-1.0.0-x86_64.rpm');
      }
      assert.ok(server.requests.some((one) => one.startsWith('/packages/rpm/generations/')));
    } finally {
      await server.close();
    }
  });

  it('keeps the first version when a second is published, and a client of the old index its files', async () => {
    const first = await rpm('sample', '1.0.0');
    await publishYum(store, settings, [first], signer, date);
    const before = (await store.get('packages/rpm/mirrorlist'))?.body.toString().trim() ?? '';
    await publishYum(store, settings, [await rpm('sample', '1.1.0')], signer, date);
    const repo = (await store.get('packages/rpm/sample.repo'))?.body.toString() ?? '';
    assert.equal(await dnf(repo, 'sample-1.0.0'), 'sample-1.0.0-x86_64.rpm');
    assert.equal(await dnf(repo, 'sample'), 'sample-1.1.0-x86_64.rpm');
    assert.equal(
      await dnf(repo.replace(/^mirrorlist=.*$/m, `baseurl=${before}`), 'sample'),
      'sample-1.0.0-x86_64.rpm',
    );
    assert.deepEqual(await checkYum(store, settings, [first]), []);
  });

  it('says of its packages what createrepo_c says', async () => {
    const packages = [await rpm('sample', '1.0.0'), await rpm('sample-bpf', '1.0.0')];
    await publishYum(store, settings, packages, signer, date);
    const other = path.join(folder, 'other');
    for (const { key } of packages) {
      const at = path.join(other, key.replace('packages/rpm/', ''));
      await fs.mkdir(path.dirname(at), { recursive: true });
      await store.download(key, at);
      await fs.utimes(at, date, date);
    }
    await run('createrepo_c', ['--quiet', '--no-database', '--simple-md-filenames', other]);
    const keys = await store.list('packages/rpm/repodata/');
    for (const part of ['primary', 'filelists', 'other']) {
      const ours = await store.get(keys.find((key) => key.endsWith(`-${part}.xml.gz`)) ?? '');
      const theirs = gunzipSync(await fs.readFile(path.join(other, 'repodata', `${part}.xml.gz`))).toString();
      const sorted = (xml: string) => {
        const tree = parseXml(xml);
        tree.children.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
        return plain(tree);
      };
      assert.deepEqual(sorted(gunzipSync(ours?.body ?? Buffer.alloc(0)).toString()), sorted(theirs), part);
    }
  });

  it('writes nothing when nothing changes, nor for another signature of the same package', async () => {
    const one = await rpm('sample', '1.0.0');
    await publishYum(store, settings, [one], signer, date);
    const before = await snapshot(store);
    await publishYum(store, settings, [one], signer, new Date());
    assert.deepEqual(await snapshot(store), before);
    const again = await rpm('sample', '1.0.0', { signed: new Date(Date.now() + 86_400_000) });
    assert.notEqual(again.sha256, one.sha256);
    const manifest = await publishYum(store, settings, [again], signer, new Date());
    assert.equal(manifest.entries[0].sha256, one.sha256);
    const after = await snapshot(store);
    delete after[again.key];
    assert.deepEqual(after, before);
  });

  it('loses nothing of concurrent publishers', async () => {
    const packages = [];
    for (const name of ['a', 'b', 'c']) packages.push(await rpm(name, '1.0.0', { stack: name }));
    await Promise.all(packages.map((one) => publishYum(openStore(bucket), settings, [one], signer, date)));
    const { entries } = await readYumManifest(store, settings);
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(await checkYum(store, settings, packages), []);
  });

  it('finds and repairs damage', async () => {
    const one = await rpm('sample', '1.0.0');
    await publishYum(store, settings, [one], signer, date);
    const whole = path.join(folder, 'whole');
    await fs.cp(bucket, whole, { recursive: true });
    for (const key of await store.list('packages/rpm/')) {
      await fs.rm(bucket, { recursive: true });
      await fs.cp(whole, bucket, { recursive: true });
      if (key.endsWith('.rpm.asc')) await store.delete(key);
      else await store.put(key, Buffer.from('damaged'));
      assert.notDeepEqual(await checkYum(store, settings, [one]), [], key);
      await publishYum(store, settings, [one], signer, date);
      assert.deepEqual(await checkYum(store, settings, [one]), [], key);
    }
    await store.delete('packages/rpm/mirrorlist');
    await publishYum(store, settings, [one], signer, date);
    assert.deepEqual(await checkYum(store, settings, [one]), []);
  });

  it('takes away what a stack published, and everything with the last one', async () => {
    const [a, b] = [await rpm('a', '1.0.0', { stack: 'one' }), await rpm('b', '1.0.0', { stack: 'two' })];
    await publishYum(store, settings, [a], signer, date);
    await publishYum(store, settings, [b], signer, date);
    await unpublishYum(store, settings, 'one', signer, date);
    assert.deepEqual(await checkYum(store, settings, [b]), []);
    assert.equal(await store.head(a.key), undefined);
    assert.equal(await store.head('packages/rpm/a-1.0.0-x86_64.rpm'), undefined);
    await unpublishYum(store, settings, 'two', signer, date);
    assert.deepEqual(await store.list(''), []);
    await unpublishYum(store, settings, 'two', signer, date);
    assert.deepEqual(await fs.readdir(bucket), []);
  });

  it('refuses a repository that createrepo_c made, before any write', async () => {
    await fs.mkdir(path.join(bucket, 'packages/rpm'), { recursive: true });
    await run('createrepo_c', ['--quiet', path.join(bucket, 'packages/rpm')]);
    const one = await rpm('sample', '1.0.0');
    const before = await snapshot(store);
    await assert.rejects(
      publishYum(store, settings, [one], signer, date),
      /no manifest of ours.*npm run adopt/,
    );
    assert.deepEqual(await snapshot(store), before);
  });
});
