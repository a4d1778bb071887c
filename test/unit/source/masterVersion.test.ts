import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { catalog } from '../../../catalog';
import { checkVersion, packageVersion } from '../../../names';
import { compareVersions } from '../../../provider/formats/versionOrder';
import { source, SourceInputs } from '../../../provider/resources/source';
import { checkout, describeFolder, fetchHistory } from '../../../provider/source/git';
import { masterVersion } from '../../../provider/source/masterVersion';
import { sourceVersion } from '../../../provider/source/version';

const SETTING = 'falco:version';
const EXAMPLE = path.resolve(__dirname, '../../../examples/falco-mini');

/** What real dpkg and real rpm say of two versions, as packages have them: -1, 0 or 1. */
function realOrder(a: string, b: string): number {
  const [x, y] = [packageVersion(a), packageVersion(b)];
  const rpm = Number(
    execFileSync('rpm', ['--eval', `%{lua:print(rpm.vercmp("${x}", "${y}"))}`], { encoding: 'utf8' }),
  );
  const operator = rpm < 0 ? 'lt' : rpm > 0 ? 'gt' : 'eq';
  execFileSync('dpkg', ['--compare-versions', x, operator, y]);
  return rpm;
}

function assertAscending(versions: string[]): void {
  for (let i = 1; i < versions.length; i++) {
    const [a = '', b = ''] = versions.slice(i - 1, i + 1);
    assert.equal(realOrder(a, b), -1, `dpkg and rpm: ${a} before ${b}`);
    assert.ok(compareVersions(a, b) < 0, `${a} before ${b}`);
  }
}

describe('the version of a master build', () => {
  let work: string;
  let folder: string;
  let commits: number;
  let before: string | undefined;

  const run = (where: string, ...args: string[]) =>
    execFileSync('git', ['-C', where, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
      env: { ...process.env, GIT_COMMITTER_DATE: '1600000000 +0000', GIT_AUTHOR_DATE: '1600000000 +0000' },
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  const git = (...args: string[]) => run(folder, ...args);
  const write = (name: string, text: string) => fs.writeFileSync(path.join(folder, name), text);
  const hash = () => `g${git('rev-parse', 'HEAD').slice(0, 8)}`;
  const commit = () => git('commit', '--quiet', '--allow-empty', '-m', `commit ${++commits}`);
  const announce = (version: string) => {
    write('CMakeLists.txt', `if(NOT FALCO_VERSION)\n  set(FALCO_VERSION "${version}")\nendif()\n`);
    git('add', '.');
    commit();
  };
  const find = async (where = folder, history?: string) => {
    const said = await sourceVersion(where, 'FALCO_VERSION', { revision: '' });
    return (await masterVersion({ folder: where, history, said, setting: SETTING }))?.version;
  };
  /** What is warned of while `action` runs, where no engine takes it. */
  const warnings = async (action: () => Promise<unknown>) => {
    const [write, told] = [process.stderr.write.bind(process.stderr), [] as string[]];
    process.stderr.write = (text: string | Uint8Array) => told.push(String(text)) > 0;
    try {
      await action();
    } finally {
      process.stderr.write = write;
    }
    return told;
  };

  beforeEach(() => {
    work = fs.mkdtempSync(path.join(os.tmpdir(), 'master-version-test-'));
    folder = path.join(work, 'source');
    fs.mkdirSync(folder);
    commits = 0;
    before = process.cwd();
    git('init', '--quiet', '--initial-branch=master');
    write('a.txt', 'a');
    git('add', '.');
    commit();
  });
  afterEach(() => {
    process.chdir(before ?? '.');
    fs.rmSync(work, { recursive: true });
  });

  it('is the patch after the newest release tag, the number of commits and the commit', async () => {
    git('tag', 'v0.24.0');
    git('tag', '0.9.9');
    commit();
    commit();
    assert.equal(await find(), `0.24.1-dev.3.${hash()}`);
    assert.equal(checkVersion((await find()) ?? '', SETTING), await find());
  });

  it('is never that of a release, even for the commit that has its tag', async () => {
    git('tag', '0.24.0');
    assert.equal(await find(), `0.24.1-dev.1.${hash()}`);
  });

  it('comes after a candidate that the commit contains, and before the next and the release', async () => {
    git('tag', '0.24.0');
    commit();
    const early = (await find()) ?? '';
    git('tag', '0.25.0-rc1');
    const late = (await find()) ?? '';
    assert.equal(late, `0.25.0-rc1.dev.2.${hash()}`);
    assertAscending(['0.24.0', early, '0.25.0-rc1', late, '0.25.0-rc2', '0.25.0-rc10', '0.25.0']);
  });

  it('is of the release that the source announces, once that is newer than its tags', async () => {
    git('tag', '0.24.0');
    announce('0.24.0');
    assert.equal(await find(), `0.24.1-dev.2.${hash()}`);
    announce('0.25.0-rc1');
    assert.equal(await find(), `0.25.0-dev.3.${hash()}`);
    git('tag', '0.25.0-alpha');
    assert.equal(
      await find(),
      `0.25.0-dev.3.${hash()}`,
      'an alpha would sort before the builds that are out',
    );
    git('tag', '0.25.0-rc1');
    assert.equal(await find(), `0.25.0-rc1.dev.3.${hash()}`);
  });

  it('takes a line that a tag opens, and the tag of a master build for its line', async () => {
    git('tag', '0.24.0');
    git('tag', '0.26.0-dev');
    assert.equal(await find(), `0.26.0-dev.1.${hash()}`);
    git('tag', '0.26.0-dev.1.g01234567');
    commit();
    assert.equal(await find(), `0.26.0-dev.2.${hash()}`);
  });

  it('takes no tag that is no version', async () => {
    git('tag', '0.24.0');
    for (const tag of ['9.0', 'agent/9.0.0', '9.0.0+build', '9.0.0-a-b', '9.0.0_x']) git('tag', tag);
    assert.equal(await find(), `0.24.1-dev.1.${hash()}`);
  });

  it('grows with every merge, for dpkg, rpm and this project, whatever happens on the way', async () => {
    const built: string[] = [];
    const build = async () => built.push((await find()) ?? '');
    git('tag', '0.24.0');
    for (let i = 0; i < 10; i++) {
      commit();
      await build();
    }
    announce('0.25.0');
    await build();
    git('tag', '0.24.1');
    commit();
    await build();
    git('tag', '0.25.0-rc1');
    await build();
    // A branch that took master in and then becomes master: fewer commits by first parents.
    git('checkout', '--quiet', '-b', 'side', 'HEAD~5');
    commit();
    git('merge', '--quiet', '--no-ff', '-m', 'merge', 'master');
    await build();
    git('tag', '0.25.0');
    commit();
    await build();
    assert.deepEqual(
      built.map((version) => version.replace(/\.g.*/, '')),
      [
        ...[2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((n) => `0.24.1-dev.${n}`),
        '0.25.0-dev.12',
        '0.25.0-dev.13',
        '0.25.0-rc1.dev.13',
        '0.25.0-rc1.dev.15',
        '0.25.1-dev.16',
      ],
    );
    assertAscending(['0.24.0', ...built.slice(0, 12), '0.25.0-rc1', ...built.slice(12, 14), '0.25.0']);
    assertAscending(['0.25.0', ...built.slice(14), '0.25.1']);
  });

  it('differs for every commit: on branches, and after a forced push', async () => {
    git('tag', '0.24.0');
    commit();
    const first = await find();
    git('commit', '--quiet', '--amend', '--allow-empty', '-m', 'another');
    const forced = await find();
    git('checkout', '--quiet', '-b', 'side', 'HEAD~1');
    commit();
    const versions = [first, forced, await find()];
    assert.deepEqual(
      versions.map((version) => version?.replace(/\.g.*/, '')),
      Array(3).fill('0.24.1-dev.2'),
    );
    assert.equal(new Set(versions).size, 3);
  });

  it('says that the work tree is not the commit, before the next commit, and changes no index', async () => {
    git('tag', '0.24.0');
    write('.gitignore', 'ignored\n');
    git('add', '.');
    commit();
    const clean = (await find()) ?? '';
    write('ignored', '');
    assert.equal(await find(), clean);
    const index = fs.readFileSync(path.join(folder, '.git/index'));
    const later = new Date(1700000000 * 1000);
    fs.utimesSync(path.join(folder, 'a.txt'), later, later);
    assert.equal(await find(), clean);
    assert.deepEqual(fs.readFileSync(path.join(folder, '.git/index')), index);
    write('new.txt', '');
    const dirty = (await find()) ?? '';
    assert.equal(dirty, `${clean}.dirty`);
    fs.rmSync(path.join(folder, 'new.txt'));
    write('a.txt', 'changed');
    assert.equal(await find(), dirty);
    git('commit', '--quiet', '-am', 'next');
    assertAscending([clean, dirty, (await find()) ?? '']);
  });

  it('is not made up from a shallow clone: the error says how to fetch', async () => {
    git('tag', '0.24.0');
    commit();
    const clone = path.join(work, 'clone');
    run(work, 'clone', '--quiet', '--depth=1', `file://${folder}`, clone);
    await assert.rejects(find(clone), {
      property: 'version',
      message: `falco:version: ${clone} is a shallow clone, which does not tell a master build's version; run git fetch --unshallow --tags in it, or set falco:version`,
    });
    run(clone, 'fetch', '--quiet', '--unshallow', '--tags');
    assert.equal(await find(clone), `0.24.1-dev.2.${hash()}`);
  });

  it('is not made up where neither a tag nor the source says one', async () => {
    await assert.rejects(find(), {
      property: 'version',
      message:
        'falco:version: the source has no version tag and says none; get its tags (git fetch --tags), tag a commit with x.y.z, or set falco:version',
    });
    announce('0.1.0');
    assert.equal(await find(), `0.1.0-dev.2.${hash()}`);
  });

  it('stays with what the source says outside git, before the first commit and in a subfolder', async () => {
    const [plain, empty] = [path.join(work, 'plain'), path.join(work, 'empty')];
    fs.mkdirSync(plain);
    fs.mkdirSync(empty);
    run(empty, 'init', '--quiet');
    fs.mkdirSync(path.join(folder, 'sub'));
    for (const where of [plain, empty, path.join(folder, 'sub')]) assert.equal(await find(where), undefined);
  });

  it('is the one that the recipe sets whatever the build says, with a warning', async () => {
    git('tag', '0.24.0');
    write('CMakeLists.txt', 'set(FALCO_VERSION "0.24.3")\n');
    const told = await warnings(async () => assert.equal(await find(), '0.24.3'));
    assert.deepEqual(told, [
      'warning: falco:version: CMakeLists.txt sets 0.24.3 whatever the build says, so each build of the master channel takes the place of the last one; let the recipe take another version, to give each its own\n',
    ]);
  });

  it('warns of a newer tag on another branch, which it would come before', async () => {
    git('tag', '0.24.0');
    git('checkout', '--quiet', '-b', 'release/0.25.x');
    commit();
    git('tag', '0.25.0');
    git('checkout', '--quiet', 'master');
    const version = `0.24.1-dev.1.${hash()}`;
    const told = await warnings(async () => assert.equal(await find(), version));
    assert.deepEqual(told, [
      `warning: falco:version: the source's commit does not contain the tag 0.25.0, so its build ${version} comes before that; to begin the next line, tag a commit of it, such as 0.25.1-dev, or raise the version in CMakeLists.txt\n`,
    ]);
    git('tag', '0.26.0-dev');
    assert.deepEqual(await warnings(find), []);
    assert.equal(await find(), `0.26.0-dev.1.${hash()}`);
  });

  describe('of a git URL', () => {
    const cache = () => path.join(work, 'cache');
    const fromUrl = async (ref: string) => {
      const url = `file://${folder}#${ref}`;
      const files = await checkout(url, cache(), 'falco:source');
      const { revision } = await describeFolder(files);
      return find(files, await fetchHistory(url, revision, cache(), 'falco:source'));
    };

    it('is that of the same commit in a clone, by branch or by commit, with the tags of now', async () => {
      git('tag', '-a', '-m', 'release', '0.24.0');
      commit();
      const version = `0.24.1-dev.2.${hash()}`;
      assert.equal(await fromUrl('master'), version);
      assert.equal(await fromUrl(git('rev-parse', 'HEAD')), version);
      commit();
      git('tag', '0.25.0');
      assert.equal(await fromUrl('master'), `0.25.1-dev.3.${hash()}`);
      git('tag', '--delete', '0.25.0');
      assert.equal(await fromUrl('master'), `0.24.1-dev.3.${hash()}`);
      const histories = fs.readdirSync(cache()).filter((name) => name.startsWith('history-'));
      assert.equal(histories.length, 1);
    });

    it('brings no files where the server can leave them out', async () => {
      git('config', 'uploadpack.allowFilter', 'true');
      git('tag', '0.24.0');
      const revision = git('rev-parse', 'HEAD');
      const history = await fetchHistory(`file://${folder}#master`, revision, cache(), 'falco:source');
      const objects = execFileSync(
        'git',
        [`--git-dir=${history}`, 'cat-file', '--batch-all-objects', '--batch-check=%(objecttype)'],
        { encoding: 'utf8', stdio: 'pipe' },
      );
      assert.equal(objects, 'commit\n');
    });

    it('needs the repository: the error names the source', async () => {
      const url = `file://${work}/none#master`;
      await assert.rejects(fetchHistory(url, git('rev-parse', 'HEAD'), cache(), 'falco:source'), {
        property: 'source',
        message:
          /^falco:source: cannot get the history of file:.*\/none, which tells a master build's version: /,
      });
    });
  });

  describe('in the resource', () => {
    const inputs = (more: Partial<SourceInputs>): SourceInputs => ({
      namespace: 'falco',
      bucket: path.join(work, 'bucket'),
      prefix: 'build/local-master/source',
      channel: 'master',
      source: path.join(work, 'example'),
      extra: {},
      version: '',
      epoch: 0,
      layout: catalog.layout,
      elfMachine: catalog.architectures[0].elfMachine,
      ...more,
    });
    const versionOf = async (more: Partial<SourceInputs>) => {
      const checked = (await source.check?.(inputs(more), undefined)) as SourceInputs;
      return checked.version;
    };
    const example = (...args: string[]) => run(path.join(work, 'example'), ...args);

    beforeEach(() => {
      fs.cpSync(EXAMPLE, path.join(work, 'example'), { recursive: true });
      example('init', '--quiet', '--initial-branch=master');
      example('add', '.');
      example('commit', '--quiet', '-m', 'first');
      example('tag', '0.24.0');
    });

    it('is found for the master channel only', async () => {
      const commit = example('rev-parse', 'HEAD').slice(0, 8);
      assert.equal(await versionOf({}), `0.24.1-dev.1.g${commit}`);
      assert.equal(await versionOf({ channel: 'release' }), '0.24.0');
    });

    it('gives way to the one that is set, also on a commit with a version tag', async () => {
      assert.equal(await versionOf({ version: '0.25.0-dev.12' }), '0.25.0-dev.12');
      await assert.rejects(versionOf({ channel: 'release', version: '0.25.0' }), {
        message:
          'falco:version: is 0.25.0, but the git tag 0.24.0 says 0.24.0; set falco:version to that, or give another source',
      });
    });

    it('comes with the history of a git URL', async () => {
      process.chdir(work); // checkouts lie below it
      const commit = example('rev-parse', 'HEAD').slice(0, 8);
      const url = `file://${work}/example#master`;
      assert.equal(await versionOf({ source: url }), `0.24.1-dev.1.g${commit}`);
    });

    it("is the example's own in this project, whose tags are not of it", async () => {
      assert.equal(await versionOf({ source: EXAMPLE }), '0.1.0');
    });
  });
});
