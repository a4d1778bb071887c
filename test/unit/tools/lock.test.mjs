import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTime, withLock } from '../../../tools/bootstrap/lock.mjs';

describe('the lock between two set-ups', () => {
  /** @type {string} */
  let folder;
  /** @type {string} */
  let path;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lock-'));
    path = join(folder, 'lock');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** @param {object} owner */
  const write = (owner) => writeFileSync(path, JSON.stringify(owner));

  it('returns what the work returns and leaves nothing behind', async () => {
    assert.equal(await withLock(path, 'test', async () => existsSync(path)), true);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is released when the work fails', async () => {
    await assert.rejects(
      withLock(path, 'test', () => Promise.reject(new Error('broken'))),
      { message: 'broken' },
    );
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is taken over from a process that is gone', async () => {
    const child = spawn('true');
    await once(child, 'close');
    write({ pid: child.pid, started: '1', host: hostname() });
    assert.equal(await withLock(path, 'test', async () => 'ran'), 'ran');
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is taken over where another process has got the same number', async () => {
    write({ pid: process.pid, started: '1', host: hostname() });
    assert.equal(await withLock(path, 'test', async () => 'ran'), 'ran');
  });

  it('is taken over when it holds no owner', async () => {
    writeFileSync(path, '');
    assert.equal(await withLock(path, 'test', async () => 'ran'), 'ran');
  });

  it('is waited for while its owner lives', async () => {
    write({ pid: process.pid, started: startTime(process.pid), host: hostname() });
    let ran = false;
    const waiting = withLock(path, 'test', async () => {
      ran = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(ran, false);
    rmSync(path);
    await waiting;
    assert.equal(ran, true);
  });

  it('lets eight processes in one after the other', async () => {
    const log = join(folder, 'log');
    const script = `
      import { appendFileSync } from 'node:fs';
      import { withLock } from ${JSON.stringify(new URL('../../../tools/bootstrap/lock.mjs', import.meta.url).href)};
      await withLock(${JSON.stringify(path)}, 'test', async () => {
        appendFileSync(${JSON.stringify(log)}, 'in ');
        await new Promise((resolve) => setTimeout(resolve, 30));
        appendFileSync(${JSON.stringify(log)}, 'out ');
      });`;
    write({ pid: 999999999, started: '1', host: hostname() });
    const children = Array.from({ length: 8 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' }),
    );
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'close'))[0]));
    assert.deepEqual(codes, Array(8).fill(0));
    const { readFileSync } = await import('node:fs');
    assert.equal(readFileSync(log, 'utf8'), 'in out '.repeat(8));
  }).timeout(20_000);
});
