/** Which commit of the project a provenance names, with a real git. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { commitOf } from '../../../provider/attest/project';

describe('the commit of the project', () => {
  let folder: string;
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=A', '-c', 'user.email=a@example.org', ...args], {
      encoding: 'utf8',
    }).trim();

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'project-commit-'));
    await fs.writeFile(path.join(folder, 'index.ts'), 'one\n');
    git('init', '--quiet');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'one');
    await fs.utimes(path.join(folder, '.git/logs/HEAD'), 1600000000, 1600000000);
  });
  afterEach(() => fs.rm(folder, { recursive: true, force: true }));

  it('is named where the folder is that commit', async () => {
    assert.equal(await commitOf(folder, 1600000001_000), git('rev-parse', 'HEAD'));
  });

  it('is not named of a folder that has something else', async () => {
    await fs.writeFile(path.join(folder, 'index.ts'), 'two\n');
    assert.equal(await commitOf(folder, 1600000001_000), '');
    await fs.writeFile(path.join(folder, 'index.ts'), 'one\n');
    await fs.writeFile(path.join(folder, 'more.ts'), 'more\n');
    assert.equal(await commitOf(folder, 1600000001_000), '');
  });

  it('is not named where another was checked out since the process started', async () => {
    const started = Date.now() - 1000;
    git('commit', '--quiet', '--allow-empty', '--message', 'two');
    assert.equal(await commitOf(folder, started), '');
  });

  it('is not named outside git', async () => {
    await fs.rm(path.join(folder, '.git'), { recursive: true });
    assert.equal(await commitOf(folder, 0), '');
  });
});
