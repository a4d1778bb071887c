import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { readTemplate, render } from '../../../provider/formats/template';
import { PACKAGING, removeFolders, run, specFor, temporaryFolder } from './fixture';
import { catalog } from '../../../catalog';

describe('packaging texts', () => {
  after(removeFolders);

  it('fills in @NAME@ and leaves alone what shell, make and mail addresses write', () => {
    const text = '@NAME@: ${NAME} $@ @echo $(@D) me@NAME.org @lower@ @NAME@@VERSION_2@\n';
    const rendered = '  acme: ${NAME} $@ @echo $(@D) me@NAME.org @lower@ acme1\n'.trimStart();
    assert.equal(render(text, { NAME: 'acme', VERSION_2: '1' }, 'x'), rendered);
  });

  it('names every variable that has no value, the text and what there is', () => {
    assert.throws(
      () => render('@B@ @A@ @NAME@ @B@', { NAME: 'acme', A: undefined }, 'package deb, postinst'),
      /^Error: package deb, postinst: no value for @A@, @B@; this package has NAME$/,
    );
  });

  it('does not take a value for a further template', () => {
    assert.equal(render('@A@', { A: '@B@', B: 'no' }, 'x'), '@B@');
  });

  it('includes the files that a text names', async () => {
    const folder = await temporaryFolder();
    await fs.mkdir(path.join(folder, 'sh'));
    await fs.writeFile(path.join(folder, 'sh/part'), 'costs $1 and $& more\n');
    await fs.writeFile(path.join(folder, 'whole'), 'a\n@include sh/part@\nb @include sh/part@\n');
    assert.equal(await readTemplate(folder, 'whole'), 'a\ncosts $1 and $& more\nb @include sh/part@\n');
  });

  it('names the text that includes a missing file', async () => {
    const folder = await temporaryFolder();
    await fs.writeFile(path.join(folder, 'whole'), '@include sh/gone@\n');
    await assert.rejects(
      readTemplate(folder, 'whole'),
      /sh\/gone \(included by whole\) cannot be read: ENOENT/,
    );
    await assert.rejects(
      readTemplate(folder, 'none'),
      /none \(named in the catalog\) cannot be read: ENOENT/,
    );
  });

  it('refuses to render a text whose includes were not resolved', () => {
    assert.throws(() => render('a\n@include sh/x@\n', {}, 'deb'), /"@include sh\/x@" was not resolved/);
  });

  it('does not name a product', async () => {
    const texts = (await fs.readdir(PACKAGING, { recursive: true, withFileTypes: true })).filter((e) =>
      e.isFile(),
    );
    assert.ok(texts.length > 20);
    for (const entry of texts) {
      const text = await fs.readFile(path.join(entry.parentPath, entry.name), 'utf8');
      assert.doesNotMatch(text, new RegExp(catalog.product.name, 'i'), entry.name);
    }
  });

  it('has maintainer scripts that dash and bash can read', async () => {
    const folder = await temporaryFolder();
    for (const { key, scripts } of catalog.packages) {
      const spec = await specFor(key);
      for (const moment of Object.keys(scripts ?? {})) {
        const text = (spec.scripts as Record<string, string>)[moment];
        const file = path.join(folder, `${key}.${moment}`);
        await fs.writeFile(file, text.replaceAll(/@[A-Z_]+@/g, 'x'));
        await run('dash', ['-n', file]);
        await run('bash', ['--posix', '-n', file]);
      }
    }
  });
});
