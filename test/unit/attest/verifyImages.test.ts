/** The commands that users read documents of an image with, on an image that has more than one of a type. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { shellBlocks } from '../../../pages';
import { attest, makeKey } from '../../../provider/attest/cosign';
import { PROVENANCE, SPDX } from '../../../provider/attest/provenance';
import { pushFiles } from '../../../provider/oci';
import { startRegistry, TestRegistry } from '../registryServer';

const run = promisify(execFile);
const PAGE = path.resolve(__dirname, '../../../docs/verify-images.md');

describe('the commands of docs/verify-images.md that read a document', function () {
  this.timeout(60_000);
  let work: string;
  let registry: TestRegistry;
  let script: string;
  let image: string;

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'verify-images-'));
    registry = await startRegistry(work, true);
    await fs.writeFile(path.join(work, 'file'), 'content');
    execFileSync('tar', ['-C', work, '-cf', `${work}.tar`, 'file']);
    const repository = `${registry.host}/falcosecurity/falco`;
    image = `${repository}@${await pushFiles(repository, `${work}.tar`)}`;
    await makeKey(path.join(work, 'cosign'), '');
    const blocks = shellBlocks(await fs.readFile(PAGE, 'utf8'));
    const [commands, ...more] = blocks.filter((block) => block.includes('verify-attestation'));
    assert.deepEqual(more, []);
    script = commands.replaceAll('docker.io/falcosecurity/falco:0.24.0', image);
  });
  after(async () => {
    await registry?.stop();
    await fs.rm(work, { recursive: true });
    await fs.rm(`${work}.tar`, { force: true });
  });

  const read = () => run('bash', ['-c', `set -euo pipefail\n${script}`], { cwd: work });

  it('fail where the key signed none', async () => {
    await assert.rejects(read(), { stderr: /no signatures found|no matching attestations/ });
  });

  it('give one document each where it was made again for the same digest', async () => {
    const key = { key: path.join(work, 'cosign.key'), password: '' };
    const [before, after] = ['before', 'after'];
    for (const name of [before, after]) {
      await attest(image, { type: SPDX, predicate: { spdxVersion: 'SPDX-2.3', name } }, key);
      await attest(image, { type: PROVENANCE, predicate: { buildDefinition: { buildType: name } } }, key);
    }
    const { stdout } = await read();
    const { buildType } = JSON.parse(stdout) as { buildType: string };
    assert.ok([before, after].includes(buildType), buildType);
    const sbom = await fs.readFile(path.join(work, 'falco.spdx.json'), 'utf8');
    const { name } = JSON.parse(sbom) as { name: string };
    assert.ok([before, after].includes(name), name);
  });
});
