/** The key that signs images, as the provider looks for it, makes it and refuses it; and its published file. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { fingerprintOf, makeKey } from '../../../provider/attest/cosign';
import { warnBy } from '../../../provider/diagnostics';
import { cosignKey, CosignKeyInputs, privateKey } from '../../../provider/resources/cosignKey';
import { cosignKeyFile } from '../../../provider/resources/cosignKeyFile';
import { openStore } from '../../../provider/store/open';

describe('the key that signs images', () => {
  let work: string;
  let home: string;
  let named: string;
  let publicKey: string;
  const inputs = (more: Partial<CosignKeyInputs> = {}): CosignKeyInputs => ({
    ...{ home, setting: 'sample:cosignKey', isPublic: false, signs: true },
    ...more,
  });
  const check = async (more: Partial<CosignKeyInputs>, olds?: CosignKeyInputs) =>
    (await cosignKey.check!(inputs(more), olds)) as CosignKeyInputs;
  async function refused(more: Partial<CosignKeyInputs>, message: RegExp): Promise<void> {
    await assert.rejects(check(more), { message });
  }

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'cosign-key-'));
    home = path.join(work, 'gnupg');
    named = path.join(work, 'named.key');
    publicKey = await makeKey(path.join(work, 'named'), 'a password');
  });
  beforeEach(() => {
    process.env.COSIGN_PASSWORD = 'a password';
  });
  after(async () => {
    delete process.env.COSIGN_PASSWORD;
    await fs.rm(work, { recursive: true });
  });

  it('is made where none is named: for this machine, without a password, and once', async () => {
    const before = await check({});
    assert.deepEqual(before, inputs());
    const { id, outs } = await cosignKey.create(before);
    assert.equal(id, fingerprintOf(outs.publicKey));
    assert.deepEqual((await fs.readdir(home)).sort(), [
      'cosign-not-for-release.key',
      'cosign-not-for-release.pub',
    ]);
    assert.deepEqual(await check({}), { ...inputs(), ...outs });
    assert.deepEqual((await cosignKey.create(await check({}))).outs, outs);
    const state = { ...inputs(), ...outs };
    assert.deepEqual(cosignKey.diff(state, { ...state, signs: false }), { changes: [] });
  });

  it('is the one that is named, whose file a preview need not have', async () => {
    const found = { publicKey, fingerprint: fingerprintOf(publicKey) };
    assert.deepEqual(await check({ key: named }), { ...inputs({ key: named }), ...found });
    const away = path.join(work, 'away.key');
    await fs.copyFile(path.join(work, 'named.pub'), path.join(work, 'away.pub'));
    const preview = { key: away, signs: false };
    assert.deepEqual(await check(preview), { ...inputs(preview), ...found });
    const unknown = { key: path.join(work, 'unknown.key'), signs: false };
    assert.deepEqual(await check(unknown), inputs(unknown));
    const olds = { ...inputs(unknown), ...found };
    assert.deepEqual(await check(unknown, olds), olds, 'nothing says that it is another one');
    await refused(
      { key: away },
      /^sample:cosignKey: there is no \S+away\.key; put the encrypted private key/,
    );
  });

  it('may be in the environment, and one of a service is what cosign is asked for', async () => {
    process.env.SAMPLE_KEY = await fs.readFile(named, 'utf8');
    try {
      assert.equal((await check({ key: 'env://SAMPLE_KEY' })).publicKey, publicKey);
      assert.equal((await check({ key: 'env://SAMPLE_KEY', signs: false })).publicKey, undefined);
    } finally {
      delete process.env.SAMPLE_KEY;
    }
    assert.deepEqual(privateKey({ key: 'awskms:///alias/sample', home }), { key: 'awskms:///alias/sample' });
  });

  it('is refused with another password, without saying it, and with a public key of another one', async () => {
    process.env.COSIGN_PASSWORD = 'not the password';
    await refused(
      { key: named },
      /^sample:cosignKey: \S+named\.key: decrypt: (?!.*not the).*; name a key that is there, and give its password in COSIGN_PASSWORD$/,
    );
    process.env.COSIGN_PASSWORD = 'a password';
    const other = path.join(work, 'other.key');
    await makeKey(path.join(work, 'other'), 'a password');
    await fs.copyFile(path.join(work, 'named.pub'), path.join(work, 'other.pub'));
    await refused({ key: other }, /^sample:cosignKey: \S+other\.pub is not the public key of \S+other\.key/);
    await fs.writeFile(path.join(work, 'other.pub'), 'x\n');
    await refused({ key: other }, /^sample:cosignKey: \S+other\.pub is no public key in PEM form$/);
  });

  it('is refused where others would trust one of this machine', async () => {
    await refused(
      { isPublic: true },
      /^sample:cosignKey: the images would be public, and no key for releases is named/,
    );
    const local = path.join(home, 'cosign-not-for-release.key');
    for (const signs of [true, false])
      await refused(
        { isPublic: true, key: local, signs },
        /^sample:cosignKey: the key \S+ is for this machine only, and what it signs would be public/,
      );
    assert.equal((await check({ isPublic: true, key: named })).publicKey, publicKey);
  });

  it('that was made here is missed when it is gone, and kept where its folder is elsewhere', async () => {
    const own = inputs({ home: path.join(work, 'made') });
    const state = { ...own, ...(await cosignKey.create(own)).outs };
    assert.deepEqual(await cosignKey.read!(state), state);
    assert.deepEqual(cosignKey.inputs!(state), state);
    const file = path.join(own.home, 'cosign-not-for-release');
    await fs.rm(`${file}.pub`);
    assert.deepEqual(await cosignKey.read!(state), state, 'it opens without a password');
    await fs.rm(`${file}.key`);
    assert.equal(await cosignKey.read!(state), undefined);
    await fs.rm(own.home, { recursive: true });
    assert.deepEqual(await cosignKey.read!(state), state);
  });

  it('that is named is the one beside whose file another public key lies, without its password', async () => {
    delete process.env.COSIGN_PASSWORD;
    const prefix = path.join(work, 'read');
    await fs.copyFile(path.join(work, 'named.pub'), `${prefix}.pub`);
    const own = inputs({ key: `${prefix}.key` });
    const state = { ...own, publicKey, fingerprint: fingerprintOf(publicKey) };
    assert.deepEqual(await cosignKey.read!(state), state, 'the private key is where it signs');
    const other = await makeKey(path.join(work, 'read-other'), '');
    await fs.writeFile(`${prefix}.pub`, other);
    const found = { publicKey: other, fingerprint: fingerprintOf(other) };
    assert.deepEqual(await cosignKey.read!(state), { ...own, ...found });

    const said: string[] = [];
    warnBy((text) => (said.push(text), Promise.resolve()));
    try {
      await fs.writeFile(`${prefix}.pub`, 'x');
      assert.deepEqual(await cosignKey.read!(state), state);
      await fs.rm(`${prefix}.pub`);
      assert.deepEqual(await cosignKey.read!(state), state);
      await fs.copyFile(named, `${prefix}.key`);
      assert.deepEqual(await cosignKey.read!(state), state);
      const service = { ...state, key: 'awskms:///alias/sample' };
      assert.deepEqual(await cosignKey.read!(service), service);
    } finally {
      warnBy((text) => (process.stderr.write(`warning: ${text}\n`), Promise.resolve()));
    }
    assert.deepEqual(said, [
      `sample:cosignKey: ${prefix}.pub is no public key in PEM form`,
      `sample:cosignKey: there is neither ${prefix}.key nor ${prefix}.pub; put the key back, or name another one`,
    ]);
  });

  it('is published under a fixed name and under its fingerprint, which outlives it', async () => {
    const bucket = path.join(work, 'bucket');
    const store = openStore(bucket);
    const inputs = { bucket, file: 'packages/cosign/cosign.pub', publicKey };
    const state = { ...inputs, ...(await cosignKeyFile.create(inputs)).outs };
    assert.equal((await store.get(state.file))?.body.toString(), publicKey);
    assert.deepEqual(await cosignKeyFile.read!(state), state);
    await store.put(state.file, Buffer.from(`${publicKey}x`));
    assert.equal(await cosignKeyFile.read!(state), undefined, 'edited');
    const next = { ...inputs, publicKey: await makeKey(path.join(work, 'next'), '') };
    assert.deepEqual(cosignKeyFile.diff(state, next), { changes: ['publicKey'] });
    const after = { ...next, ...(await cosignKeyFile.update(state, next)) };
    const names = [publicKey, next.publicKey].map((key) => `packages/cosign/${fingerprintOf(key)}.pub`);
    assert.deepEqual(await store.list('packages/'), [...names, state.file].sort());
    await store.delete(names[1]);
    assert.equal(await cosignKeyFile.read!(after), undefined, 'gone');
    await cosignKeyFile.delete(after);
    assert.deepEqual(await store.list('packages/'), []);
  });

  it('stays published when the bucket is only spelled in another way, as do keys of others', async () => {
    const bucket = path.join(work, 'respelled');
    const store = openStore(bucket);
    const file = 'packages/cosign/cosign.pub';
    const state = { bucket: path.relative('', bucket), file, publicKey };
    const other = await makeKey(path.join(work, 'someone'), '');
    const others = `packages/cosign/${fingerprintOf(other)}.pub`;
    await store.put(others, Buffer.from(other));
    await cosignKeyFile.create(state);
    const all = await store.list('packages/');
    const news = { ...state, bucket };
    assert.deepEqual(cosignKeyFile.diff(state, news), { changes: ['bucket'] });
    // A state of before that its outputs were kept.
    const after = { ...news, ...(await cosignKeyFile.update(state, news)) };
    assert.deepEqual(await store.list('packages/'), all);
    await store.put(file, Buffer.from(other));
    await cosignKeyFile.delete(after);
    assert.deepEqual(await store.list('packages/'), [file, others].sort(), 'another stack has its own there');
    await store.put(file, Buffer.from(publicKey));
    await cosignKeyFile.delete(state);
    assert.deepEqual(await store.list('packages/'), [others]);
  });
});
