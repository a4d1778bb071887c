/** The release that `npm run announce -- --stack` tells of, from outputs that a real engine reads, and a real bucket. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { stringify } from 'yaml';
import { catalog } from '../../../catalog';
import { announceCommand, announcementOf } from '../../../cli/announce';
import { readOptions } from '../../../cli/options';
import { releasedBy } from '../../../cli/released';
import { LedgerRelease, updateLedger } from '../../../provider/ledger';
import { makeRoot, makeStack } from './madeStack';

const ENTRY: LedgerRelease = { stack: 'local', images: {}, tags: [], manifests: [] };

describe('a release that a stack has published', function () {
  this.timeout(30_000);
  let root: string;
  beforeEach(() => {
    root = makeRoot('released-');
  });
  afterEach(() => fs.rmSync(root, { recursive: true }));

  const publish = (config: object, outputs: object) => makeStack(root, config, outputs);
  const list = (releases: Record<string, LedgerRelease>) =>
    updateLedger(path.join(root, '.local/bucket'), 'release', (ledger) => {
      ledger.releases = releases;
    });

  it('has its addresses and digests, and is the newest where the bucket has no newer one', async () => {
    const images = { 'falcosecurity/falco:0.24.0': `docker.io/falcosecurity/falco@sha256:${'a'.repeat(64)}` };
    await publish({ 'falco:url': 'https://get.example/' }, { version: '0.24.0', images });
    await list({ '0.23.0': ENTRY, '0.24.0': ENTRY });
    assert.deepEqual(await releasedBy(root, { version: '0.24.0', previous: '0.23.0' }, 'local'), {
      ...{ version: '0.24.0', previous: '0.23.0', url: 'https://get.example', digests: images },
    });
  });

  it("has the text of the stack's changelog, unless another is given", async () => {
    fs.writeFileSync(path.join(root, 'notes.md'), '## 0.24.0\n\n- a rule\n');
    await publish({ 'falco:changelog': 'notes.md' }, { version: '0.24.0' });
    assert.equal((await releasedBy(root, { version: '0.24.0' }, 'local')).changelog, '- a rule');
    const given = { version: '0.24.0', changelog: '- mine' };
    assert.equal((await releasedBy(root, given, 'local')).changelog, '- mine');
  });

  it('of this machine is written with a word on it, and not opened, before a token is asked for', async () => {
    await publish({}, { version: '0.24.0' });
    const args = ['--version', '0.24.0', '--stack', 'local'];
    const announce = async (...more: string[]) => {
      const announcement = announcementOf(catalog, readOptions('announce', [...args, ...more]), root, root);
      const lines: string[] = [];
      await announceCommand(catalog, root, announcement, {}, (line) => lines.push(line));
      return lines;
    };
    const problem = `falco:url: file://${root}/.local/bucket is of no use to others; set the public URL of the bucket's root`;
    await assert.rejects(announce('--open'), { message: problem });
    assert.equal(fs.existsSync(path.join(root, '.local/announce')), false);
    const lines = await announce();
    assert.ok(
      lines.includes(`  to be tried on this machine only, and not opened: ${problem}`),
      lines.join('\n'),
    );
    assert.doesNotMatch(lines.join('\n'), /With --open|To be sent/);
  });

  it('is refused where it is withdrawn: by its own file or bucket, or without a stack by any file', async () => {
    await publish({ 'falco:withdrawn': ['0.24.0'] }, { version: '0.24.0' });
    fs.writeFileSync(
      path.join(root, 'Pulumi.other.yaml'),
      stringify({ config: { 'falco:withdrawn': ['0.23.0'] } }),
    );
    const refusal = (version: string, why: string, other = '') => ({
      message: `--version: ${version} is withdrawn, ${why}; announce the release that takes its place${other}`,
    });
    const named = ', or name the stack that published it with --stack';
    const announced = (version: string, stack?: string) => releasedBy(root, { version }, stack);
    await assert.rejects(
      announced('0.24.0', 'local'),
      refusal('0.24.0', 'falco:withdrawn in Pulumi.local.yaml says so'),
    );
    await assert.rejects(
      announced('0.23.0'),
      refusal('0.23.0', 'falco:withdrawn in Pulumi.other.yaml says so', named),
    );
    assert.equal((await announced('0.25.0')).version, '0.25.0');
    await publish({}, { version: '0.24.0' });
    await list({ '0.24.0': { ...ENTRY, withdrawn: true } });
    await assert.rejects(announced('0.24.0', 'local'), refusal('0.24.0', 'the bucket of local says so'));
    await publish({}, { version: '0.23.0' });
    assert.equal((await announced('0.23.0', 'local')).version, '0.23.0');
  });

  it('is a back-port beside a newer one, and not beside one that is withdrawn or a candidate', async () => {
    await publish({ 'falco:url': 'https://get.example' }, { version: '0.24.1' });
    const released = { version: '0.24.1', url: 'https://get.example', digests: {} };
    await list({ '0.24.1': ENTRY, '0.25.0': ENTRY, '0.26.0-rc1': ENTRY });
    assert.deepEqual(await releasedBy(root, { version: '0.24.1' }, 'local'), {
      ...released,
      newest: '0.25.0',
    });
    await list({ '0.24.1': ENTRY, '0.25.0': { ...ENTRY, withdrawn: true } });
    assert.deepEqual(await releasedBy(root, { version: '0.24.1' }, 'local'), released);
  });
});
