/** The real engine: a gate that fails keeps every index, file, tag and alias as it was; one that passed does not run again. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { run } from '../unit/packaging/fixture';
import { copyProject, Project } from './project';

describe('a release that fails a gate', function () {
  this.timeout(1_200_000);
  let project: Project;
  let published: Record<string, string>;

  /** Digest of every file below packages/ and of the ledger, and every tag with its target. */
  async function everything(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    const bucket = path.join(project.folder, '.local/bucket');
    for (const top of ['packages', 'ledger']) {
      for (const entry of await fs.readdir(path.join(bucket, top), {
        recursive: true,
        withFileTypes: true,
      })) {
        const file = path.join(entry.parentPath, entry.name);
        if (entry.isFile())
          found[path.relative(bucket, file)] = createHash('sha256')
            .update(await fs.readFile(file))
            .digest('hex');
      }
    }
    const { images } = await project.outputs();
    const [reference] = Object.values(images);
    const registry = reference.slice(0, reference.indexOf('/'));
    const catalog = await run('crane', ['catalog', registry]);
    for (const repository of catalog.stdout.split('\n').filter((name) => name.startsWith('falcosecurity/'))) {
      const { stdout } = await run('crane', ['ls', `${registry}/${repository}`]).catch(() => ({
        stdout: '',
      }));
      for (const tag of stdout.split('\n').filter(Boolean)) {
        const name = `${registry}/${repository}:${tag}`;
        found[name] = (await run('crane', ['digest', name])).stdout.trim();
      }
    }
    return found;
  }

  before(async () => {
    project = await copyProject();
    await project.ok('up');
    published = await everything();
    assert.ok(Object.keys(published).length > 60);
  });
  after(() => project.remove());

  /** Gates that an update ran, and those that a preview says will run. */
  const gatesRun = (text: string) =>
    [
      ...new Set(
        [...text.matchAll(/index:Gate gate-(\S+) (?:created|updated|\*\*)/g)].map(([, name]) => name),
      ),
    ].sort();
  const gatesPlanned = (changes: Record<string, string>) =>
    Object.keys(changes)
      .filter((name) => name.startsWith('gate-'))
      .map((name) => name.slice('gate-'.length))
      .sort();

  const edit = async (name: string, change: (text: string) => string) => {
    const file = path.join(project.folder, name);
    const before = await fs.readFile(file, 'utf8');
    const after = change(before);
    assert.notEqual(after, before, `${name} has no such place`);
    await fs.writeFile(file, after);
    return () => fs.writeFile(file, before);
  };

  const faults: [string, string, (text: string) => string, RegExp][] = [
    [
      'for its broken postinst',
      'packaging/deb/bpf.postinst',
      (text) => `${text}\necho this postinst is broken\nexit 1\n`,
      /gate deb-bpf: apt-get install falco-bpf fails\n[^]*this postinst is broken/,
    ],
    [
      'for a library that its package does not name',
      'dockerfiles/install-tree/finish.sh',
      (text) => text.replace(/^ {2}"debDepends": .*$/m, '  "debDepends": [],'),
      /gate floor-deb-(bpf|module): \/usr\/bin\/falco needs \S+, which the package neither carries nor declares/,
    ],
    [
      'for a program that crashes when it starts',
      'examples/falco-mini/userspace/falco/app.cpp',
      (text) => text.replace('    auto setup = std::make_unique<Setup>();\n', '    __builtin_trap();\n$&'),
      /gate \S+: (chroot \S+ )?\/usr\/bin\/falco crashed with signal 4\n/,
    ],
    [
      'in its last gate, for an image that does not start',
      'dockerfiles/falco-tester/Dockerfile',
      (text) => `${text}\nENTRYPOINT ["/nowhere"]\n`,
      /gate image-falco-tester: \/nowhere usage cannot be started/,
    ],
  ];
  // The first and the last gate; all in `npm run test:full`.
  const wanted = process.env.FULL === '1' ? faults : [faults[0], faults[faults.length - 1]];
  for (const [why, file, change, message] of wanted) {
    it(`${why}, says so and leaves everything published as it was, byte for byte`, async () => {
      const restore = await edit(file, change);
      try {
        const { status, text } = await project.script('up', '--version', '0.1.1');
        assert.notEqual(status, 0, text.slice(-2000));
        assert.match(text, message);
        assert.match(text, /Nothing was published\. Repeat it: sh \.local\/gates\/local\//);
        assert.deepEqual(await everything(), published);
      } finally {
        await restore();
      }
    });
  }

  it('is published once it is mended; then no gate runs, and a changed deb runs just the gates that consume it', async () => {
    const mended = await project.ok('up');
    assert.ok(gatesRun(mended.text).length > 0);
    assert.deepEqual(await everything(), published);
    await project.ok('preview', '--expect-no-changes');
    assert.deepEqual(gatesRun((await project.ok('up')).text), []);

    const restore = await edit('packaging/install/deb-bpf', (text) => `${text}\nMore.\n`);
    assert.deepEqual(gatesPlanned(await project.preview()), ['deb-bpf', 'floor-deb-bpf']);
    assert.deepEqual(gatesRun((await project.ok('up')).text), ['deb-bpf', 'floor-deb-bpf']);
    await project.ok('preview', '--expect-no-changes');
    await restore();

    const restoreDeb = await edit('packaging/install/deb-module', (text) => `${text}\nMore.\n`);
    assert.deepEqual(gatesPlanned(await project.preview()), [
      'deb-bpf',
      'deb-module',
      'floor-deb-bpf',
      'floor-deb-module',
      'image-falco',
      'image-falco-driver-loader',
    ]);
    await restoreDeb();
  });
});
