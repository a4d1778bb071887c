import * as assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { openSigner } from '../../../provider/gpg';
import { expiryRemark, signingKey } from '../../../provider/resources/signingKey';

const DAY = 24 * 3600 * 1000;

describe('a key that expires', () => {
  const now = new Date('2026-01-02T03:04:05Z');
  const inDays = (days: number) => ({
    fingerprint: 'F'.repeat(40),
    uid: 'Release',
    expires: new Date(now.getTime() + days * DAY),
  });

  it('is no matter for more than 30 days, is warned of then, and stops the update in the last 7', () => {
    const remark = (days: number) => expiryRemark(inDays(days), 'falco:signingKey', now);
    assert.equal(expiryRemark({ fingerprint: '', uid: '' }, 'x', now), undefined);
    assert.equal(remark(31), undefined);
    assert.deepEqual(remark(29), {
      text: `the signing key ${'F'.repeat(40)} (Release) expires on 2026-01-31: extend it (gpg --quick-set-expire) and publish it, or set falco:signingKey to another one`,
      isFatal: false,
    });
    assert.equal(remark(8)?.isFatal, false);
    assert.equal(remark(7)?.isFatal, true);
    assert.equal(remark(-1)?.isFatal, true);
  });

  it('stops a preview before anything is touched, naming the setting', async () => {
    const home = await fs.mkdtemp(path.join(os.tmpdir(), 'key-'));
    try {
      await fs.chmod(home, 0o700);
      const args = ['--batch', '--passphrase', '', '--quick-generate-key', 'Short', 'rsa2048', 'sign', '5d'];
      execFileSync('gpg', ['--homedir', home, ...args], { stdio: 'ignore' });
      const inputs = {
        home,
        key: 'Short',
        localName: 'Local',
        setting: 'falco:signingKey',
        indexKeys: [],
        indexSetting: 'falco:indexKeys',
        publishedKeys: [],
        isPublic: false,
        signs: true,
      };
      await assert.rejects(signingKey.check?.(inputs, undefined) ?? Promise.resolve(), {
        property: 'key',
        message:
          /^the signing key [0-9A-F]{40} \(Short\) expires on \d{4}-\d\d-\d\d: extend it .* set falco:signingKey to another one$/,
      });
    } finally {
      execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']);
      await fs.rm(home, { recursive: true, force: true });
    }
  });

  it('need not be on the machine of a preview, which signs nothing, where its fingerprint names it', async () => {
    const inputs = {
      ...{ home: '/nowhere/gnupg', key: 'A'.repeat(40), localName: 'Local', setting: 'falco:signingKey' },
      ...{ indexKeys: [], indexSetting: 'falco:indexKeys', publishedKeys: [], isPublic: true },
    };
    const check = async (more: object) =>
      (await signingKey.check!({ ...inputs, signs: false, ...more }, undefined)) as unknown as {
        fingerprint?: string;
      };
    assert.equal((await check({})).fingerprint, 'A'.repeat(40));
    await assert.rejects(check({ signs: true }), /The key folder \/nowhere\/gnupg does not exist/);
    await assert.rejects(check({ key: 'Somebody' }), /The key folder \/nowhere\/gnupg does not exist/);
    await assert.rejects(check({ key: undefined }), /no key for releases is named; give its fingerprint/);
    const state = { ...inputs, signs: true, fingerprint: 'A'.repeat(40) };
    assert.deepEqual(
      await signingKey.read!(state),
      state,
      'a refresh without the folder says nothing of the key',
    );
  });

  it('ends with the subkey that signs, which is published with its key', async () => {
    const home = await fs.mkdtemp(path.join(os.tmpdir(), 'key-'));
    try {
      await fs.chmod(home, 0o700);
      const gpg = (...args: string[]) =>
        execFileSync('gpg', ['--homedir', home, '--batch', '--passphrase', '', ...args], { stdio: 'pipe' });
      gpg('--quick-generate-key', 'Sub', 'rsa2048', 'cert', 'never');
      const primary =
        /^fpr:+([0-9A-F]{40}):/m.exec(gpg('--with-colons', '--list-keys').toString())?.[1] ?? '';
      gpg('--quick-add-key', primary, 'rsa2048', 'sign', '3d');
      const subkey = [
        ...gpg('--with-colons', '--list-keys')
          .toString()
          .matchAll(/^fpr:+([0-9A-F]{40}):/gm),
      ][1][1];
      const signer = await openSigner({ home, setting: 'x', publishedKeys: [subkey] });
      const days = ((signer.expires?.getTime() ?? 0) - Date.now()) / 86_400_000;
      assert.ok(days > 2.9 && days <= 3, `${days}`);
      assert.deepEqual(signer.publishedKeys, [primary]);
      assert.equal(await signer.primaryOf(subkey), primary);
    } finally {
      execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']);
      await fs.rm(home, { recursive: true, force: true });
    }
  });
});
