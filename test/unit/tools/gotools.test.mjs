import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { download } from '../../../tools/bootstrap/download.mjs';
import { ensureTools, isGoodVersion, link } from '../../../tools/bootstrap/gotools.mjs';
import { needs, tools } from '../../../tools/bootstrap/pins.mjs';

/** @type {string} */
let folder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gotools-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a version on PATH', () => {
  it('is good from the first to before the second of its range', () => {
    /** @type {[string, string]} */
    const range = ['2.43.4', '2.44.0'];
    const said = ['v2.43.3', 'v2.43.4', '2.43.10 built', '2.44.0', '3.0.0', 'dev', ''];
    assert.deepEqual(
      said.map((text) => isGoodVersion(text, range)),
      [false, true, true, false, false, false, false],
    );
  });

  it('is read from what the pinned programs print', () => {
    assert.equal(
      isGoodVersion('registry github.com/distribution/distribution/v3 v3.1.2', ['3.0.0', '4.0.0']),
      true,
    );
    assert.equal(isGoodVersion('buildkitd github.com/moby/buildkit v0.34.2 abc', ['0.20.0', '1.0.0']), true);
  });
});

describe('the pins', () => {
  it('name a Go module with go.mod and go.sum for every binary', () => {
    for (const tool of tools) {
      for (const binary of tool.binaries) {
        const module = new URL(`../../../tools/${binary.module ?? tool.module}/`, import.meta.url);
        assert.match(
          readFileSync(new URL('go.mod', module), 'utf8'),
          new RegExp(binary.package.replace(/[./]/g, '\\$&')),
        );
        assert.ok(readFileSync(new URL('go.sum', module), 'utf8').length > 0);
      }
    }
  });

  it('give every command only tools that there are', () => {
    const known = tools.map(({ module }) => module);
    for (const need of Object.values(needs))
      assert.deepEqual(
        need.tools.filter((name) => !known.includes(name)),
        [],
      );
    assert.deepEqual(needs.output?.tools, ['pulumi']);
    assert.deepEqual(needs.services?.tools, ['buildkit', 'registry']);
  });
});

/** A PATH folder whose programs only print a version. @param {Record<string, string>} programs */
function fakes(programs) {
  const bin = join(folder, 'path');
  mkdirSync(bin, { recursive: true });
  for (const [name, version] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\necho ${version}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
}

describe('choosing a tool', () => {
  const { PATH, FALCO_ARTIFACTS_CACHE } = process.env;
  /** @type {string} */
  let root;
  beforeEach(() => {
    root = join(folder, 'clone');
    mkdirSync(root);
    symlinkSync(new URL('../../../tools', import.meta.url).pathname, join(root, 'tools'));
    process.env.FALCO_ARTIFACTS_CACHE = join(folder, 'cache');
  });
  afterEach(() => {
    process.env.PATH = PATH;
    if (FALCO_ARTIFACTS_CACHE === undefined) delete process.env.FALCO_ARTIFACTS_CACHE;
    else process.env.FALCO_ARTIFACTS_CACHE = FALCO_ARTIFACTS_CACHE;
  });

  it('takes programs on PATH in good versions and builds nothing', async () => {
    const bin = fakes({ buildkitd: 'buildkitd x v0.30.0', buildctl: 'buildctl x v0.30.0' });
    process.env.PATH = bin;
    await ensureTools(root, ['buildkit']);
    assert.equal(readlinkSync(join(root, '.local/bin/buildkitd')), join(bin, 'buildkitd'));
    assert.equal(readlinkSync(join(root, '.local/bin/buildctl')), join(bin, 'buildctl'));
  });

  it('says what to install where there is neither a good version nor Go', async () => {
    const bin = fakes({ buildkitd: 'buildkitd x v0.1.0', buildctl: 'buildctl x v0.30.0' });
    process.env.PATH = bin;
    await assert.rejects(ensureTools(root, ['buildkit']), {
      message:
        'Go is not on PATH, and buildkitd, buildctl must be built: install Go 1.26 or newer, or put buildkitd, buildctl on PATH',
    });
  });

  it('takes pulumi from PATH only with its language host beside it', async () => {
    const bin = fakes({ pulumi: 'v3.250.0' });
    process.env.PATH = bin;
    await assert.rejects(
      ensureTools(root, ['pulumi']),
      /Go is not on PATH, and pulumi, pulumi-language-nodejs/,
    );
    fakes({ 'pulumi-language-nodejs': '' });
    await ensureTools(root, ['pulumi']);
    assert.equal(readlinkSync(join(root, '.local/bin/pulumi')), join(bin, 'pulumi'));
  });
});

describe('building a tool', () => {
  const { FALCO_ARTIFACTS_CACHE, PATH = '' } = process.env;
  // A tool on PATH would be taken instead: only go and what it needs stay.
  beforeEach(() => {
    const folders = PATH.split(delimiter).filter((one) => !existsSync(join(one, 'buildkitd')));
    process.env.PATH = folders.join(delimiter);
  });
  afterEach(() => {
    process.env.PATH = PATH;
    if (FALCO_ARTIFACTS_CACHE === undefined) delete process.env.FALCO_ARTIFACTS_CACHE;
    else process.env.FALCO_ARTIFACTS_CACHE = FALCO_ARTIFACTS_CACHE;
  });

  it('builds once for two clones, and anew when the cache is corrupted', async () => {
    process.env.FALCO_ARTIFACTS_CACHE = join(folder, 'cache');
    // A module with the pinned tool's packages, small enough to build in a test.
    const roots = ['one', 'two'].map((name) => join(folder, name));
    const [one = '', two = ''] = roots;
    const module = join(one, 'tools', 'buildkit');
    for (const name of ['buildkitd', 'buildctl']) {
      mkdirSync(join(module, 'cmd', name), { recursive: true });
      writeFileSync(
        join(module, 'cmd', name, 'main.go'),
        `package main\nfunc main() { println("${name}") }\n`,
      );
    }
    writeFileSync(join(module, 'go.mod'), 'module github.com/moby/buildkit\n\ngo 1.20\n');
    writeFileSync(join(module, 'go.sum'), '');
    cpSync(one, two, { recursive: true });
    await Promise.all(roots.map((root) => ensureTools(root, ['buildkit'])));
    const [built = '', same] = roots.map((root) => readlinkSync(join(root, '.local/bin/buildkitd')));
    assert.equal(same, built);
    const before = readFileSync(built);
    writeFileSync(built, 'not the program');
    await ensureTools(one, ['buildkit']);
    assert.deepEqual(readFileSync(built), before);
  }).timeout(120_000);

  /** A go on PATH whose builds are this script, in the tool's module; `made` makes what was asked for. @param {string} text */
  function goIs(text) {
    process.env.FALCO_ARTIFACTS_CACHE = join(folder, 'cache');
    const go = join(folder, 'go', 'go');
    mkdirSync(join(folder, 'go'));
    const made =
      'made() { while [ "$1" != -o ]; do shift; done; out=$2; shift 2; for one; do echo >"$out$(basename "$one")"; done; }';
    writeFileSync(go, `#!/bin/sh\nset -eu\ncd ${folder}; module=$(basename "$OLDPWD")\n${made}\n${text}\n`);
    chmodSync(go, 0o755);
    process.env.PATH = `${join(folder, 'go')}${delimiter}${process.env.PATH}`;
    const root = join(folder, 'clone');
    mkdirSync(root);
    symlinkSync(new URL('../../../tools', import.meta.url).pathname, join(root, 'tools'));
    return root;
  }

  it('builds the tools of two lanes side by side', async () => {
    // Each waits for the other.
    const root = goIs(`touch $module
for try in $(seq 500); do [ -e docker-build ] && [ -e regctl ] && break; sleep 0.02; done
[ -e docker-build ] && [ -e regctl ]
made "$@"`);
    await ensureTools(root, ['docker-build', 'regctl']);
    assert.ok(existsSync(join(root, '.local/bin/regctl')));
    assert.ok(existsSync(join(root, '.local/plugins/pulumi-resource-docker-build')));
  }).timeout(30_000);

  it('tells at once what one lane could not build, and begins nothing more', async () => {
    const root = goIs(`echo $module >>begun
[ $module != docker-build ] || { echo "no such package" >&2; exit 1; }
for try in $(seq 500); do [ -e told ] && break; sleep 0.02; done
made "$@"; touch ended`);
    await assert.rejects(
      ensureTools(root, ['docker-build', 'registry', 'regctl']),
      /go build docker-build failed \(status 1\):\n {2}no such package/,
    );
    writeFileSync(join(folder, 'told'), '');
    while (!existsSync(join(folder, 'ended'))) await setTimeout(20);
    await setTimeout(100);
    assert.deepEqual(readFileSync(join(folder, 'begun'), 'utf8').split('\n').sort(), [
      '',
      'docker-build',
      'registry',
    ]);
  }).timeout(30_000);
});

describe('an official download', () => {
  /** @type {import('node:http').Server} */
  let server;
  /** @type {string} */
  let url;
  /** @type {Buffer} */
  let tarball;
  beforeEach(async () => {
    mkdirSync(join(folder, 'release/bin'), { recursive: true });
    writeFileSync(join(folder, 'release/bin/tool'), 'program', { mode: 0o755 });
    execFileSync('tar', ['-czf', join(folder, 'x.tar.gz'), '-C', folder, 'release']);
    tarball = readFileSync(join(folder, 'x.tar.gz'));
    server = createServer((request, response) => {
      if (request.url === '/x.tar.gz') response.end(tarball);
      else response.writeHead(404).end();
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
    const address = /** @type {import('node:net').AddressInfo} */ (server.address());
    url = `http://127.0.0.1:${address.port}`;
    mkdirSync(join(folder, 'work'));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it('is unpacked when its checksum is the pinned one', async () => {
    const sha256 = createHash('sha256').update(tarball).digest('hex');
    const work = join(folder, 'work');
    assert.equal(await download({ url: `${url}/x.tar.gz`, sha256 }, ['tool'], work), true);
    assert.equal(readFileSync(join(work, 'bin/tool'), 'utf8'), 'program');
  });

  it('stops the set-up when it has another checksum', async () => {
    const pin = { url: `${url}/x.tar.gz`, sha256: '0'.repeat(64) };
    await assert.rejects(
      download(pin, ['tool'], join(folder, 'work')),
      /has SHA-256 [0-9a-f]{64}, .* pins 0{64}; nothing of it is used/,
    );
  });

  it('is not there when it cannot be reached, so that the tool is built', async () => {
    const pin = { url: `${url}/gone.tar.gz`, sha256: '0'.repeat(64) };
    assert.equal(await download(pin, ['tool'], join(folder, 'work')), false);
  });
});

describe('a link to a tool', () => {
  it('is made, kept and moved', () => {
    const path = join(folder, 'bin', 'tool');
    for (const target of ['/a', '/a', '/b']) {
      link(target, path);
      assert.equal(readlinkSync(path), target);
    }
  });
});
