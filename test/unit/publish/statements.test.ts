/** Documents beside packages, in every kind of repository. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { Signer } from '../../../provider/gpg';
import { clearText, isSignedBy } from '../../../provider/gpgVerify';
import { publishDownloads } from '../../../provider/publish/downloads';
import { KINDS } from '../../../provider/publish/kinds';
import { PublishedPackage } from '../../../provider/publish/published';
import { openStore } from '../../../provider/store/open';
import { Body, Store } from '../../../provider/store/store';
import { REPOSITORIES, RepositoryName, statementsIn, repositoryNamed } from '../../publishing/repositories';
import { snapshot, testSigner } from './bench';

const HOUR = 3600 * 1000;
const DATE = new Date('2026-01-02T03:04:05Z');

describe('documents beside a package', function () {
  this.timeout(120_000);
  let work: string;
  let store: Store;
  let signer: Signer;

  before(async () => {
    signer = await testSigner();
  });
  beforeEach(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'statements-'));
    store = openStore(path.join(work, 'bucket'), 'https://packages.example.org');
  });
  afterEach(() => fs.rm(work, { recursive: true, force: true }));

  const of = (name: RepositoryName) => repositoryNamed(name, signer);
  const build = (name: RepositoryName, version: string, content?: string) =>
    of(name).build(store, work, { name: 'sample', version, ...(content !== undefined && { content }) });
  /** Every plain name of documents, without what stands before it. */
  const documents = async (name: RepositoryName) =>
    (await store.list(`${of(name).settings.prefix}/`)).filter(
      (key) => /\.(spdx|provenance)\.json$/.test(key) && !key.includes('/pool/'),
    );
  const without = ({ statements, ...one }: PublishedPackage): PublishedPackage => {
    void statements;
    return one;
  };

  for (const name of REPOSITORIES) {
    it(`${name}: lie there under each of its names, signed, and before the package does`, async () => {
      const one = await build(name, '1.0.0');
      const written: string[] = [];
      const watched = Object.assign(Object.create(store) as Store, {
        put(key: string, body: Body) {
          written.push(key);
          return store.put(key, body);
        },
        copy(from: string, to: string) {
          written.push(to);
          return store.copy(from, to);
        },
      });
      await of(name).publish(watched, [one]);
      const found = await documents(name);
      const names = [one.fileName, ...one.aliases, ...one.latestAliases];
      assert.deepEqual(
        found.map((key) => key.replace(/^.*\//, '')),
        names.flatMap((plain) => [`${plain}.provenance.json`, `${plain}.spdx.json`]).sort(),
      );
      const keyring = await signer.keyring();
      for (const key of found) {
        const [body, signature] = [(await store.get(key))!.body, (await store.get(`${key}.asc`))!.body];
        assert.equal(await isSignedBy(body, signature, keyring), true);
        const document = key.endsWith('.spdx.json') ? 'spdx.json' : 'provenance.json';
        assert.equal(body.toString(), `${document} told of ${one.sha256}\n`);
        const packaged = written.indexOf(key.slice(0, -`.${document}`.length));
        assert.ok(written.indexOf(`${key}.asc`) < written.indexOf(key), `${key}: signature first`);
        assert.ok(packaged !== -1 && written.indexOf(key) < packaged, `${key} before its package`);
      }
      assert.deepEqual(await of(name).check(store, [one]), []);
      const before = await snapshot(store);
      await of(name).publish(store, [one]);
      assert.deepEqual(await snapshot(store), before, 'nothing is written where nothing changes');
    });

    it(`${name}: are found edited, unsigned or gone, and mended`, async () => {
      const one = await build(name, '1.0.0');
      await of(name).publish(store, [one]);
      const all = await documents(name);
      const [provenance = '', sbom = ''] = all;
      const size = (await store.head(sbom))!.size;
      await store.put(sbom, Buffer.alloc(size, 'x'));
      await store.delete(provenance);
      await store.put(`${provenance}.asc`, await signer.detach(Buffer.from('another')));
      const fileName = sbom.replace(/^.*\//, '').replace(/\.spdx\.json$/, '');
      assert.deepEqual((await of(name).check(store, [one])).sort(), [
        `${provenance} is missing or damaged`,
        `${provenance}.asc is not a signature of ${one.fileName}.provenance.json by a published key`,
        `${sbom} is missing or damaged`,
      ]);
      assert.ok([one.fileName, ...one.aliases, ...one.latestAliases].includes(fileName));
      await of(name).publish(store, [one]);
      assert.deepEqual(await of(name).check(store, [one]), []);
      assert.deepEqual(await documents(name), all);
    });

    it(`${name}: come to a package that was published before there were any, and nothing else changes`, async () => {
      const one = await build(name, '1.0.0');
      await of(name).publish(store, [without(one)]);
      assert.deepEqual(await documents(name), []);
      assert.deepEqual(await of(name).check(store, [without(one)]), []);
      const { published } = (await KINDS[name].read(store, of(name).settings)).entries[0] as unknown as {
        published: string;
      };
      await of(name).publish(store, [one]);
      assert.equal((await documents(name)).length, 6);
      assert.deepEqual(await of(name).check(store, [one]), []);
      const [entry] = (await KINDS[name].read(store, of(name).settings)).entries;
      assert.equal((entry as unknown as { published: string }).published, published);
    });

    it(`${name}: that are out stay as long as the package's bytes do, and change with them`, async () => {
      const one = await build(name, '1.0.0');
      await of(name).publish(store, [one]);
      const before = await snapshot(store);
      const later = await statementsIn(store, of(name).settings.prefix, one.fileName, 'of a later build\n');
      await of(name).publish(store, [{ ...one, statements: later }]);
      await of(name).publish(store, [without(one)]);
      const after = await snapshot(store);
      for (const { built = '' } of later) delete after[built];
      assert.deepEqual(after, before);
      const rebuilt = await build(name, '1.0.0', 'rebuilt');
      await of(name).publish(store, [rebuilt]);
      for (const key of await documents(name))
        assert.match((await store.get(key))!.body.toString(), new RegExp(` told of ${rebuilt.sha256}\n$`));
    });

    it(`${name}: go with their package, after the same time`, async () => {
      const [old, next] = [await build(name, '1.0.0'), await build(name, '1.1.0')];
      await of(name).publish(store, [old]);
      const policy = { stack: 'local', keep: 1, current: '1.1.0' };
      const publish = (hours: number, packages: PublishedPackage[]) =>
        KINDS[name].publish(store, of(name).settings, packages, signer, DATE, {
          ...{ policy, immutable: false, repair: false, now: new Date(Date.now() + hours * HOUR) },
        });
      await publish(0, [next]);
      assert.ok(await store.head(old.statements![0].key), 'a client may still ask for it');
      for (const [hours, version] of [
        [25, '1.2.0'],
        [50, '1.3.0'],
        [75, '1.4.0'],
      ] as const)
        await publish(hours, [await build(name, version)]);
      const left = (await store.list(`${of(name).settings.prefix}/`)).filter((key) => key.includes('1.0.0'));
      assert.deepEqual(left, []);
    });
  }

  it('give way to those of the build of today where no copy of them is left', async () => {
    const one = await build('downloads', '1.0.0');
    await of('downloads').publish(store, [one]);
    const { prefix } = of('downloads').settings;
    const now = { ...one, statements: await statementsIn(store, prefix, one.fileName, 'of a later build\n') };
    const built = now.statements.map((statement) => statement.built);
    for (const key of await store.list(''))
      if (/provenance\.json$/.test(key) && !built.includes(key)) await store.delete(key);
    assert.notDeepEqual(await of('downloads').check(store, [now]), []);
    await of('downloads').publish(store, [now]);
    assert.deepEqual(await of('downloads').check(store, [now]), []);
    const found = await store.get(`${prefix}/${one.fileName}.provenance.json`);
    assert.match(found?.body.toString() ?? '', /of a later build/);
  });

  it('stand in the list of sums and on the page of the downloads', async () => {
    const one = await build('downloads', '1.0.0');
    await publishDownloads(store, of('downloads').settings, [one], signer, DATE);
    const sums = clearText((await store.get('packages/bin/SHA256SUMS.asc'))!.body)!;
    for (const { document, sha256 } of one.statements!)
      for (const plain of [one.fileName, ...one.aliases, ...one.latestAliases])
        assert.ok(sums.includes(`${sha256}  ${plain}.${document}\n`));
    const page = (await store.get('packages/bin/index.html'))!.body.toString();
    assert.ok(page.includes(`<a href="${one.fileName}.spdx.json">what is in it</a>`));
    assert.ok(page.includes(`<a href="${one.fileName}.provenance.json">how it was made</a>`));
  });

  it('of a withdrawn release stay under its own names, and leave the unversioned ones', async () => {
    const [old, bad] = [await build('downloads', '1.0.0'), await build('downloads', '1.1.0')];
    await of('downloads').publish(store, [old, bad]);
    const unversioned = `packages/bin/${old.latestAliases[0]}.spdx.json`;
    const text = async (key: string) => (await store.get(key))?.body.toString();
    assert.equal(await text(unversioned), `spdx.json told of ${bad.sha256}\n`);
    await publishDownloads(store, of('downloads').settings, [bad], signer, DATE, {
      policy: { stack: 'local', withdrawn: ['1.1.0'] },
    });
    assert.equal(await text(unversioned), `spdx.json told of ${old.sha256}\n`);
    assert.equal(await text(`packages/bin/${bad.fileName}.spdx.json`), `spdx.json told of ${bad.sha256}\n`);
  });
});
