/** Every shell block of the install pages, as it stands there, with the clients that users have. Needs root. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { Addresses, installPages, shellBlocks } from '../../pages';
import { removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { makeDistribution } from './clients';
import { DockerEngine, startDocker } from './dockerEngine';
import { image, packageFile, PROJECT, usageOf, VERSION } from './imageSet';
import { forgetPackages, NEW, OLD } from './packageFiles';
import { makePackageRoot, PackageRoot } from './packageRoot';
import { Published, publishReleases } from './publishedPackages';

/** Commands of the test, one per line, before the first block that matches; they make sure that the block has something to do. */
type Before = [block: RegExp, command: string];

/** Runs the blocks of a page one after the other in one shell of the root; each must succeed. */
async function runPage(root: PackageRoot, markdown: string, ...before: Before[]): Promise<string> {
  const blocks = shellBlocks(markdown);
  assert.ok(blocks.length > 0);
  const commands = blocks.map(() => '');
  for (const [block, command] of before) {
    const index = blocks.findIndex((text) => block.test(text));
    assert.notEqual(index, -1, `no block has ${String(block)}`);
    commands[index] = command;
  }
  const script = blocks
    .map((block, index) => `${commands[index]}\n${block}\necho "block ${index + 1} done"\n`)
    .join('\n');
  await root.write('page', `set -e -o pipefail\ncd /root\n${script}`);
  const { status, text } = await root.chroot('bash', '/page');
  assert.equal(status, 0, text);
  const done = text.match(/^block \d+ done$/gm) ?? [];
  assert.equal(done.length, blocks.length);
  return text;
}

describe('install pages, as written', function () {
  this.timeout(900_000); // The first roots on a machine are made from packages, and images built.

  describe('of packages', () => {
    let published: Published;
    let pages: Record<string, string>;
    let root: PackageRoot;
    let bucket: string;

    before(async () => {
      published = await publishReleases(OLD, NEW);
      bucket = published.apt.url.replace(/^file:\/\//, '').replace(/\/packages\/.*/, '');
      const addresses: Addresses = { url: `file://${bucket}`, tag: VERSION };
      pages = installPages(catalog, addresses);
    });
    after(async () => {
      forgetPackages();
      await removeFolders();
    });
    /** A Debian with these packages, that sees the bucket. */
    const open = async (...include: string[]) => {
      root = await makePackageRoot({ include, limit: 300_000 });
      for (const folder of [bucket, '/proc'])
        await fs.mkdir(path.join(root.folder, folder), { recursive: true });
      await run('mount', ['--bind', '-o', 'ro', bucket, path.join(root.folder, bucket)]);
      await run('mount', ['-t', 'proc', 'proc', path.join(root.folder, 'proc')]);
      await root.link('/proc/self/fd', 'dev/fd');
      await fs.copyFile('/etc/resolv.conf', path.join(root.folder, 'etc/resolv.conf'));
    };
    afterEach(async () => {
      for (const folder of [bucket, '/proc']) await run('umount', [path.join(root.folder, folder)]);
      await root.remove();
    });

    it('apt', async () => {
      await open('ca-certificates', 'curl', 'dkms');
      const text = await runPage(
        root,
        pages['apt.md'],
        // The two ways of adding the repository: each must be enough.
        [/^rm -f .*\.sources$/m, 'apt-get install -y --no-install-recommends falco\napt-get purge -y falco'],
        [/--only-upgrade/, 'apt-get install -y --allow-downgrades falco=0.24.0'],
      );
      assert.match(text, /^falco version 0\.25\.0$/m);
      assert.match(text, /^Unpacking falco \(0\.25\.0\) over \(0\.24\.0\)/m);
      for (const name of [
        'usr/bin/falco',
        'etc/apt/sources.list.d/falco.sources',
        'etc/apt/sources.list.d/falco.list',
        'usr/share/keyrings/falco-archive-keyring.gpg',
      ])
        assert.equal(await root.exists(name), false, name);
    });

    it('dnf', async () => {
      await open('ca-certificates', 'curl', 'dnf', 'rpm');
      // The distribution's own packages: their names stand for them, and what they have is this Debian's.
      await makeDistribution(published, path.join(root.folder, 'distribution'), 'names');
      await root.write(
        'etc/yum.repos.d/distribution.repo',
        '[distribution]\nname=x\nbaseurl=file:///distribution\ngpgcheck=0\n',
      );
      const text = await runPage(root, pages['dnf.md'], [/^dnf upgrade/, 'dnf downgrade -y falco']);
      assert.match(text, /^falco version 0\.25\.0$/m);
      assert.match(text, /^Upgraded:\n +falco-0\.25\.0-\S+ *$/m);
      assert.equal(await root.exists('usr/bin/falco'), false);
    });

    it('tarball', async () => {
      await open('ca-certificates', 'curl', 'gnupg', 'make');
      const text = await runPage(root, pages['tarball.md']);
      assert.match(text, /Good signature from/);
      assert.match(text, /falco-bin-x86\.tar\.gz: OK$/m);
      assert.match(text, /^falco version 0\.25\.0$/m);
      assert.equal(await root.exists('usr/bin/falco'), false);
    });
  });

  describe('of images, by a Docker engine', () => {
    let engine: DockerEngine;
    const pages = installPages(catalog, { url: '', tag: VERSION });
    /** What a run shows, whether it must be stopped, its exit status, and where it is run. */
    const expected: Record<
      string,
      { says: RegExp; status: number; lasts?: boolean; folder: () => Promise<string> }[]
    > = {
      falco: [
        { says: /Loading rules from file/, status: 0, lasts: true, folder: temporaryFolder },
        { says: /Loading rules from file/, status: 0, lasts: true, folder: temporaryFolder },
      ],
      // This machine has no headers of its kernel: the loader says so, and its status is the container's.
      'falco-driver-loader': [
        { says: /headers/, status: 1, folder: temporaryFolder },
        { says: /No headers of kernel/, status: 1, folder: temporaryFolder },
      ],
      'falco-no-driver': [
        { says: /Loading rules from file/, status: 0, lasts: true, folder: temporaryFolder },
      ],
      'falco-tester': [
        {
          says: /^ok 1 - tar\.gz, falco-bin-/m,
          status: 0,
          folder: async () => {
            const folder = await temporaryFolder();
            const file = await packageFile('bin');
            await fs.copyFile(file, path.join(folder, path.basename(file)));
            return folder;
          },
        },
      ],
      'falco-builder': [
        { says: /Build files have been written to: \/build/, status: 0, folder: exampleFolder },
        { says: /Built target falco/, status: 0, folder: exampleFolder },
      ],
    };
    let example: string | undefined;
    async function exampleFolder(): Promise<string> {
      if (!example) {
        example = await temporaryFolder();
        await fs.cp(path.join(PROJECT, 'examples/falco-mini'), example, { recursive: true });
      }
      return example;
    }

    before(async () => {
      engine = await startDocker();
    });
    after(async () => {
      await engine.stop();
      await removeFolders();
    });

    for (const { name, usage } of catalog.images) {
      it(name, async () => {
        const reference = await image(name);
        await engine.docker('pull', '-q', reference);
        await engine.docker('tag', reference, `falcosecurity/${name}:${VERSION}`);
        const [last, ...reversed] = shellBlocks(pages[`image-${name}.md`]).reverse();
        const runs = reversed.reverse();
        // What the image says of itself are these very lines.
        const label = await engine.type(last, await temporaryFolder());
        assert.equal(label.status, 0);
        assert.equal(label.text, `${usageOf(name)}\n`);
        for (const line of runs) assert.ok(label.text.includes(`\n  ${line}\n`));
        assert.equal(runs.length, usage.run.length);
        assert.equal(runs.length, expected[name].length);
        for (const [index, line] of runs.entries()) {
          const { says, status, lasts, folder } = expected[name][index];
          const result = await engine.type(line, await folder(), lasts ? says : undefined);
          assert.match(result.text, says);
          assert.equal(result.status, status, result.text);
        }
        await engine.docker('image', 'rm', '-f', reference, `falcosecurity/${name}:${VERSION}`);
      });
    }
  });
});
