import * as assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { keysIn } from '../../../provider/gpgKeys';
import { detachedSignatures, textSignatures } from '../../../provider/gpgVerify';

const DAY = 24 * 3600 * 1000;

describe('public keys as others get them', () => {
  let home: string;
  const gpg = (args: string[], input = '') =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--passphrase', '', ...args], {
      input,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  const add = (name: string, usage: string, end: string) => {
    gpg(['--quick-generate-key', name, 'rsa2048', usage, end]);
    return /^fpr:+([0-9A-F]{40}):/m.exec(gpg(['--with-colons', '--list-keys', name]).toString())?.[1] ?? '';
  };
  const daysLeft = (date?: Date) => date && Math.round((date.getTime() - Date.now()) / DAY);

  beforeEach(async () => {
    home = await fs.mkdtemp(path.join(os.tmpdir(), 'keys-'));
    await fs.chmod(home, 0o700);
  });
  afterEach(async () => {
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']);
    await fs.rm(home, { recursive: true, force: true });
  });

  it('are read from several armored blocks, with the end of what signs', async () => {
    const lasting = add('Lasting', 'sign', 'never');
    const certifier = add('Certifier', 'cert', '40d');
    gpg(['--quick-add-key', certifier, 'rsa2048', 'sign', '10d']);
    gpg(['--quick-add-key', certifier, 'rsa2048', 'sign', '20d']);
    const file = Buffer.concat([lasting, certifier].map((key) => gpg(['--armor', '--export', key])));
    const keys = await keysIn(file);
    assert.deepEqual(
      keys.map(({ fingerprint, uid, expires, subkeys, isRevoked }) => ({
        fingerprint,
        uid,
        left: daysLeft(expires),
        subkeys: subkeys.length,
        isRevoked,
      })),
      [
        { fingerprint: lasting, uid: 'Lasting', left: undefined, subkeys: 0, isRevoked: false },
        { fingerprint: certifier, uid: 'Certifier', left: 20, subkeys: 2, isRevoked: false },
      ],
    );
    assert.deepEqual(await keysIn(gpg(['--export', lasting, certifier])), keys);
    assert.deepEqual(await keysIn(Buffer.from('no key')), []);
  });

  it('say that they are revoked', async () => {
    const key = add('Revoked', 'sign', 'never');
    const certificate = await fs.readFile(path.join(home, 'openpgp-revocs.d', `${key}.rev`), 'utf8');
    gpg(['--import'], certificate.replace(/^:/m, ''));
    assert.deepEqual(await keysIn(gpg(['--export', key])), [
      { fingerprint: key, subkeys: [], uid: 'Revoked', isRevoked: true },
    ]);
  });

  it('tell good signatures from bad ones and from those of others', async () => {
    const [own, other] = [add('Own', 'sign', 'never'), add('Other', 'sign', 'never')];
    const keyring = gpg(['--export', own]);
    const both = gpg(['--local-user', own, '--local-user', other, '--clear-sign'], 'text\n');
    assert.deepEqual(await textSignatures(both, keyring), { good: [own], unknown: [other], bad: [] });
    const edited = Buffer.from(both.toString().replace('text', 'test'));
    // gpgv stops at the first that is bad.
    const bad = [own.slice(-16)];
    assert.deepEqual(await textSignatures(edited, keyring), { good: [], unknown: [], bad });
    const detached = gpg(['--local-user', own, '--detach-sign'], 'text\n');
    assert.deepEqual(await detachedSignatures(Buffer.from('text\n'), detached, keyring), {
      good: [own],
      unknown: [],
      bad: [],
    });
    assert.deepEqual(await detachedSignatures(Buffer.from('text\n'), Buffer.from('none'), keyring), {
      good: [],
      unknown: [],
      bad: [],
    });
  });
});
