/** The real syft, crane and registry, on images of a package database and texts. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { imageContents, isOfDeciding } from '../../../provider/attest/imageContents';
import { findsPackages, imageSbom } from '../../../provider/attest/sbom';
import type { SbomSubject, SpdxDocument } from '../../../provider/attest/spdx';
import { DiskCache } from '../../../provider/diskCache';
import { pushRootfs } from '../../../provider/oci';
import { startRegistry, TestRegistry } from '../registryServer';
import { product } from './sampleProduct';

const PLATFORM = 'linux/amd64';
const STATUS = `Package: sample
Status: install ok installed
Architecture: amd64
Version: 1.2.3
Maintainer: Nobody <nobody@localhost>
Description: sample

`;

const crane = (...args: string[]) => execFileSync('crane', args, { encoding: 'utf8', stdio: 'pipe' }).trim();

type Tree = Record<string, string | Buffer>;

describe('the SBOM of an image', function () {
  this.timeout(120_000);
  let work: string;
  let registry: TestRegistry;
  let count = 0;
  const large = randomBytes(100_000);
  const system: Tree = { 'var/lib/dpkg/status': STATUS, 'usr/share/large': large };

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'image-contents-'));
    registry = await startRegistry(work, false);
  });
  after(async () => {
    await registry.stop();
    await fs.rm(work, { recursive: true, force: true });
  });

  /** An image with a layer for each tree; gives `<repository>@<digest>`. */
  async function image(...layers: Tree[]): Promise<string> {
    const repository = `${registry.host}/ns/image-${++count}`;
    let made = '';
    for (const tree of layers) {
      const folder = await fs.mkdtemp(path.join(work, 'tree-'));
      for (const [name, contents] of Object.entries(tree)) {
        await fs.mkdir(path.dirname(path.join(folder, name)), { recursive: true });
        if (contents.toString().startsWith('-> ')) await fs.symlink('elsewhere', path.join(folder, name));
        else await fs.writeFile(path.join(folder, name), contents);
      }
      const pinned = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0'];
      execFileSync('tar', ['-C', folder, ...pinned, '-cf', `${folder}.tar`, '.']);
      if (made === '') made = `${repository}@${await pushRootfs(repository, `${folder}.tar`)}`;
      else made = crane('append', '-b', made, '-f', `${folder}.tar`, '-t', `${repository}:1`);
    }
    return made;
  }
  const contentsOf = (reference: string) => imageContents(reference, findsPackages);
  const subject: SbomSubject = {
    ...{ name: 'sample', version: '1.0.0', kind: 'image', identity: 'a'.repeat(64), epoch: 1589302426 },
    product,
  };
  const textsOf = (version: string): Tree => ({
    'entrypoint.sh': `#!/bin/sh\necho ${version}\n`,
    'usr/local/share/usage': `docker run sample:${version}\n`,
  });
  const namesIn = (text: string) => (JSON.parse(text) as SpdxDocument).packages.map(({ name }) => name);

  it('is made of one scan where images differ in texts of their own', async () => {
    const scans = new DiskCache(path.join(work, 'scans'));
    const [first, second] = [await image(system, textsOf('1.0.0')), await image(system, textsOf('1.1.0'))];
    const [of, later] = [await contentsOf(first), await contentsOf(second)];
    assert.deepEqual(of.added, ['entrypoint.sh', 'usr/local/share/usage']);
    assert.equal(later.deciding, of.deciding);
    assert.notEqual(later.all, of.all);

    assert.deepEqual(namesIn(await imageSbom(first, PLATFORM, subject, of, { scans })), ['sample', 'sample']);
    // It is not looked for in the registry.
    const gone = second.replace(/@.*/, `@sha256:${'0'.repeat(64)}`);
    const text = await imageSbom(gone, PLATFORM, subject, later, { scans });
    assert.equal(text, await imageSbom(second, PLATFORM, subject, later));
  });

  it('is of an own scan where a layer on top may change what is found', async () => {
    const plain = await contentsOf(await image(system, textsOf('1.0.0')));
    const others: Record<string, Tree> = {
      'a text of the distribution': { 'etc/os-release': 'ID=other\n' },
      'the list of packages': { 'var/lib/dpkg/status': STATUS.replace('1.2.3', '1.2.4') },
      'a file that goes': { 'usr/local/share/.wh.usage': '' },
      'a link': { 'usr/local/share/usage': '-> elsewhere' },
      'a package of another kind': { 'app/package.json': '{"name":"other","version":"1.0.0"}' },
      'a large file': { 'usr/local/share/large': large },
    };
    for (const [what, tree] of Object.entries(others)) {
      const found = await contentsOf(await image(system, textsOf('1.0.0'), tree));
      assert.notEqual(found.deciding, plain.deciding, what);
      assert.deepEqual(found.added, [], what);
    }
    const further = await contentsOf(
      await image(system, { ...textsOf('1.0.0'), 'usr/local/share/more': '' }),
    );
    assert.notEqual(further.deciding, plain.deciding, 'a text that may hide another file');
  });

  describe('takes large layers as an earlier scan unpacked them', () => {
    const layers = () => path.join(work, 'layers');
    const diffIds = (reference: string) =>
      (JSON.parse(crane('config', reference)) as { rootfs: { diff_ids: string[] } }).rootfs.diff_ids.map(
        (id) => id.slice(7),
      );
    const blobs = (reference: string) =>
      (JSON.parse(crane('manifest', reference)) as { layers: { digest: string }[] }).layers.map(
        ({ digest }) => {
          const hex = digest.slice(7);
          return path.join(work, 'false/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
        },
      );
    const textOf = async (reference: string, kept?: string) =>
      imageSbom(reference, PLATFORM, subject, await contentsOf(reference), kept ? { layers: kept } : {});
    const distribution: Tree = { 'var/lib/dpkg/status': STATUS, 'usr/share/large': randomBytes(17 << 20) };
    beforeEach(() => fs.rm(layers(), { recursive: true, force: true }));

    it('if the bytes are still those of the image', async () => {
      const one = await image(distribution);
      const [repository = ''] = one.split('@');
      const first = await textOf(one, layers());
      assert.deepEqual(namesIn(first), ['sample', 'sample']);
      assert.deepEqual(await fs.readdir(layers()), diffIds(one));
      assert.equal(first, await textOf(one));

      const [blob = ''] = blobs(one);
      await fs.rename(blob, `${blob}.gone`);
      assert.equal(await textOf(one, layers()), first, 'the registry is not asked for it');
      const kept = path.join(layers(), diffIds(one)[0] ?? '');
      await fs.truncate(kept, 1000);
      await assert.rejects(textOf(one, layers()), new RegExp(`syft ${repository}`));
      await fs.rename(`${blob}.gone`, blob);
      assert.equal(await textOf(one, layers()), first);
      assert.ok((await fs.stat(kept)).size > 17 << 20);
      assert.deepEqual(await fs.readdir(layers()), diffIds(one), 'nothing is left of a scan');
    });

    it('at another place in another image, beside layers that are fetched, by two scans at once', async () => {
      const other: Tree = { 'usr/share/other': randomBytes(17 << 20) };
      const app: Tree = { 'app/package.json': '{"name":"app","version":"1.0.0"}' };
      const [one, two] = [await image(distribution), await image(app, distribution, other)];
      await textOf(one, layers());
      const wanted = await textOf(two);
      assert.deepEqual(namesIn(wanted).sort(), ['app', 'sample', 'sample']);
      const [, blob = ''] = blobs(two);
      await fs.rename(blob, `${blob}.gone`);
      assert.deepEqual(await Promise.all([textOf(two, layers()), textOf(two, layers())]), [wanted, wanted]);
      await fs.rename(`${blob}.gone`, blob);
      assert.deepEqual((await fs.readdir(layers())).sort(), diffIds(two).slice(1).sort());
    });

    it('and takes away what killed scans left, and what is too much', async () => {
      const [dead, young, most] = ['scan-dead', 'scan-young', 'a'.repeat(64)].map((name) =>
        path.join(layers(), name),
      );
      for (const folder of [dead, young]) await fs.mkdir(folder, { recursive: true });
      await fs.writeFile(most, '');
      await fs.truncate(most, 3 * 1024 ** 3);
      for (const old of [dead, most]) await fs.utimes(old, 1, 1);
      const one = await image(distribution);
      await textOf(one, layers());
      assert.deepEqual((await fs.readdir(layers())).sort(), [...diffIds(one), 'scan-young'].sort());
    });

    it('or not, where the folder cannot be used', async () => {
      const one = await image(distribution);
      const file = path.join(work, 'no-folder');
      await fs.writeFile(file, '');
      assert.equal(await textOf(one, file), await textOf(one));
      assert.equal(await fs.readFile(file, 'utf8'), '');
    });

    it('of the platform that is asked for, as without them', async () => {
      const arm = crane(
        'mutate',
        await image(distribution),
        '--set-platform',
        'linux/arm64',
        '-t',
        `${registry.host}/ns/arm:1`,
      );
      const contents = await contentsOf(arm);
      for (const kept of [{}, { layers: layers() }])
        await assert.rejects(imageSbom(arm, PLATFORM, subject, contents, kept), /arm64/);
      assert.deepEqual(await fs.readdir(layers()), []);
    });
  });

  it('lists the files of the image itself where there are no packages', async () => {
    const scans = new DiskCache(path.join(work, 'scans-of-files'));
    const [first, second] = [
      await image({ large }, { text: 'one\n' }),
      await image({ large }, { text: 'two\n' }),
    ];
    const digests = [];
    for (const reference of [first, second]) {
      const text = await imageSbom(reference, PLATFORM, subject, await contentsOf(reference), { scans });
      const { files = [] } = JSON.parse(text) as SpdxDocument;
      assert.deepEqual(files.map(({ fileName }) => fileName).sort(), ['./large', './text']);
      digests.push(files.find(({ fileName }) => fileName === './text')?.checksums[1].checksumValue);
    }
    assert.deepEqual(digests, [
      '2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806',
      '27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a',
    ]);
  });

  it('is not of other texts where something was found in one', () => {
    const contents = { deciding: 'a', all: 'b', added: ['usr/local/bin/program'] };
    const document = (sourceInfo: string) =>
      ({ packages: [{ SPDXID: 'SPDXRef-1', name: 'module', sourceInfo }] }) as SpdxDocument;
    const said = 'acquired package info from go module information: /usr/bin/a, /usr/local/bin/program';
    assert.equal(isOfDeciding(document(said), contents), false);
    assert.equal(isOfDeciding(document(`${said}s`), contents), true);
  });
});
