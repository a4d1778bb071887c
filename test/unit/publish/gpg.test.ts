import * as assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { readRpm, rpmDigests, SIGNATURE_TAG } from '../../../provider/formats/rpmHeader';
import { createLocalKey, openSigner, signRpm } from '../../../provider/gpg';
import { changeKeys, closeSessions } from '../../../provider/gpgSession';
import { clearText, isSignedBy, signersOf, verifiedText } from '../../../provider/gpgVerify';
import { plantKey } from '../../engine/plantedKey';
import { makeRpm } from './samples';

const run = promisify(execFile);
const setting = 'product:signingKey';

/** Processes of the gpg family whose command line names a path. */
async function agentsNaming(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await fs.readdir('/proc')) {
    const line = await fs.readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.startsWith('gpg-agent') && line.includes(text)) found.push(pid);
  }
  return found;
}

/** Our folders below /tmp whose entries point into a key folder; other tests have theirs. */
async function shortFolders(home: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await fs.readdir('/tmp')).filter((one) => /^gpg-\w{6}$/.test(one))) {
    const keys = path.join('/tmp', name, 'h', 'private-keys-v1.d');
    const target = await fs.readlink(keys).catch(() => '');
    if (target.startsWith(`${home}/`)) found.push(name);
  }
  return found;
}

describe('gpg', function () {
  this.timeout(30_000);
  let root: string;
  let home: string;
  let fingerprint: string;

  before(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), 'keys-'));
    // Deeper than a unix socket's path may be.
    home = path.join(root, 'deep'.repeat(20), 'deeper'.repeat(10), 'home');
    ({ fingerprint } = await createLocalKey({ home, uid: 'Test packages' }));
  });
  after(async () => {
    await closeSessions();
    await fs.rm(root, { recursive: true });
  });

  it('makes one key of a name, in a private folder, that says it is not for release', async () => {
    assert.equal((await createLocalKey({ home, uid: 'Test packages' })).fingerprint, fingerprint);
    const signer = await openSigner({ home, setting });
    assert.equal(signer.fingerprint, fingerprint);
    assert.equal(signer.uid, 'Test packages (not for release)');
    assert.equal(signer.expires, undefined);
    assert.equal((await fs.stat(home)).mode & 0o777, 0o700);
    assert.equal((await openSigner({ home, key: 'Test packages', setting })).fingerprint, fingerprint);
  });

  it('clear-signs so that the text comes back, and notices a changed word', async () => {
    const signer = await openSigner({ home, setting });
    const text = 'Origin: X\n- dash\nSHA256:\n abc 1 f\n';
    const signed = await signer.clearSign(Buffer.from(text));
    const keyring = await signer.keyring();
    assert.equal(clearText(signed), text);
    assert.equal(await verifiedText(signed, keyring), text);
    assert.equal(await verifiedText(signed, await signer.publicKey()), text);
    const edited = Buffer.from(signed.toString().replace('abc', 'abd'));
    assert.equal(await verifiedText(edited, keyring), undefined);
    assert.equal(await verifiedText(Buffer.from('nothing'), keyring), undefined);
  });

  it('signs bytes and files detached, with SHA-256', async () => {
    const signer = await openSigner({ home, setting });
    const file = path.join(root, '-a file');
    await fs.writeFile(file, 'data');
    const signature = await signer.detach({ file });
    assert.match(signature.toString(), /^-----BEGIN PGP SIGNATURE-----\n/);
    assert.equal(await isSignedBy(Buffer.from('data'), signature, await signer.trustedKeys()), true);
    assert.equal(
      await isSignedBy({ file }, await signer.detach(Buffer.from('data')), await signer.publicKey()),
      true,
    );
    assert.equal(await isSignedBy(Buffer.from('date'), signature, await signer.keyring()), false);
  });

  it('looks at the same signature of the same bytes once, and at every other', async () => {
    const signer = await openSigner({ home, setting });
    const keyring = await signer.keyring();
    const [bin, calls, file] = ['bin', 'calls', 'large'].map((name) => path.join(root, name));
    const real = (await run('which', ['gpgv'])).stdout.trim();
    await fs.mkdir(bin);
    await fs.writeFile(path.join(bin, 'gpgv'), `#!/bin/sh\necho >>'${calls}'\nexec ${real} "$@"\n`, {
      mode: 0o755,
    });
    const large = Buffer.alloc(2 << 20);
    await fs.writeFile(file, large);
    const signatures = [await signer.detach(Buffer.from('once')), await signer.detach(large)];
    const { PATH } = process.env;
    process.env.PATH = `${bin}:${PATH}`;
    const called = async (data: Parameters<typeof isSignedBy>[0], signature: Buffer) => {
      await fs.writeFile(calls, '');
      const answers = [
        await isSignedBy(data, signature, keyring),
        await isSignedBy(data, signature, keyring),
      ];
      return [...answers, (await fs.readFile(calls, 'utf8')).length];
    };
    try {
      assert.deepEqual(await called(Buffer.from('once'), signatures[0]), [true, true, 1]);
      assert.deepEqual(await called(Buffer.from('twice'), signatures[0]), [false, false, 1]);
      assert.deepEqual(await called(Buffer.from('once'), signatures[0]), [true, true, 0]);
      assert.deepEqual(await called({ file }, signatures[1]), [true, true, 2], 'too large to be kept');
      large[0] = 1;
      await fs.writeFile(file, large);
      assert.deepEqual(await called({ file }, signatures[1]), [false, false, 2]);
    } finally {
      process.env.PATH = PATH;
    }
  });

  it('does not take a gpgv that was stopped for an answer', async () => {
    const signer = await openSigner({ home, setting });
    const [keyring, data] = [await signer.keyring(), Buffer.from('stopped')];
    const signature = await signer.detach(data);
    const bin = path.join(root, 'stopped');
    await fs.mkdir(bin);
    await fs.writeFile(path.join(bin, 'gpgv'), '#!/bin/sh\nkill -KILL $$\n', { mode: 0o755 });
    const { PATH } = process.env;
    process.env.PATH = `${bin}:${PATH}`;
    try {
      await assert.rejects(isSignedBy(data, signature, keyring), /^Error: gpgv was stopped: by a signal$/);
    } finally {
      process.env.PATH = PATH;
    }
    assert.equal(await isSignedBy(data, signature, keyring), true);
  });

  it('signs an rpm through gpg, leaving header and payload as they were', async () => {
    const signer = await openSigner({ home, setting });
    const file = await makeRpm(root, { name: 'sample', version: '1.0.0' });
    const before = await rpmDigests(file);
    assert.equal((await readRpm(file)).signature.values.has(SIGNATURE_TAG.rsa), false);
    const copies = ['same.rpm', 'later.rpm'].map((name) => path.join(root, name));
    for (const copy of copies) await fs.copyFile(file, copy);
    await signRpm(file, signer, 0);
    assert.deepEqual(await rpmDigests(file), before);
    const first = await fs.readFile(file);
    const { stdout } = await run('rpm', ['-qp', '--nosignature', '--qf', '%{RSAHEADER:pgpsig}', file]);
    assert.match(stdout, new RegExp(`^RSA/SHA256, .*Key ID ${fingerprint.slice(-16).toLowerCase()}$`));
    const key = path.join(root, 'key.asc');
    const db = path.join(root, 'db');
    await fs.writeFile(key, await signer.publicKey());
    await run('rpmkeys', ['--dbpath', db, '--import', key]);
    assert.match(
      (await run('rpmkeys', ['--dbpath', db, '--checksig', file])).stdout,
      /: digests signatures OK\n$/,
    );
    await signRpm(file, signer, 0);
    assert.deepEqual(await rpmDigests(file), before);
    await signRpm(copies[0], signer, 0);
    assert.deepEqual(await fs.readFile(copies[0]), first);
    await signRpm(copies[1], signer, signer.created.getTime() / 1000 + 60);
    assert.notDeepEqual(await fs.readFile(copies[1]), first);
  });

  it('says what is wrong with a key, and which setting names it', async () => {
    const other = path.join(root, 'other');
    const open = (key?: string) => openSigner({ home: other, key, setting });
    await assert.rejects(
      open(),
      /^Error: The key folder .*other does not exist: .* set product:signingKey\.$/,
    );
    await fs.mkdir(other, { mode: 0o700 });
    await assert.rejects(
      open('ABCD'),
      /^KeyError: There is no secret key "ABCD" in .*: .* set product:signingKey to/,
    );
    const make = (...args: string[]) =>
      changeKeys(other, (gpg) =>
        gpg.run(
          ['--pinentry-mode', 'loopback', '--passphrase-fd', '0', '--quick-generate-key', ...args],
          Buffer.alloc(0),
        ),
      );
    await make('Only certifies', 'ed25519', 'cert', 'never');
    await assert.rejects(open(), /cannot sign: set product:signingKey to one that can\.$/);
    await make('Short lived', 'ed25519', 'sign', 'seconds=1');
    await assert.rejects(
      open(),
      /^KeyError: Several keys in .* match: set product:signingKey to the fingerprint of one of .*Short lived/,
    );
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await assert.rejects(
      open('Short lived'),
      /\(Short lived\) expired on \d{4}-\d\d-\d\d: .* set product:signingKey to another/,
    );
  });

  it('leaves no agent, no socket and no folder behind', async () => {
    await (await openSigner({ home, setting })).detach(Buffer.from('x'));
    await closeSessions();
    assert.deepEqual(
      (await fs.readdir(home)).filter((name) => name.startsWith('S.')),
      [],
    );
    assert.deepEqual(await agentsNaming(root), []);
  });

  it('signs much at once with a key whose passphrase an agent has', async () => {
    const locked = await fs.mkdtemp('/tmp/locked-');
    const key = await plantKey(path.join(locked, 'home'), 'a passphrase');
    try {
      const signer = await openSigner({ home: path.join(locked, 'home'), setting });
      const all = Array.from({ length: 48 }, (_, i) => signer.detach(Buffer.from(`${i}`)));
      assert.equal((await Promise.all(all)).length, 48);
    } finally {
      await key.close();
      await fs.rm(locked, { recursive: true });
    }
  }).timeout(120_000);

  it('signs with another agent when somebody ended the one that it used', async () => {
    const before = new Set(await shortFolders(home));
    const signer = await openSigner({ home, setting });
    await signer.detach(Buffer.from('x'));
    const [folder] = (await shortFolders(home)).filter((name) => !before.has(name));
    const [pid] = await agentsNaming(folder);
    process.kill(Number(pid), 'SIGKILL');
    const signature = await signer.detach(Buffer.from('x'));
    assert.deepEqual(await signersOf(Buffer.from('x'), signature, await signer.keyring()), [fingerprint]);
    await closeSessions();
  });

  it('ends its agent with a process that is killed, and removes its folder', async () => {
    const script = `
      const { openSigner } = require(${JSON.stringify(path.resolve('provider/gpg'))});
      openSigner({ home: ${JSON.stringify(home)}, setting: 'x' })
        .then((signer) => signer.detach(Buffer.from('x')))
        .then(() => { console.log('signed'); setInterval(() => {}, 1000); });`;
    const before = new Set(await shortFolders(home));
    const child = spawn(process.execPath, ['-r', 'ts-node/register/transpile-only', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const [folder] = (await shortFolders(home)).filter((name) => !before.has(name));
    assert.equal((await agentsNaming(folder)).length, 1);
    child.kill('SIGKILL');
    for (let waited = 0; (await agentsNaming(folder)).length > 0; waited += 200) {
      assert.ok(waited < 15_000, 'the agent is still there');
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(!(await shortFolders(home)).includes(folder));
  });
});
