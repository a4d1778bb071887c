import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { readOptions } from '../../../cli/options';
import { overridesOf, stackName } from '../../../cli/validate';

describe('what the options name', () => {
  let folder: string;
  let root: string;
  let started: string;
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'validate-'));
    root = path.join(folder, 'project');
    started = path.join(folder, 'elsewhere');
    fs.mkdirSync(path.join(root, 'examples/mini'), { recursive: true });
    fs.writeFileSync(path.join(root, 'examples/mini/CMakeLists.txt'), '');
    fs.mkdirSync(path.join(started, 'empty'), { recursive: true });
    fs.mkdirSync(path.join(started, 'libs'));
    fs.writeFileSync(path.join(started, 'libs/file'), '');
    fs.writeFileSync(path.join(started, 'tree.tar.gz'), gzipSync('tar'));
    fs.writeFileSync(path.join(started, 'tree.txt'), 'text');
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  const overrides = (...args: string[]) => overridesOf(readOptions('up', args), started, root);

  it('becomes config values; relative paths start where npm was started', () => {
    assert.deepEqual(
      overrides(
        '--source=libs',
        '--tree=tree.tar.gz',
        '--version=0.24.0-rc1',
        '--extra=libs=libs',
        '--cmake-arg=-DA=1',
        '--patches=libs',
      ),
      {
        source: path.join(started, 'libs'),
        tree: path.join(started, 'tree.tar.gz'),
        version: '0.24.0-rc1',
        extra: { libs: path.join(started, 'libs') },
        cmakeArgs: ['-DA=1'],
        patches: path.join(started, 'libs'),
      },
    );
  });

  it("leaves the stack's source out beside a tree alone", () => {
    assert.deepEqual(overrides('--tree=tree.tar.gz'), {
      tree: path.join(started, 'tree.tar.gz'),
      source: '',
    });
  });

  it('is nothing without options', () => {
    assert.deepEqual(overrides(), {});
  });

  it('stays relative to the project inside it, as in a stack file', () => {
    assert.deepEqual(overrides('--source=../project/examples/mini'), { source: 'examples/mini' });
  });

  for (const url of [
    'https://git.example.org/falco#0.24.0',
    'git@git.example.org:falco/falco.git#main',
    'file:///srv/falco#v1',
  ]) {
    it(`takes the git URL ${url}`, () => {
      assert.deepEqual(overrides('--source', url), { source: url });
    });
  }

  it('takes an extra source from git, with its ref', () => {
    const url = 'https://git.example.org/libs#0.1.0';
    assert.deepEqual(overrides(`--extra=libs=${url}`), { extra: { libs: url } });
  });

  const wrong: [string, string, RegExp][] = [
    [
      'a git URL with a password',
      '--source=https://user:pass@git.example.org/falco#main',
      /^--source \(falco:source\): the URL has a password or token in it, which would be kept in clear; take it out and use a git credential helper$/,
    ],
    [
      'a git URL with a token',
      '--source=https://ghp_1@git.example.org/falco#main',
      /^--source \(falco:source\): the URL has a password or token in it/,
    ],
    [
      'a git URL with a token and without ref, not saying it',
      '--source=https://ghp_1@git.example.org/falco',
      /^--source \(falco:source\): the URL has a password or token in it(?![^]*ghp_1)/,
    ],
    [
      'an extra source from git without ref',
      '--extra=libs=https://git.example.org/libs',
      /^--extra \(falco:extra\): "https:\S+" names no ref; add #REF/,
    ],
    [
      'a version without patch level',
      '--version=1.2',
      /^--version \(falco:version\): "1\.2" is no version; give x\.y\.z/,
    ],
    [
      'a version with v',
      '--version=v1.2.3',
      /^--version \(falco:version\): "v1\.2\.3" is no version; leave out the v: 1\.2\.3$/,
    ],
    ['a version with build metadata', '--version=1.2.3+5', /"1\.2\.3\+5" is no version/],
    [
      'a source that is missing',
      '--source=nowhere',
      /^--source \(falco:source\): \S+\/elsewhere\/nowhere does not exist; give a folder/,
    ],
    [
      'a source that is empty',
      '--source=empty',
      /^--source \(falco:source\): \S+\/empty is empty; give a folder/,
    ],
    ['a source that is a file', '--source=tree.txt', /tree\.txt is no folder; give a folder/],
    ['a git URL without ref', '--source=https://git.example.org/falco', /names no ref; add #REF/],
    [
      'a tree that is missing',
      '--tree=nowhere.tar.gz',
      /^--tree \(falco:tree\): \S+ does not exist; give an installed tree/,
    ],
    ['a tree that is empty', '--tree=empty', /^--tree \(falco:tree\): \S+ is empty/],
    ['a tree that is no gzip file', '--tree=tree.txt', /^--tree \(falco:tree\): \S+ is no gzip file/],
    ['an extra source without a name', '--extra=libs', /^--extra \(falco:extra\): "libs" is not NAME=DIR/],
    [
      'an extra source that is missing',
      '--extra=libs=nowhere',
      /^--extra \(falco:extra\): \S+ does not exist/,
    ],
    ['patches that are missing', '--patches=nowhere', /^--patches \(falco:patches\): \S+ does not exist/],
  ];
  for (const [what, arg, message] of wrong) {
    it(`refuses ${what}, naming the setting and the remedy`, () => {
      assert.throws(() => overrides(arg), { message });
    });
  }
});

describe('the stack', () => {
  const name = (...args: string[]) => stackName(readOptions('up', args));

  it('is local, or the sibling of the channel', () => {
    assert.equal(name(), 'local');
    assert.equal(name('--channel=release'), 'local');
    assert.equal(name('--channel=master'), 'local-master');
    assert.equal(name('--stack=mine'), 'mine');
    assert.equal(name('--stack=mine', '--channel=master'), 'mine-master');
    assert.equal(name('--stack=mine-master', '--channel=master'), 'mine-master');
  });

  it('refuses an unknown channel, a stack of the other channel and a bad name', () => {
    assert.throws(
      () => name('--channel=nightly'),
      /--channel: "nightly" is no channel; give release or master$/,
    );
    assert.throws(
      () => name('--stack=x-master', '--channel=release'),
      /the stack x-master is of the master channel; .* --stack x$/,
    );
    assert.throws(() => name('--stack=a/b'), /--stack: "a\/b" is no stack name/);
  });
});
