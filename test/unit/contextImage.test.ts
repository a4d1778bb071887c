import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { contextImage, ContextFile } from '../../provider/resources/contextImage';
import { startRegistry, TestRegistry } from './registryServer';

describe('a context image', () => {
  let folder: string;
  let registry: TestRegistry;

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'context-test-'));
    registry = await startRegistry(folder, true);
    const tree = path.join(folder, 'tree');
    const files = [
      'usr/bin/sample',
      'usr/bin/loader',
      'usr/share/doc/sample/INSTALL',
      'etc/sample/rules.yaml',
    ];
    for (const file of files) {
      fs.mkdirSync(path.dirname(path.join(tree, 'top', file)), { recursive: true });
      fs.writeFileSync(path.join(tree, 'top', file), file);
    }
    fs.mkdirSync(path.join(tree, 'top', 'etc/sample/rules.d'));
    fs.writeFileSync(path.join(tree, 'beside'), 'not below top');
    fs.mkdirSync(path.join(folder, 'bucket'));
    // With an entry for each folder, as tarballs of packages have them.
    for (const [name, entries] of Object.entries({ package: ['top'], tree: ['beside', 'top'] }))
      execFileSync('tar', ['-C', tree, '-czf', path.join(folder, 'bucket', `${name}.tar.gz`), ...entries]);
  });
  after(async () => {
    await registry.stop();
    fs.rmSync(folder, { recursive: true });
  });

  /** What the image of these files has, sorted. */
  async function listing(...files: Omit<ContextFile, 'identity'>[]): Promise<string[]> {
    const { outs } = await contextImage.create({
      bucket: path.join(folder, 'bucket'),
      repository: `${registry.host}/ns/context`,
      files: files.map((file) => ({ ...file, identity: 'known' })),
      identities: [],
      epoch: 0,
    });
    const tar = execFileSync('crane', ['export', outs.ref, '-']);
    return execFileSync('tar', ['-t'], { input: tar, encoding: 'utf8' }).trim().split('\n').sort();
  }

  const archive = (name: string) => ({ key: `${name}.tar.gz`, sha256: '', size: 0 });

  it('has the files that match, and the folders that were empty before, not those that are now', async () => {
    const unpack = '^(usr/bin/sample$|usr/share/(?!doc/)|etc/)';
    const found = await listing({ archive: archive('package'), to: 'root', unpack, root: '*' });
    assert.deepEqual(found, ['root/etc/sample/rules.d', 'root/etc/sample/rules.yaml', 'root/usr/bin/sample']);
  });

  it('starts from a folder of the archive', async () => {
    const found = await listing({
      archive: archive('tree'),
      to: 'root',
      unpack: '^(usr/bin/|beside)',
      root: 'top',
    });
    assert.deepEqual(found, ['root/usr/bin/loader', 'root/usr/bin/sample']);
  });

  it('has the files of the parts that are asked for', async () => {
    const rules = [
      { match: '^top/etc/', part: 'rules' as const },
      { match: '^top/usr/share/', part: 'docs' as const },
    ];
    const parts = { names: ['rules' as const], rules };
    const found = await listing({ archive: archive('package'), to: '.', unpack: '', parts });
    assert.deepEqual(found, ['top/etc/sample/rules.d', 'top/etc/sample/rules.yaml']);
  });

  it('has an empty folder where there is no archive', async () => {
    assert.deepEqual(await listing({ to: 'probe' }), ['probe']);
  });
});
