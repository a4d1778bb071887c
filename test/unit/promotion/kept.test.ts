import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { createLocalKey, openSigner, Signer } from '../../../provider/gpg';
import { keepRecord, keptRecord } from '../../../provider/promotion/kept';
import { pinOf, ReleaseRecord } from '../../../provider/promotion/record';
import { promotion } from '../../../provider/resources/promotion';
import { recordFile } from '../../../provider/resources/recordFile';
import { openStore } from '../../../provider/store/open';
import { cosignFingerprint, cosignKey, STATEMENTS } from './sampleRecord';

const RECORDS = 'build/staging/record';
const PUBLIC_KEY = 'packages/key.asc';

describe('the record that a stack keeps of each release', function () {
  this.timeout(60_000);
  let folder: string;
  let bucket: string;
  let signer: Signer;
  let other: Signer;

  const make = async (name: string) => {
    const home = path.join(folder, name);
    const { fingerprint } = await createLocalKey({ home, uid: name });
    return openSigner({ home, key: fingerprint, setting: 'the test' });
  };
  const recordOf = (version: string, sha256 = '1'.repeat(64)): ReleaseRecord => ({
    format: 1,
    version,
    commit: 'abc',
    epoch: 1589302426,
    bucket,
    records: RECORDS,
    publicKey: PUBLIC_KEY,
    signingKey: signer.fingerprint,
    cosignKey,
    packages: {
      deb: {
        fileName: 'a.deb',
        key: 'pool/a.deb',
        plain: 'a.deb',
        sha256,
        size: 1,
        identity: '',
        proved: sha256,
        statements: STATEMENTS,
      },
    },
    images: {},
    systems: {},
    gates: { deb: [sha256] },
  });
  const signing = () => ({ home: signer.home, fingerprint: signer.fingerprint, setting: 'the test' });
  const inputsOf = (record: ReleaseRecord) => ({ bucket, prefix: RECORDS, record, signing: signing() });

  before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'kept-'));
    bucket = path.join(folder, 'bucket');
    [signer, other] = [await make('ours'), await make('others')];
    const keys = Buffer.concat([await signer.publicKey(), await other.publicKey()]);
    await openStore(bucket).put(PUBLIC_KEY, keys);
  });
  after(() => fs.rm(folder, { recursive: true }));

  it('is one file for each version, signed, and the same text for the same values', async () => {
    for (const version of ['1.0.0', '1.1.0']) await recordFile.create(inputsOf(recordOf(version)));
    const store = openStore(bucket);
    assert.deepEqual(await store.list(`${RECORDS}/`), [
      `${RECORDS}/1.0.0.json.asc`,
      `${RECORDS}/1.1.0.json.asc`,
    ]);
    const kept = await keptRecord(store, RECORDS, '1.0.0', PUBLIC_KEY);
    assert.deepEqual(kept, { record: recordOf('1.0.0'), signers: [signer.fingerprint] });
    assert.equal(await keptRecord(store, RECORDS, '2.0.0', PUBLIC_KEY), undefined);
    const { images, ...rest } = recordOf('1.0.0');
    const textOf = async (record: ReleaseRecord) => {
      await keepRecord(store, 'other', record, signer);
      const body = (await store.get(`other/${record.version}.json.asc`))?.body.toString() ?? '';
      return body.slice(0, body.indexOf('-----BEGIN PGP SIGNATURE'));
    };
    assert.equal(await textOf({ images, ...rest }), await textOf({ ...rest, images }));
  });

  it('is written again where it is gone, edited or signed by another', async () => {
    const store = openStore(bucket);
    const state = inputsOf(recordOf('1.1.0'));
    const key = `${RECORDS}/1.1.0.json.asc`;
    const read = async () => (await recordFile.read!(state)) !== undefined;
    assert.equal(await read(), true);
    const good = (await store.get(key))?.body ?? Buffer.alloc(0);
    await store.put(key, Buffer.from(good.toString().replace('abc', 'abd')));
    assert.equal(await read(), false, 'edited');
    await keepRecord(store, RECORDS, state.record, other);
    assert.equal(await read(), false, 'of another key');
    await store.delete(key);
    assert.equal(await read(), false, 'gone');
    await recordFile.create(state);
    assert.equal(await read(), true);
  });

  it('is what the signature is of, wherever another reader might see the text', async () => {
    const store = openStore(bucket);
    await keepRecord(store, 'forged', recordOf('1.0.0'), signer);
    const key = 'forged/1.0.0.json.asc';
    const good = (await store.get(key))?.body.toString() ?? '';
    const evil = '\n\n{"evil":1}\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n';
    const forged = {
      'blanks in place of the empty line': good.replace('\n\n', '\n \n') + evil,
      'a blank behind the line that begins the signature':
        good.replace('BEGIN PGP SIGNATURE-----\n', 'BEGIN PGP SIGNATURE----- \n') + evil,
      both: good.replace('\n\n', '\n \n').replace('SIGNATURE-----\n', 'SIGNATURE----- \n') + evil,
      'a second document behind it': good + evil,
    };
    for (const [how, text] of Object.entries(forged)) {
      await store.put(key, Buffer.from(text));
      assert.equal(await keptRecord(store, 'forged', '1.0.0', PUBLIC_KEY), undefined, how);
    }
    await store.delete(key);
  });

  it('is what is promoted when the stack has published another release since', async () => {
    const place = { bucket: path.join(folder, 'prod'), channel: 'release', stack: 'prod' };
    const key = {
      expectedKey: signer.fingerprint,
      expectedCosignKey: cosignFingerprint,
      namespace: 'sample',
    };
    const agreed = recordOf('1.0.0');
    const newest = recordOf('1.1.0', '2'.repeat(64));
    const inputs = { from: 'staging', record: newest, pinned: pinOf(agreed), floors: [], ...key, ...place };
    const check = (more: object = {}) => promotion.check!({ ...inputs, ...more }, undefined);
    assert.deepEqual(await check(), { ...inputs, record: agreed });

    const changed = { ...pinOf(agreed), packages: { deb: '3'.repeat(64) } };
    await assert.rejects(check({ pinned: changed }), {
      message: /^sample:release: .* package deb is 1{64}, agreed was 3{64}/,
    });
    await assert.rejects(check({ pinned: { ...pinOf(agreed), version: '0.9.0' } }), {
      message: /^sample:release: .* version is 1\.1\.0, agreed was 0\.9\.0/,
    });
  });

  it('is refused where the expected key did not sign it', async () => {
    await keepRecord(openStore(bucket), RECORDS, recordOf('1.0.0'), other);
    const place = { bucket: path.join(folder, 'prod'), channel: 'release', stack: 'prod' };
    const key = {
      expectedKey: signer.fingerprint,
      expectedCosignKey: cosignFingerprint,
      namespace: 'sample',
    };
    const pinned = pinOf(recordOf('1.0.0'));
    const inputs = { from: 'staging', record: recordOf('1.1.0'), pinned, floors: [], ...key, ...place };
    await assert.rejects(promotion.check!(inputs, undefined), {
      message: new RegExp(
        `^sample:expectedKey: the record of 1\\.0\\.0 that the stack staging has kept is not signed by ${signer.fingerprint}`,
      ),
    });
  });

  it('goes with the stack', async () => {
    await recordFile.delete(inputsOf(recordOf('1.1.0')));
    assert.deepEqual(await openStore(bucket).list(`${RECORDS}/`), []);
  });
});
