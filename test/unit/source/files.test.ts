import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { hashFile, listSource, listTree, unpackTar, writeTar } from '../../../provider/source/files';
import { checkout, describeFolder } from '../../../provider/source/git';
import { sourceVersion } from '../../../provider/source/version';

const git = (folder: string, ...args: string[]) =>
  execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
    env: { ...process.env, GIT_COMMITTER_DATE: '1600000000 +0000', GIT_AUTHOR_DATE: '1600000000 +0000' },
    encoding: 'utf8',
  }).trim();

describe('source folder', () => {
  let work: string;
  let folder: string;
  const write = (name: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  };

  beforeEach(() => {
    work = fs.mkdtempSync(path.join(os.tmpdir(), 'source-test-'));
    folder = path.join(work, 'source');
    write('b.txt', 'b');
    write('a/run.sh', '#!/bin/sh\n');
    fs.chmodSync(path.join(folder, 'a/run.sh'), 0o750);
    fs.symlinkSync('b.txt', path.join(folder, 'link'));
    write('.gitignore', 'build/\n');
    write('build/out.o', 'x');
  });
  afterEach(() => fs.rmSync(work, { recursive: true }));

  const names = async () =>
    (await listSource(folder)).map((file) => `${file.path} ${file.type} ${file.mode.toString(8)}`);
  const all = ['.gitignore file 644', 'a/run.sh file 755', 'b.txt file 644', 'link symlink 644'];

  it('leaves ignored files out, outside git too', async () => assert.deepEqual(await names(), all));

  it('takes uncommitted changes in and deleted files out', async () => {
    git(folder, 'init', '--quiet');
    write('gone.txt', '');
    git(folder, 'add', '.');
    git(folder, 'commit', '--quiet', '-m', 'first');
    fs.rmSync(path.join(folder, 'gone.txt'));
    write('new.txt', 'new');
    assert.deepEqual(await names(), [...all, 'new.txt file 644']);
  });

  it('gives the same archive whatever owner, time and order the files have', async () => {
    const archive = async (name: string) => {
      const out = path.join(work, name);
      await writeTar(folder, await listSource(folder), 1589302426, out);
      return out;
    };
    const first = await hashFile(await archive('1.tar'));
    fs.utimesSync(path.join(folder, 'b.txt'), 1, 1);
    fs.chownSync(path.join(folder, 'b.txt'), 12345, 12345);
    const second = await archive('2.tar');
    assert.equal(await hashFile(second), first);
    const listing = execFileSync('tar', ['--utc', '--full-time', '-tvf', second], { encoding: 'utf8' });
    assert.equal(listing.split('\n')[1], '-rwxr-xr-x root/root        10 2020-05-12 16:53:46 a/run.sh');
  });

  it('unpacks what it packed, and refuses an entry that leaves the folder', async () => {
    const out = path.join(work, 'x.tar');
    await writeTar(folder, await listSource(folder), 0, out);
    execFileSync('gzip', [out]);
    await unpackTar(`${out}.gz`, path.join(work, 'again'));
    assert.deepEqual(await listTree(path.join(work, 'again')), await listSource(folder));
    execFileSync('tar', ['-C', folder, '-cPf', `${work}/evil.tar`, '--transform=s,^,../,', 'b.txt']);
    await assert.rejects(
      unpackTar(`${work}/evil.tar`, path.join(work, 'evil')),
      /the entry \.\.\/b\.txt points outside/,
    );
  });

  it('unpacks only what is wanted', async () => {
    const out = path.join(work, 'x.tar');
    const all = await listSource(folder);
    await writeTar(folder, all, 0, out);
    await unpackTar(out, path.join(work, 'some'), (name) => name.startsWith('a/'));
    assert.deepEqual(
      await listTree(path.join(work, 'some')),
      all.filter((file) => file.path.startsWith('a/')),
    );
  });

  it('refuses an archive that writes through a link of its own to elsewhere', async () => {
    const evil = path.join(work, 'evil');
    fs.mkdirSync(path.join(work, 'elsewhere'));
    const links: [string, string][] = [
      ['a folder', 'usr'],
      ['a file', 'usr/file'],
    ];
    for (const [what, name] of links) {
      const archive = path.join(work, `${what}.tar`);
      fs.rmSync(evil, { recursive: true, force: true });
      fs.mkdirSync(path.join(evil, path.dirname(name)), { recursive: true });
      fs.symlinkSync(path.join(work, 'elsewhere'), path.join(evil, name));
      execFileSync('tar', ['-C', evil, '-cf', archive, name]);
      fs.rmSync(path.join(evil, name));
      fs.mkdirSync(path.join(evil, 'usr'), { recursive: true });
      fs.writeFileSync(path.join(evil, 'usr/file'), 'evil');
      execFileSync('tar', ['-C', evil, '-rf', archive, 'usr/file']);
    }
    await assert.rejects(unpackTar(path.join(work, 'a folder.tar'), path.join(work, 'one')), {
      message: `${work}/a folder.tar: the entry usr/file points outside`,
    });
    await unpackTar(path.join(work, 'a file.tar'), path.join(work, 'two'));
    assert.equal(fs.readFileSync(path.join(work, 'two/usr/file'), 'utf8'), 'evil', 'in place of the link');
    assert.deepEqual(fs.readdirSync(path.join(work, 'elsewhere')), []);
  });

  it('reads revision, date and version tag from git, of the last commit that touched the folder', async () => {
    assert.deepEqual(await describeFolder(folder), { revision: '' });
    git(folder, 'init', '--quiet');
    git(folder, 'add', '.');
    git(folder, 'commit', '--quiet', '-m', 'first');
    const first = git(folder, 'rev-parse', 'HEAD');
    git(folder, 'tag', 'v0.24.0');
    const clean = { revision: first, isEdited: false, date: 1600000000, tag: '0.24.0' };
    assert.deepEqual(await describeFolder(folder), clean);
    write('b.txt', 'changed');
    git(folder, 'commit', '--quiet', '-am', 'second');
    assert.deepEqual(await describeFolder(path.join(folder, 'a')), {
      revision: first,
      isEdited: false,
      date: 1600000000,
      tag: undefined,
    });
  });

  it('tells a folder that has something else than its commit, and no ignored file makes one', async () => {
    const isEdited = async (where = folder) => (await describeFolder(where)).isEdited;
    git(folder, 'init', '--quiet');
    write('.gitignore', 'ignored');
    git(folder, 'add', '.');
    git(folder, 'commit', '--quiet', '-m', 'first');
    write('ignored', 'text');
    assert.equal(await isEdited(), false);
    write('new', 'text');
    assert.deepEqual([await isEdited(), await isEdited(path.join(folder, 'a'))], [true, false]);
    fs.rmSync(path.join(folder, 'new'));
    write('b.txt', 'edited');
    assert.equal(await isEdited(), true);
  });

  it('checks a git URL out by ref, once per commit, and names the setting when it cannot', async () => {
    git(folder, 'init', '--quiet');
    git(folder, 'add', '.');
    git(folder, 'commit', '--quiet', '-m', 'first');
    git(folder, 'tag', '0.24.0');
    const cache = path.join(work, 'cache');
    const found = await checkout(`file://${folder}#0.24.0`, cache, 'falco:source');
    assert.equal(path.basename(found), git(folder, 'rev-parse', 'HEAD'));
    assert.equal((await describeFolder(found)).tag, '0.24.0');
    assert.equal(await checkout(`file://${folder}`, cache, 'falco:source'), found);
    await assert.rejects(
      checkout(`file://${folder}#nope`, cache, 'falco:source'),
      /falco:source: cannot get .* at nope: there is no such ref/,
    );
  });

  it('takes the version from the tag that was asked for, where the commit has several', async () => {
    git(folder, 'init', '--quiet');
    git(folder, 'add', '.');
    git(folder, 'commit', '--quiet', '-m', 'first');
    git(folder, 'tag', '0.24.0-rc2');
    git(folder, 'tag', '0.24.0');
    const cache = path.join(work, 'cache');
    for (const tag of ['0.24.0', '0.24.0-rc2']) {
      const found = await checkout(`file://${folder}#${tag}`, cache, 'falco:source');
      assert.equal((await describeFolder(found)).tag, tag);
    }
  });

  it('takes exactly the branch that was asked for', async () => {
    git(folder, 'init', '--quiet', '--initial-branch=main');
    git(folder, 'add', '.');
    git(folder, 'commit', '--quiet', '-m', 'first');
    const first = git(folder, 'rev-parse', 'HEAD');
    git(folder, 'branch', 'master');
    write('b.txt', 'changed');
    git(folder, 'commit', '--quiet', '-am', 'second');
    git(folder, 'branch', 'a/master');
    const found = await checkout(`file://${folder}#master`, path.join(work, 'cache'), 'falco:source');
    assert.equal(path.basename(found), first);
  });
});

describe('a folder with files that cannot be read', () => {
  // Of the kernel: each file is there, and reading it fails.
  const folder = '/proc/self/attr';

  it('is looked at before any of them is read', async () => {
    const look = (paths: string[]) => {
      throw new Error(`it has ${paths.includes('exec') ? 'exec' : 'nothing'}`);
    };
    await assert.rejects(listSource(folder, look), { message: 'it has exec' });
  });

  it('is an error that names the file', async () => {
    await assert.rejects(listSource(folder), {
      message: /^\/proc\/self\/attr\/\w+ cannot be read: EINVAL: invalid argument, read$/,
    });
  });
});

describe('the version that a source says', () => {
  let folder: string;
  beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'version-test-'))));
  afterEach(() => fs.rmSync(folder, { recursive: true }));
  const said = async (cmake: string) => {
    fs.writeFileSync(path.join(folder, 'CMakeLists.txt'), cmake);
    const found = await sourceVersion(folder, 'FALCO_VERSION', await describeFolder(folder));
    return found && [found.version, found.fixed];
  };

  it('is a default where the recipe lets it be set', async () => {
    assert.deepEqual(await said('if(NOT FALCO_VERSION)\n  set(FALCO_VERSION "0.1.0")\nendif()'), [
      '0.1.0',
      false,
    ]);
    assert.deepEqual(await said('set(FALCO_VERSION 0.1.0 CACHE STRING "version")'), ['0.1.0', false]);
    assert.deepEqual(await said('project(falco VERSION 0.2.0)\nset(V ${FALCO_VERSION})'), ['0.2.0', false]);
  });

  it('is fixed where the recipe sets it whatever -D says', async () => {
    assert.deepEqual(await said('set(FALCO_VERSION "0.1.0-rc1")'), ['0.1.0-rc1', true]);
    assert.deepEqual(await said('project(falco VERSION 0.2.0 LANGUAGES C CXX)'), ['0.2.0', true]);
  });

  it('is not read from a comment, and may be missing', async () => {
    assert.equal(await said('# set(FALCO_VERSION 1.2.3)\nproject(falco)'), undefined);
    fs.writeFileSync(path.join(folder, 'VERSION'), 'v0.3.0\n');
    assert.deepEqual(await said('project(falco)'), ['0.3.0', false]);
  });
});
