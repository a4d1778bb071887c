import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheKey, cacheRoot, inspect, seal } from '../../../tools/bootstrap/cache.mjs';
import { tools } from '../../../tools/bootstrap/pins.mjs';

const own = new URL('../../../tools', import.meta.url).pathname;

describe('the cache of tools', () => {
  /** @type {string} */
  let folder;
  /** @type {string} */
  let bin;
  /** @type {string} */
  let file;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cache-'));
    bin = join(folder, 'bin');
    file = join(bin, 'tool');
    mkdirSync(bin);
    writeFileSync(file, 'program', { mode: 0o755 });
    await seal(bin, ['tool']);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is good as it was sealed', async () => {
    assert.equal(await inspect(bin, ['tool']), 'good');
  });

  it('is absent where nothing was built', async () => {
    assert.equal(await inspect(join(folder, 'other'), ['tool']), 'absent');
  });

  it('is good when only the time of a file changed, and that is noted', async () => {
    utimesSync(file, 1, 1);
    assert.equal(await inspect(bin, ['tool']), 'good');
    assert.equal(await inspect(bin, ['tool']), 'good');
  });

  for (const [what, harm] of /** @type {[string, () => void][]} */ ([
    ['a file was cut', () => truncateSync(file, 3)],
    ['a file has other bytes of the same length', () => writeFileSync(file, 'prOgram')],
    ['a file is missing', () => rmSync(file)],
    ['a file may not be run', () => (rmSync(file), writeFileSync(file, 'program', { mode: 0o644 }))],
    ['its hashes are missing', () => rmSync(join(bin, 'sha256.json'))],
    ['its hashes are no JSON', () => writeFileSync(join(bin, 'sha256.json'), '{')],
  ])) {
    it(`is corrupted when ${what}`, async () => {
      harm();
      assert.equal(await inspect(bin, ['tool']), 'corrupted');
    });
  }

  it('is corrupted when a file has other bytes and its old time', async () => {
    utimesSync(file, 5, 5);
    await seal(bin, ['tool']);
    writeFileSync(file, 'prOgram');
    utimesSync(file, 5, 5);
    assert.equal(await inspect(bin, ['tool']), 'corrupted');
  });
});

describe('the key of a cached tool', () => {
  const tool = /** @type {import('../../../tools/bootstrap/pins.mjs').Tool} */ (
    tools.find(({ module }) => module === 'docker-build')
  );
  /** @type {string} */
  let copy;
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), 'tools-'));
    cpSync(own, copy, { recursive: true });
  });
  afterEach(() => rmSync(copy, { recursive: true }));

  it('is the same in another clone', () => {
    assert.equal(cacheKey(copy, tool), cacheKey(own, tool));
    assert.match(cacheKey(own, tool), /^[0-9a-f]{16}$/);
  });

  it('changes with go.sum, with a local replacement and with the flags', () => {
    const before = cacheKey(copy, tool);
    writeFileSync(join(copy, 'docker-build/go.sum'), '\n', { flag: 'a' });
    const sum = cacheKey(copy, tool);
    writeFileSync(join(copy, 'docker-build/stubs/java/pkg/codegen/java/java.go'), '\n', { flag: 'a' });
    const stub = cacheKey(copy, tool);
    const flags = cacheKey(copy, { ...tool, variables: [] });
    assert.equal(new Set([before, sum, stub, flags]).size, 4);
  });

  it('does not change with the files of another tool', () => {
    const before = cacheKey(copy, tool);
    writeFileSync(join(copy, 'buildkit/go.sum'), '\n', { flag: 'a' });
    assert.equal(cacheKey(copy, tool), before);
  });
});

describe('the place of the cache', () => {
  const { FALCO_ARTIFACTS_CACHE, XDG_CACHE_HOME, HOME } = process.env;
  afterEach(() => {
    for (const [name, value] of Object.entries({ FALCO_ARTIFACTS_CACHE, XDG_CACHE_HOME, HOME })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it('is what FALCO_ARTIFACTS_CACHE says, else below XDG_CACHE_HOME, else below the home', () => {
    Object.assign(process.env, { FALCO_ARTIFACTS_CACHE: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' });
    assert.equal(cacheRoot(), '/a');
    delete process.env.FALCO_ARTIFACTS_CACHE;
    assert.equal(cacheRoot(), '/b/falco-artifacts');
    delete process.env.XDG_CACHE_HOME;
    assert.equal(cacheRoot(), '/c/.cache/falco-artifacts');
  });
});
