import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { installPages, PUBLIC, shellBlocks } from '../../pages';

const FOLDER = path.resolve(__dirname, '../../docs/install');

describe('install pages', () => {
  it('in docs/install/ are what the catalog says (mended by: npm run docs)', () => {
    const written = Object.fromEntries(
      fs.readdirSync(FOLDER).map((name) => [name, fs.readFileSync(path.join(FOLDER, name), 'utf8')]),
    );
    assert.deepEqual(written, installPages(catalog, PUBLIC));
  });

  it('have no command outside the blocks that are run', () => {
    for (const [name, text] of Object.entries(installPages(catalog, PUBLIC))) {
      const fences = text.match(/^ *(```|~~~)/gm) ?? [];
      assert.equal(fences.length, 2 * shellBlocks(text).length, name);
      assert.doesNotMatch(text, /^( {4}|\t)/m, name);
    }
  });

  it('have no block in which a command can fail unnoticed', () => {
    for (const [name, text] of Object.entries(installPages(catalog, PUBLIC)))
      for (const block of shellBlocks(text)) {
        assert.doesNotMatch(block, /\|\||;/, name);
        // The status of a block is that of its last line.
        assert.doesNotMatch(block.slice(0, block.lastIndexOf('\n') + 1), /&&/, name);
      }
  });

  it('have a page for every image, with its run lines as blocks', () => {
    const pages = installPages(catalog, PUBLIC);
    for (const { name, usage } of catalog.images) {
      const blocks = shellBlocks(pages[`image-${name}.md`]);
      assert.equal(blocks.length, usage.run.length + 1);
      assert.equal(blocks[0], usage.run[0].replace('{image}', `falcosecurity/${name}:latest`));
    }
  });

  it('name no product of their own', () => {
    const other = {
      ...catalog,
      product: { ...catalog.product, name: 'hawk', title: 'Hawk', imageNamespace: 'hawks' },
    };
    const {
      'apt.md': apt,
      'dnf.md': dnf,
      'tarball.md': tarball,
    } = installPages(other, { url: 'https://x', tag: '1' });
    for (const text of [apt, dnf, tarball]) assert.doesNotMatch(text, /falco/i);
    assert.deepEqual(shellBlocks(dnf)[1], 'dnf install -y hawk\nhawk --version');
  });
});
