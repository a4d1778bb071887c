import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { readOptions } from '../../../../cli/options';
import { compare, comparison, unlikeRecord, zlibNote } from '../../../../cli/verify/compare';
import { settledKeys, verifyWork } from '../../../../cli/verify/command';
import { openPlace, Place, readAt } from '../../../../cli/verify/place';
import { releaseRecord } from '../../../../cli/verify/release';
import { refuseOthers, settledSources, sourcesOf } from '../../../../cli/verify/sources';
import { catalog } from '../../../../catalog';
import { publicNames } from '../../../../names';
import { createLocalKey, openSigner, Signer } from '../../../../provider/gpg';
import { keepRecord } from '../../../../provider/promotion/kept';
import type { ReleaseRecord } from '../../../../provider/promotion/record';
import { openStore } from '../../../../provider/store/open';
import { hashFile } from '../../../../provider/source/files';
import { Store } from '../../../../provider/store/store';
import { Front, startFront } from '../../../publishing/front';

const { publicKey } = publicNames(catalog.product);
const hex = (digit: string) => digit.repeat(64);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('the record of a release that is verified', function () {
  this.timeout(60_000);
  let folder: string;
  let store: Store;
  let place: Place;
  let front: Front;
  let signer: Signer;
  let stranger: Signer;

  const make = async (name: string) => {
    const home = path.join(folder, name);
    const { fingerprint } = await createLocalKey({ home, uid: name });
    return openSigner({ home, key: fingerprint, setting: 'the test' });
  };
  const recordOf = (version: string): ReleaseRecord => ({
    format: 1,
    version,
    commit: 'abc',
    epoch: 1589302426,
    build: { source: '', extra: {}, libraries: 'distribution', cmakeArgs: [], inputs: {} },
    bucket: '/bucket',
    records: 'build/staging/record',
    publicKey,
    signingKey: signer.fingerprint,
    packages: {
      deb: {
        fileName: 'a.deb',
        key: 'packages/deb/pool/a.deb',
        plain: 'packages/deb/a.deb',
        sha256: sha256('a deb'),
        size: 5,
        identity: '',
        proved: sha256('a deb'),
      },
      rpm: {
        fileName: 'a.rpm',
        key: 'packages/rpm/pool/a.rpm',
        plain: 'packages/rpm/a.rpm',
        sha256: sha256('an rpm'),
        size: 6,
        identity: `${hex('1')}:${hex('2')}`,
        proved: sha256('an rpm'),
      },
    },
    images: { sample: { repository: 'registry/sample', digest: `sha256:${hex('3')}` } },
    systems: {},
    gates: {},
  });
  const keep = (version: string, by = signer, stack = 'staging') =>
    keepRecord(store, `build/${stack}/record`, recordOf(version), by);
  const refused = (wanted: object, message: RegExp, from = place) =>
    assert.rejects(releaseRecord(from, wanted), { message });

  before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'verify-'));
    const bucket = path.join(folder, 'bucket');
    store = openStore(bucket);
    place = openPlace(bucket);
    front = await startFront(() => bucket);
    [signer, stranger] = [await make('ours'), await make('others')];
    await store.put(publicKey, await signer.publicKey());
    await store.put('packages/deb/a.deb', Buffer.from('a deb'));
    for (const version of ['0.9.0', '0.10.0', '0.2.0']) await keep(version);
  });
  after(async () => {
    await front?.close();
    await fs.rm(folder, { recursive: true });
  });

  it('is the newest one that the stack has signed, or the one that is asked for', async () => {
    assert.deepEqual(await releaseRecord(place, {}), recordOf('0.10.0'));
    assert.deepEqual(await releaseRecord(place, { stack: 'staging', version: '0.9.0' }), recordOf('0.9.0'));
    assert.deepEqual(
      await releaseRecord(place, { keys: ['F'.repeat(40), signer.fingerprint] }),
      recordOf('0.10.0'),
    );
  });

  it('is read over HTTP too, where nothing can be listed', async () => {
    const web = openPlace(front.url);
    assert.deepEqual(await releaseRecord(web, { stack: 'staging', version: '0.9.0' }), recordOf('0.9.0'));
    await refused(
      { version: '0.9.0' },
      /cannot be listed; say which release with --stack and --version/,
      web,
    );
    await refused({ stack: 'prod', version: '0.9.0' }, /there is no record of 0\.9\.0 at http/, web);
    assert.equal(await readAt(web, 'packages/deb/a.deb', hashFile), sha256('a deb'));
    assert.equal(await readAt(web, 'packages/deb/b.deb', hashFile), undefined);
  });

  it('is refused where it is not there, edited, of a key that is not published, or not the one that is expected', async () => {
    await refused({ version: '7.0.0' }, /has no record of 7\.0\.0 \(build\/STACK\/record/);
    await refused({ stack: 'prod' }, /has no record of a release of the stack prod \(build/);
    await refused(
      { keys: ['F'.repeat(40)] },
      new RegExp(`is signed by ${signer.fingerprint}, expected was F{40}: do not trust this release`),
    );
    const key = 'build/staging/record/0.2.0.json.asc';
    const good = (await store.get(key))?.body.toString() ?? '';
    await store.put(key, Buffer.from(good.replace(hex('3'), hex('4'))));
    await refused(
      { version: '0.2.0' },
      /0\.2\.0\.json\.asc is not signed by a key of .*or was edited afterwards/,
    );
    await keep('0.2.0', stranger);
    await refused({ version: '0.2.0' }, /is not signed by a key of/);
    await store.put(key, Buffer.from((await store.get('build/staging/record/0.9.0.json.asc'))?.body ?? ''));
    await refused({ version: '0.2.0' }, /is the record of 0\.9\.0: do not trust this release/);
    await keep('0.2.0');
  });

  it('asks for the stack where several have published to one bucket', async () => {
    await keep('0.3.0', signer, 'other');
    await refused({}, /has releases of other and staging; name one with --stack/);
    assert.equal((await releaseRecord(place, { stack: 'other' })).version, '0.3.0');
    await store.delete('build/other/record/0.3.0.json.asc');
  });

  it('is held against what is published', () => {
    const record = recordOf('0.9.0');
    const identity = `${hex('1')}:${hex('2')}`;
    const there = {
      deb: { sha256: sha256('a deb'), identity: '' },
      rpm: { sha256: sha256('an rpm'), identity },
    };
    const images = { sample: `sha256:${hex('3')}` };
    assert.deepEqual(unlikeRecord(record, { packages: there, images }), []);
    assert.deepEqual(
      unlikeRecord(record, {
        packages: { deb: { sha256: sha256('x'), identity: '' } },
        images: { sample: 'sha256:y' },
      }),
      [
        `a.deb is ${sha256('x')}, the record says ${sha256('a deb')}`,
        `a.rpm is not there, the record says ${sha256('an rpm')}`,
        `registry/sample:0.9.0 is sha256:y, the record says sha256:${hex('3')}`,
      ],
    );
  });

  it('has to name the header and payload that the published rpm has', () => {
    const record = recordOf('0.9.0');
    const packages = {
      deb: { sha256: sha256('a deb'), identity: '' },
      rpm: { sha256: sha256('an rpm'), identity: `${hex('1')}:${hex('9')}` },
    };
    assert.deepEqual(unlikeRecord(record, { packages, images: { sample: `sha256:${hex('3')}` } }), [
      `a.rpm (header:payload) is ${hex('1')}:${hex('9')}, the record says ${hex('1')}:${hex('2')}`,
    ]);
  });

  it('names its sources by commit, those of a folder by the settings of the stack, or not at all', () => {
    const build = { source: 'https://git.example.org/a#1.0', extra: { libs: 'https://git.example.org/b#2' } };
    const inputs = { source: hex('1'), libs: hex('2'), patches: hex('3') };
    const record = { ...recordOf('0.9.0'), build: { ...build, libraries: 'bundled', cmakeArgs: [], inputs } };
    const settled = settledSources({ 'falco:source': 'somewhere', 'falco:patches': 'patches' }, '/project');
    const sources = sourcesOf(record, settled);
    assert.deepEqual(sources, {
      source: 'https://git.example.org/a#abc',
      libs: 'https://git.example.org/b#2',
      patches: '/project/patches',
    });
    assert.throws(() => sourcesOf(record, {}), {
      message:
        /^npm run verify: 0\.9\.0 was made of a folder or file \(patches\), which its record does not name/,
    });
    assert.throws(() => sourcesOf(record, {}, 'staging'), {
      message:
        /does not name; it was taken over from the stack staging: npm run verify -- staging --version 0\.9\.0\. What/,
    });
    refuseOthers(record, inputs, sources);
    assert.throws(() => refuseOthers(record, { ...inputs, libs: hex('4') }, sources), {
      message: new RegExp(
        `example\\.org/b#2 \\(libs\\) is not what the release was made of: its archive has SHA-256 4{64}, the record says 2{64}`,
      ),
    });
  });

  it('that was compressed by another zlib says so, where it differs', () => {
    const record = { ...recordOf('0.9.0'), zlib: ['1.3.0.1-motley'] };
    assert.equal(zlibNote(record, '1.3.0.1-motley'), undefined);
    assert.equal(zlibNote(recordOf('0.9.0'), '1.3.1'), undefined, 'of before this was recorded');
    assert.match(
      zlibNote(record, '1.3.1')!,
      /compressed by zlib 1\.3\.0\.1-motley, those made again by 1\.3\.1:/,
    );
  });

  it('is the same as a rebuild of equal bytes, of an rpm of equal header and payload', () => {
    const record = recordOf('0.9.0');
    const same = {
      packages: {
        deb: { key: '', sha256: sha256('a deb'), identity: '' },
        rpm: { key: '', sha256: 'another signature', identity: `${hex('1')}:${hex('2')}` },
      },
      images: { sample: `registry/sample@sha256:${hex('3')}` },
    };
    assert.deepEqual(
      compare(record, same).map(({ isEqual }) => isEqual),
      [true, true, true],
    );
    const sources = { source: 'https://git.example.org/a#abc', libs: 'https://git.example.org/b#2' };
    const said = comparison('Sample', record, compare(record, same), sources);
    assert.match(
      said,
      /^source: https:\/\/git\.example\.org\/a#abc\nlibs: https:\/\/git\.example\.org\/b#2\n\n/m,
    );
    assert.match(said, /^All 3 artifacts are the same$/m);
    const other = { packages: { deb: { key: '', sha256: hex('9'), identity: '' } }, images: {} };
    const text = comparison('Sample', record, compare(record, other));
    assert.match(text, /^ {2}a\.deb +[0-9a-f]{16} +9{16} +NO$/m);
    assert.match(text, /^3 of 3 artifacts are NOT the same: a\.deb, a\.rpm, image sample$/m);
  });
});

describe('npm run verify', () => {
  const root = path.resolve(__dirname, '../../../..');
  const ask =
    (...args: string[]) =>
    () =>
      verifyWork(root, readOptions('verify', args));

  it("expects the keys that the stack's settings name, as people write them, and none that is named otherwise", () => {
    const [one, two] = ['a1'.repeat(20), 'B2'.repeat(20)];
    const spaced = two.replace(/(.{4})/g, '$1 ').trim();
    const keys = settledKeys({
      'falco:signingKey': `0x${one}`,
      'falco:indexKeys': [spaced],
      'falco:publishedKeys': [],
    });
    assert.deepEqual(keys, [one.toUpperCase(), two]);
    assert.deepEqual(settledKeys({ 'falco:signingKey': spaced }), [two]);
    assert.equal(
      settledKeys({ 'falco:signingKey': 'release@example.org', 'falco:indexKeys': [two] }),
      undefined,
    );
    assert.equal(settledKeys({}), undefined);
  });

  it('asks for one release', () => {
    assert.throws(ask(), { message: /^npm run verify: name one release: its stack, or the URL/ });
    assert.throws(ask('local', 'prod'), { message: /name one release/ });
    assert.throws(ask('local', '--stack', 'prod'), { message: /^--stack: is for a URL/ });
    assert.throws(ask('local', '--key', 'abc'), { message: /^--key: "abc" is no fingerprint/ });
    assert.throws(ask('local', '--version', '1.2'), { message: /^--version: "1\.2" is no version/ });
    assert.throws(ask('infra'), { message: /the stack infra publishes nothing/ });
  });
});
