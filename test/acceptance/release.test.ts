/** The whole set through the real engine, BuildKit, registry, apt and dnf, on the example source. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { digest } from '../../provider/oci';
import { aptClient, dnfClient } from './clients';
import { copyProject, Outputs, Project } from './project';

/** The specification's list, name by name (seed/falco-artifacts-scope-part-2.md), with the legacy names. */
const packagesOf = (v: string) => [
  `falco-${v}-amd64.deb`,
  `falco-${v}-module-amd64.deb`,
  `falco-${v}-bpf-amd64.deb`,
  `falco-${v}-x86_64.deb`,
  `falco-${v}-x86_64.rpm`,
  `falco-${v}-module-x86_64.rpm`,
  `falco-${v}-bpf-x86_64.rpm`,
  `falco-bin-${v}-x86.tar.gz`,
  `falco-src-${v}-x86.tar.gz`,
  `falco-module-src-${v}-x86.tar.gz`,
  `falco-bpf-src-${v}-x86.tar.gz`,
  `falco-${v}-x86_64.tar.gz`,
  `falco-${v}-x86.debug`,
];
const UNVERSIONED = [
  'falco-bin-x86.tar.gz',
  'falco-src-x86.tar.gz',
  'falco-module-src-x86.tar.gz',
  'falco-bpf-src-x86.tar.gz',
  'falco.debug',
];
const IMAGES = ['falco', 'falco-driver-loader', 'falco-no-driver', 'falco-tester', 'falco-builder'];
const imagesOf = (...tags: string[]) =>
  tags
    .flatMap((tag) => [
      ...IMAGES.map((name) => `falcosecurity/${name}:${tag}`),
      `falcosecurity/falco:${tag}-slim`,
    ])
    .sort();

const fileOf = (url: string) => url.replace(/^file:\/\//, '');
const sha256 = async (file: string) =>
  createHash('sha256')
    .update(await fs.readFile(file))
    .digest('hex');

/** Every output resolves: each file has its digest and size, each image is in the registry under its tag. */
async function assertResolves(outputs: Outputs): Promise<void> {
  for (const [name, one] of Object.entries(outputs.packages)) {
    const file = fileOf(one.url);
    assert.equal(path.basename(file), name);
    assert.equal(await sha256(file), one.sha256, name);
    assert.equal((await fs.stat(file)).size, one.size, name);
    if (one.aliasOf) assert.equal(outputs.packages[one.aliasOf]?.sha256 ?? one.sha256, one.sha256);
  }
  for (const [name, reference] of Object.entries(outputs.images)) {
    const [repository, found] = reference.split('@');
    const tag = name.slice(name.lastIndexOf(':') + 1);
    assert.equal(await digest(`${repository}:${tag}`), found, name);
  }
}

describe('release', function () {
  this.timeout(1_200_000);
  let project: Project;
  let first: Outputs;

  before(async () => {
    project = await copyProject();
    await project.ok('up');
    first = await project.outputs();
  });
  after(() => project.remove());

  const changeAndPreview = async (name: string, text: string) => {
    const file = path.join(project.folder, name);
    const before = await fs.readFile(file);
    await fs.appendFile(file, text);
    try {
      return await project.preview();
    } finally {
      await fs.writeFile(file, before);
    }
  };
  const changedNames = (changes: Record<string, string>, prefix: string) =>
    Object.keys(changes)
      .filter((name) => name.startsWith(prefix) && !name.endsWith('-context'))
      .map((name) => name.slice(prefix.length))
      .sort();

  it('has every name of the specification, and nothing else', () => {
    assert.deepEqual(Object.keys(first.packages).sort(), [...packagesOf('0.1.0'), ...UNVERSIONED].sort());
    assert.deepEqual(Object.keys(first.images).sort(), imagesOf('0.1.0', 'latest'));
  });

  it('resolves: each file has its digest, each tag its image', () => assertResolves(first));

  it('installs by apt-get in a clean Debian that knows the URL and the key', async () => {
    const client = await aptClient(first);
    try {
      await client.install('falco');
      assert.match(await client.chroot('falco', '--version'), /^Falco version: 0\.1\.0$/m);
      assert.equal(await client.chroot('dpkg', '-V', 'falco'), '');
      assert.match(await client.chroot('dkms', 'status'), /^falco\/[0-9a-f]{40}: added$/m);
    } finally {
      await client.remove();
    }
  });

  it('installs by dnf into an empty root from its .repo file', async () => {
    const client = await dnfClient(first, await fs.mkdtemp(path.join(project.folder, '.local', 'dnf-')));
    try {
      await client.install('falco');
      assert.equal(await client.query('-V', '--nodeps', 'falco'), '');
      assert.equal(await client.query('-q', '--qf', '%{version}', 'falco'), '0.1.0');
    } finally {
      await client.remove();
    }
  });

  it('is unchanged by a second preview', async () => {
    await project.ok('preview', '--expect-no-changes');
    assert.deepEqual(await project.preview(), {});
  });

  it('fails a preview that expects no changes where there are some', async () => {
    const { status, text } = await project.script('preview', '--expect-no-changes', '--version', '0.9.0');
    assert.notEqual(status, 0);
    assert.match(text, /no changes were expected/);
  });

  /** A gate runs again when one of the artifacts that it consumes changes. */
  const gatesOf = (packages: string[], images: string[]) =>
    [
      ...packages,
      ...packages.filter((name) => /^(deb|rpm)-|^bin$/.test(name)).map((name) => `floor-${name}`),
      ...(packages.includes('bin') && !packages.includes('debug') ? ['debug'] : []),
      ...images.map((name) => `image-${name}`),
    ].sort();
  const debsAndRpms = ['deb-bpf', 'deb-module', 'rpm-bpf', 'rpm-module'];
  const expected: [string, string, string, string[], string[]][] = [
    [
      'a BPF file',
      'examples/falco-mini/driver/bpf/probe.c',
      '\n',
      ['bin', 'bpf-src', 'deb-bpf', 'rpm-bpf', 'src'],
      ['falco', 'falco-driver-loader'],
    ],
    [
      'a rules file',
      'examples/falco-mini/rules/falco_rules.yaml',
      '# x\n',
      ['bin', ...debsAndRpms, 'src'],
      ['falco', 'falco-driver-loader', 'falco-no-driver'],
    ],
    [
      'a C++ file',
      'examples/falco-mini/userspace/falco/app.cpp',
      '// x\n',
      ['bin', 'deb-bpf', 'deb-module', 'debug', 'rpm-bpf', 'rpm-module', 'src'],
      ['falco', 'falco-driver-loader', 'falco-no-driver'],
    ],
    ['a test', 'examples/falco-mini/test/run_tests.sh', '# x\n', ['src'], ['falco-tester']],
    ['a Dockerfile', 'dockerfiles/falco-tester/Dockerfile', '# x\n', [], ['falco-tester']],
    ['an INSTALL text', 'packaging/install/deb-bpf', 'x\n', ['deb-bpf'], []],
  ];
  for (const [what, file, text, packages, images] of expected) {
    it(`would change, after ${what} was touched, just the artifacts that hold it`, async () => {
      const changes = await changeAndPreview(file, text);
      assert.deepEqual(
        changedNames(changes, 'package-').filter((name) => name !== 'tree'),
        packages,
      );
      const isTold = (name: string) => name.startsWith('statements-');
      assert.deepEqual(
        changedNames(changes, 'image-').filter((name) => !isTold(name)),
        images,
      );
      // What is told of each, and who signed it.
      assert.deepEqual(changedNames(changes, 'statements-'), packages);
      assert.deepEqual(changedNames(changes, 'image-statements-'), images);
      assert.deepEqual(changedNames(changes, 'attestation-'), images);
      assert.deepEqual(changedNames(changes, 'gate-'), gatesOf(packages, images));
      const tags = changedNames(changes, 'tag-').filter((name) => name !== 'ledger');
      const names = images.flatMap((name) => (name === 'falco-no-driver' ? [name, 'falco-slim'] : [name]));
      assert.deepEqual(tags, names.flatMap((name) => [`${name}-latest`, `${name}-version`]).sort());
      assert.deepEqual(
        Object.values(changes).filter((op) => op !== 'update'),
        [],
      );
    });
  }

  it('refuses a version, a source and a tree that are not there or not right, before anything is touched', async () => {
    const empty = await fs.mkdtemp(path.join(project.folder, '.local', 'empty-'));
    const cases: [string[], RegExp][] = [
      [['--version', '1.2'], /version.*"1\.2" is no version/],
      [['--channel', 'beta'], /channel.*beta/],
      [['--source', path.join(project.folder, 'nowhere')], /source.*nowhere/],
      [['--source', empty], /source.*empty/],
      [['--source', path.join(project.folder, 'docs')], /source.*does not look like/],
      [
        ['--source', path.join(project.folder, '.local/bucket')],
        /source.*(inside the output|does not look like)/,
      ],
      [['--tree', path.join(project.folder, 'nowhere.tar.gz')], /tree.*nowhere/],
      [
        ['--tree', fileOf(first.packages['falco-bin-x86.tar.gz'].url), '--version', '7.0.0'],
        /version.*7\.0\.0.*0\.1\.0/,
      ],
    ];
    for (const [args, message] of cases) {
      const { status, text } = await project.script('up', ...args);
      assert.notEqual(status, 0, args.join(' '));
      assert.match(text, message);
    }
    assert.deepEqual(await project.preview(), {});
  });

  it('shows beforehand what a second version adds and moves, and keeps the first', async () => {
    const changes = await project.preview('--version', '0.2.0');
    assert.deepEqual([...new Set(Object.values(changes))], ['update']);
    const { stdout } = await project.ok('preview', '--version', '0.2.0', '--diff');
    assert.match(
      stdout,
      /falco-bin-x86\.tar\.gz"?\s*: "falco-bin-0\.1\.0-x86\.tar\.gz" => "falco-bin-0\.2\.0-x86\.tar\.gz"/,
    );
    assert.match(stdout, /targetVersion: "0\.1\.0" => "0\.2\.0"/);

    await project.ok('up', '--version', '0.2.0');
    await project.ok('preview', '--published', '--expect-no-changes');
    const second = await project.outputs();
    assert.deepEqual(Object.keys(second.packages).sort(), [...packagesOf('0.2.0'), ...UNVERSIONED].sort());
    await assertResolves(second);
    for (const name of UNVERSIONED) assert.match(second.packages[name].aliasOf!, /0\.2\.0/);
    for (const name of packagesOf('0.1.0')) {
      assert.equal(await sha256(fileOf(first.packages[name].url)), first.packages[name].sha256, name);
    }
    for (const image of imagesOf('0.1.0')) {
      const [repository, found] = first.images[image].split('@');
      assert.equal(await digest(`${repository}:${image.slice(image.lastIndexOf(':') + 1)}`), found, image);
    }
    const index = await fs.readFile(
      path.join(fileOf(second.apt.url), 'dists/stable/main/binary-amd64/Packages'),
      'utf8',
    );
    assert.deepEqual([...index.matchAll(/^Version: (.*)$/gm)].map(([, version]) => version).sort(), [
      '0.1.0',
      '0.1.0',
      '0.2.0',
      '0.2.0',
    ]);
  });

  it('does not move latest for a back-port or a release candidate', async () => {
    const before = await project.outputs();
    await project.ok('up', '--version', '0.1.1');
    const backport = await project.outputs();
    assert.equal(backport.images['falcosecurity/falco:latest'], before.images['falcosecurity/falco:latest']);
    assert.match(backport.packages['falco-bin-x86.tar.gz'].aliasOf!, /0\.2\.0/);
    await assertResolves(backport);
    await project.ok('up', '--version', '0.3.0-rc1');
    const candidate = await project.outputs();
    assert.equal(candidate.images['falcosecurity/falco:latest'], before.images['falcosecurity/falco:latest']);
    assert.match(candidate.apt.url, /packages\/deb-dev$/);
    assert.deepEqual(Object.keys(candidate.packages).sort(), packagesOf('0.3.0-rc1').sort());
    await assertResolves(candidate);
  });

  it('makes everything but the sources from a tree alone, in a stack of another name beside it', async () => {
    const before = await project.outputs();
    const tree = fileOf(first.packages['falco-bin-x86.tar.gz'].url);
    const other = ['--stack', 'other'];
    const { text } = await project.ok('up', ...other, '--tree', tree);
    assert.match(text, /No source was given: the source tarball and the test suite/);
    await project.ok('preview', ...other, '--tree', tree, '--expect-no-changes');
    const made = await project.outputs(...other);
    const names = [...packagesOf(made.version), ...UNVERSIONED].filter(
      (name) => !name.startsWith('falco-src-'),
    );
    assert.deepEqual(Object.keys(made.packages).sort(), names.sort());
    assert.deepEqual(Object.keys(made.images).sort(), imagesOf(made.version, 'latest'));
    await assertResolves(made);
    await project.ok('destroy', ...other);
    for (const reference of Object.values(made.images)) assert.equal(await digest(reference), undefined);
    await assertResolves(before);
  });

  it('makes the master channel beside it, and takes each away without the other', async () => {
    await project.ok('up', '--channel', 'master');
    const master = await project.outputs('--channel', 'master');
    assert.deepEqual(Object.keys(master.images).sort(), imagesOf('master'));
    assert.match(master.yum.url, /packages\/rpm-dev$/);
    await assertResolves(master);

    await project.ok('destroy');
    await assertResolves(master);
    for (const reference of new Set(Object.values(first.images))) {
      const isMasters = Object.values(master.images).includes(reference);
      assert.equal((await digest(reference)) !== undefined, isMasters, reference);
    }
    await project.ok('destroy', '--channel', 'master');
    for (const reference of new Set(Object.values(master.images)))
      assert.equal(await digest(reference), undefined);
    const left = await fs.readdir(path.join(project.folder, '.local/bucket'), { recursive: true });
    assert.deepEqual(left, []);
  });
});
