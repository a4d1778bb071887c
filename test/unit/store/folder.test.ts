import { createHash } from 'node:crypto';
import * as assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { openStore } from '../../../provider/store/open';
import { ImmutableError, Store } from '../../../provider/store/store';
import { sha, storeContract } from './contract';

describe('folder store', () => {
  let root: string;
  let store: Store;

  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), 'store-'));
    store = openStore(root);
  });
  afterEach(() => fs.rm(root, { recursive: true, force: true }));

  storeContract(() => root);

  it('gives undefined for an absent key, for a folder and for a key below an object', async () => {
    await store.put('a/b', Buffer.from('x'));
    for (const key of ['c', 'a', 'a/b/c']) {
      assert.equal(await store.get(key), undefined);
      assert.equal(await store.head(key), undefined);
    }
    await assert.rejects(store.download('c', path.join(root, 'out')), /\/c does not exist\.$/);
    await assert.rejects(store.copy('c', 'd'), /\/c does not exist\.$/);
  });

  it('returns what was put, with modes 0644 and 0755 under any umask', async () => {
    const before = process.umask(0o077);
    try {
      await store.put('a/b/c', Buffer.from('hello'));
    } finally {
      process.umask(before);
    }
    const found = await store.get('a/b/c');
    assert.equal(found?.body.toString(), 'hello');
    assert.deepEqual(await store.head('a/b/c'), { size: 5, etag: found?.etag, sha256: sha('hello') });
    assert.equal((await fs.stat(path.join(root, 'a/b/c'))).mode & 0o777, 0o644);
    assert.equal((await fs.stat(path.join(root, 'a'))).mode & 0o777, 0o755);
    assert.equal((await fs.stat(path.join(root, 'a/b'))).mode & 0o777, 0o755);
  });

  it('refuses keys that clients or stores mistreat, and its private folder', async () => {
    for (const key of ['/a', 'a//b', 'a/../b', 'a+b', 'a~b', 'a b', 'a/', '', '.store/x']) {
      await assert.rejects(store.put(key, Buffer.from('')), /cannot be an object key/, key);
    }
  });

  it('leaves no folder and no private file after the last delete', async () => {
    await store.put('a/b/c', Buffer.from('1'));
    const etag = await store.compareAndSwap('a/d', Buffer.from('2'), undefined);
    await store.delete('a/b/c');
    await store.delete('a/d', etag);
    await store.delete('a/d');
    assert.deepEqual(await fs.readdir(root), []);
  });

  it('keeps immutable objects, repairs damage under a digest key and refuses wrong digests', async () => {
    const key = `pool/${sha('whole')}/file.bin`;
    const file = path.join(root, 'source');
    await fs.writeFile(file, 'whole', { mode: 0o400 });
    await store.putImmutable(key, { file });
    const before = await fs.stat(path.join(root, key));
    await store.putImmutable(key, Buffer.from('whole'));
    assert.equal((await fs.stat(path.join(root, key))).ino, before.ino, 'written again');

    await fs.truncate(path.join(root, key), 3);
    await store.putImmutable(key, { file });
    assert.equal((await store.get(key))?.body.toString(), 'whole');

    await assert.rejects(store.putImmutable(key, Buffer.from('other')), ImmutableError);
    await store.putImmutable('plain', Buffer.from('one'));
    await assert.rejects(store.putImmutable('plain', Buffer.from('two')), /must not change/);
  });

  it('takes over the lock and removes the draft of a killed process', async () => {
    const script = `
      const fs = require('fs'), path = require('path');
      const rename = fs.promises.rename;
      fs.promises.rename = () => { console.log('inside'); return new Promise(() => setInterval(() => {}, 1000)); };
      const { openStore } = require(${JSON.stringify(path.resolve('provider/store/open'))});
      openStore(${JSON.stringify(root)}).compareAndSwap('x', Buffer.from('dead'), undefined);`;
    const child = spawn(process.execPath, ['-r', 'ts-node/register/transpile-only', '-e', script]);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    assert.equal((await fs.readdir(path.join(root, '.store/locks'))).length, 1);
    assert.equal((await fs.readdir(path.join(root, '.store/drafts'))).length, 1);

    await openStore(root).compareAndSwap('x', Buffer.from('alive'), undefined);
    assert.equal((await store.get('x'))?.body.toString(), 'alive');
    assert.deepEqual(await fs.readdir(root), ['x']);
  });

  it('takes over a lock that a power cut left empty', async () => {
    const locks = path.join(root, '.store/locks');
    await fs.mkdir(locks, { recursive: true });
    const name = createHash('sha256').update('x').digest('hex');
    await fs.writeFile(path.join(locks, name), '');
    await store.compareAndSwap('x', Buffer.from('alive'), undefined);
    assert.equal((await store.get('x'))?.body.toString(), 'alive');
  });

  it('reports an unreadable bucket as an error, not as empty', async () => {
    await fs.symlink('loop', path.join(root, 'loop'));
    await assert.rejects(store.get('loop'), /ELOOP/);
  });

  it('is opened by a path or a file URL', () => {
    assert.equal(openStore('some/where').url, `file://${path.resolve('some/where')}`);
    assert.equal(openStore('file:///a%20b/c/').url, 'file:///a%20b/c');
    assert.equal(openStore(root, 'http://host/x/').url, 'http://host/x');
  });
});
