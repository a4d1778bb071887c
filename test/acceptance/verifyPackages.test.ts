/** docs/verify-packages.md as it stands there, on a release that a stack has published. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { shellBlocks } from '../../pages';
import { PROJECT } from './imageSet';
import { copyProject, Project } from './project';
import { spdxTools } from './spdxTools';

const run = promisify(execFile);

describe('what is told of packages', function () {
  this.timeout(1_200_000);
  let project: Project;
  let work: string;
  let script: string;
  let env: NodeJS.ProcessEnv;

  const published = (...names: string[]) => path.join(project.folder, '.local/bucket/packages', ...names);
  /** Runs the page in an empty folder, with gpg's and rpm's keys of its own. */
  async function runPage(): Promise<{ text: string; folder: string }> {
    const folder = await fs.mkdtemp(path.join(work, 'page-'));
    await fs.mkdir(path.join(folder, 'gnupg'), { mode: 0o700 });
    await fs.writeFile(path.join(folder, '.rpmmacros'), `%_dbpath ${folder}/rpm\n`);
    const own = { HOME: folder, GNUPGHOME: path.join(folder, 'gnupg') };
    try {
      const options = { cwd: folder, env: { ...env, ...own } };
      const { stdout, stderr } = await run('bash', ['-c', `set -euo pipefail\n${script}`], options);
      return { text: stdout + stderr, folder };
    } finally {
      await run('gpgconf', ['--homedir', own.GNUPGHOME, '--kill', 'all']);
    }
  }

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'verify-packages-'));
    // Once from PyPI; then from pip's cache.
    env = { ...process.env, LC_ALL: 'C.UTF-8', PIP_CACHE_DIR: path.join(os.homedir(), '.cache/pip') };
    project = await copyProject();
    await project.ok('up');
    const page = await fs.readFile(path.join(PROJECT, 'docs/verify-packages.md'), 'utf8');
    const blocks = shellBlocks(page);
    assert.equal(blocks.length, 8);
    script = blocks
      .join('\n')
      .replaceAll('https://packages.example.org', `file://${path.join(project.folder, '.local/bucket')}`)
      .replaceAll('0.24.0', '0.1.0');
  });
  after(async () => {
    await project?.script('destroy', '--yes');
    await project?.remove();
    await fs.rm(work, { recursive: true, force: true });
  });

  it('is verified by every command of docs/verify-packages.md, and none of them warns of a file that was not looked at', async () => {
    const { text } = await runPage();
    const good = text.match(/^gpg: Good signature from/gm) ?? [];
    // The deb, the list of sums, both indexes, both documents.
    assert.equal(good.length, 6, text);
    assert.match(text, /^falco-0\.1\.0-module-x86_64\.rpm: digests signatures OK$/m);
    assert.match(text, /^falco-bin-0\.1\.0-x86\.tar\.gz: OK$/m);
    assert.match(text, /^falco-0\.1\.0-module-amd64\.deb: OK$/m);
    assert.doesNotMatch(text, /not a detached signature|BAD signature|FAILED/);
  });

  for (const [what, name, said] of [
    ['a deb', 'deb/stable/falco-0.1.0-module-amd64.deb', /^gpg: BAD signature/m],
    ['an SBOM', 'deb/stable/falco-0.1.0-module-amd64.deb.spdx.json', /^gpg: BAD signature/m],
    ['an rpm', 'rpm/falco-0.1.0-module-x86_64.rpm', /NOT OK$/m],
    ['a tarball', 'bin/x86_64/falco-bin-0.1.0-x86.tar.gz', /^falco-bin-0\.1\.0-x86\.tar\.gz: FAILED$/m],
  ] as const)
    it(`${what} that was edited stops the commands, which say so`, async () => {
      const file = published(name);
      const good = await fs.readFile(file);
      await fs.writeFile(
        file,
        Buffer.concat([good.subarray(0, -1), Buffer.from([good[good.length - 1] ^ 1])]),
      );
      try {
        await assert.rejects(runPage(), ({ stdout, stderr }: { stdout: string; stderr: string }) => {
          assert.match(stdout + stderr, said);
          return true;
        });
      } finally {
        await fs.writeFile(file, good);
      }
    });

  it('is there and valid for every package, each of its own bytes', async () => {
    const program = await spdxTools();
    const { packages } = await project.outputs();
    const files = Object.entries(packages as Record<string, { url: string; aliasOf?: string }>).filter(
      ([, { aliasOf }]) => aliasOf === undefined,
    );
    assert.equal(files.length, 9);
    for (const [name, { url }] of files) {
      const file = new URL(url).pathname;
      await run(program, ['-i', `${file}.spdx.json`, '--version', 'SPDX-2.3']);
      const { subject } = JSON.parse(await fs.readFile(`${file}.provenance.json`, 'utf8')) as {
        subject: { name: string; digest: { sha256: string } }[];
      };
      const { stdout } = await run('sha256sum', [file]);
      assert.deepEqual(subject, [{ name, digest: { sha256: stdout.slice(0, 64) } }]);
    }
  });
});
