/** One signing key takes the place of another, in three steps of configuration, beside machines that know either. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createLocalKey } from '../../provider/gpg';
import { dearmor } from '../../provider/formats/openpgp';
import { copyProject, Outputs, Project } from '../acceptance/project';
import { aptMachine, dnfMachine, Machine } from '../publishing/realClients';

const run = promisify(execFile);

describe('a signing key that another takes the place of', function () {
  this.timeout(1_200_000);
  let project: Project;
  let outputs: Outputs;
  let original: string;
  let first: string;
  let next: string;
  /** Machines that were set up before the rotation, and after its first step. */
  let old: Machine[];
  let both: Machine[];

  /** Sets configuration as a maintainer does, runs `up`, and asks for an empty preview. */
  async function step(settings: string[], ...args: string[]): Promise<string> {
    const lines = settings.map((line) => `  ${line}\n`).join('');
    await fs.writeFile(path.join(project.folder, 'Pulumi.local.yaml'), `${original.trimEnd()}\n${lines}`);
    const { stdout } = await project.ok('preview', '--diff', ...args);
    await project.ok('up', ...args);
    await project.ok('preview', '--expect-no-changes', ...args);
    outputs = await project.outputs();
    return stdout;
  }

  /** Machines with the ready files of this moment; the key is what dnf would have imported now. */
  async function machines(): Promise<Machine[]> {
    const folder = await fs.mkdtemp(path.join(project.folder, 'machines-'));
    const key = path.join(folder, 'key.asc');
    await fs.copyFile(fileURLToPath(outputs.apt.key), key);
    const repo = await fs.readFile(fileURLToPath(outputs.yum.repo), 'utf8');
    return [
      await aptMachine(folder, await fs.readFile(fileURLToPath(outputs.apt.sources), 'utf8')),
      await dnfMachine(folder, repo.replace(/^gpgkey=.*$/m, `gpgkey=file://${key}`)),
    ];
  }
  async function publishedKeys(): Promise<string[]> {
    const listings = await Promise.all(
      [outputs.apt.key, outputs.apt.key.replace(/[^/]+$/, 'falco-archive-keyring.gpg')].map(async (url) => {
        const file = path.join(project.folder, 'keyring.gpg');
        await fs.writeFile(file, dearmor(await fs.readFile(fileURLToPath(url))));
        const { stdout } = await run('gpg', ['--with-colons', '--show-keys', file]);
        return [...stdout.matchAll(/^pub.*\n(?:.*\n)?fpr:+([0-9A-F]{40}):/gm)].map(([, one]) => one);
      }),
    );
    assert.deepEqual(listings[0], listings[1]);
    return listings[0].sort();
  }
  /** Both read the index, and get the bytes of this version with a signature that they know. */
  async function canInstall(all: Machine[], version: string): Promise<void> {
    for (const machine of all) {
      await machine.update();
      await machine.fetch('falco-bpf', version);
    }
  }

  before('a release that the first key signs', async () => {
    project = await copyProject();
    original = await fs.readFile(path.join(project.folder, 'Pulumi.local.yaml'), 'utf8');
    await step([]);
    [first] = await publishedKeys();
    old = await machines();
    const home = path.join(project.folder, '.local/gnupg');
    next = (await createLocalKey({ home, uid: 'Next' })).fingerprint;
  });
  after(async () => {
    await project?.script('destroy', '--yes');
    await project?.remove();
  });

  it('step one publishes both keys, and changes nothing for anybody', async () => {
    const preview = await step([`falco:publishedKeys: ["${next}"]`]);
    assert.match(preview, new RegExp(`\\+ \\[\\d\\]: "${next}"`));
    assert.deepEqual(await publishedKeys(), [first, next].sort());
    both = await machines();
    await canInstall(old, '0.1.0');
    await canInstall(both, '0.1.0');
  });

  it('step two signs indexes with both: machines that know the old key see a release, new ones verify it', async () => {
    const settings = [`falco:signingKey: "${next}"`, `falco:indexKeys: ["${first}"]`];
    const preview = await step(settings, '--version', '0.2.0');
    assert.match(preview, new RegExp(`fingerprint\\s*: "${first}" => "${next}"`));
    assert.match(preview, new RegExp(`\\+ \\[\\d\\]: "${first}"`));
    assert.deepEqual(await publishedKeys(), [first, next].sort());
    await canInstall(old.slice(0, 1), '0.2.0');
    // dnf takes the index, and an rpm of before; a new rpm has the new key's signature, and that alone.
    await old[1].update();
    await old[1].fetch('falco-bpf', '0.1.0');
    await assert.rejects(old[1].fetch('falco-bpf', '0.2.0'), /NOKEY|signatures NOT OK/i);
    await canInstall(both, '0.1.0');
    await canInstall(both, '0.2.0');
  });

  it('step three drops the old: it signs no more, and stays published for the rpms that it signed', async () => {
    await step([`falco:signingKey: "${next}"`], '--version', '0.2.0');
    assert.deepEqual(await publishedKeys(), [first, next].sort());
    await assert.rejects(old[0].update(), new RegExp(`NO_PUBKEY ${next.slice(-16)}`));
    await assert.rejects(old[1].update(), /repomd\.xml GPG signature verification error|Bad GPG signature/);
    await canInstall(both, '0.1.0');
    await canInstall(both, '0.2.0');
    const fresh = await machines();
    await canInstall(fresh, '0.1.0');
    await canInstall(fresh, '0.2.0');
  });

  it('an index key that is not there, and what is no fingerprint, stop the preview', async () => {
    const wrong = async (setting: string, message: RegExp) => {
      await fs.writeFile(
        path.join(project.folder, 'Pulumi.local.yaml'),
        `${original.trimEnd()}\n  ${setting}\n`,
      );
      const { status, text } = await project.script('preview', '--version', '0.2.0');
      assert.notEqual(status, 0);
      assert.match(text, message);
    };
    await wrong(
      `falco:indexKeys: ["${'A'.repeat(40)}"]`,
      /There is no secret key "A{40}" in \S+: import it there with gpg, or set falco:indexKeys/,
    );
    await wrong(
      'falco:publishedKeys: ["release@example.org"]',
      /falco:publishedKeys: "release@example\.org" is no fingerprint; give its 40 hex digits/,
    );
  });
});
