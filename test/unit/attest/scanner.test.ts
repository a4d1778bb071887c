/** The process that scans, the real one and one that dies. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { PROGRAM, scan } from '../../../provider/attest/scanner';
import { freePort } from '../freePort';

describe('scans', function () {
  this.timeout(60_000);
  let work: string;
  let output: string;

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'scanner-'));
    output = path.join(work, 'document');
    await fs.mkdir(path.join(work, 'folder'));
    await fs.writeFile(path.join(work, 'folder', 'file'), 'text');
  });
  after(() => fs.rm(work, { recursive: true, force: true }));

  const folder = () => ({ directory: path.join(work, 'folder'), files: true, output });

  it("fail with syft's own words, and the next one is none the worse for it", async () => {
    const image = `127.0.0.1:${await freePort()}/sample@sha256:${'a'.repeat(64)}`;
    const lost = { image, platform: 'linux/amd64', plain: true, files: false, output };
    const [failed] = await Promise.allSettled([scan(lost, process.env), scan(folder(), process.env)]);
    assert.match(String((failed as PromiseRejectedResult).reason), /syft 127\S+: .*connection refused/);
    const { files } = JSON.parse(await fs.readFile(output, 'utf8')) as { files: { fileName: string }[] };
    assert.deepEqual(
      files.map(({ fileName }) => fileName),
      ['.', 'file'],
    );
    await assert.rejects(scan({ ...lost, platform: 'no/such/one/of/all' }, process.env), /syft 127\S+: /);
  });

  it('all fail with the last words of a process that ends, and another takes its place', async () => {
    const bin = path.join(work, 'bin');
    await fs.mkdir(bin);
    const program = `#!/bin/sh
if [ -e "${work}/died" ]; then read -r request; echo '{"id":3}'; exec cat >/dev/null; fi
read -r request; touch "${work}/died"; echo first >&2; echo 'out of memory' >&2; exit 3
`;
    await fs.writeFile(path.join(bin, PROGRAM), program, { mode: 0o755 });
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
    const both = await Promise.allSettled([scan(folder(), env), scan(folder(), env)]);
    assert.deepEqual(
      both.map((one) => String((one as PromiseRejectedResult).reason)),
      Array(2).fill('Error: syft of a package: out of memory'),
    );
    await scan(folder(), env);
  });
});
