import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { TreeSelection } from '../../../model';
import { PackageEntry, select, walk } from '../../../provider/formats/treeSelection';
import { makeTree, removeFolders, run, temporaryFolder } from './fixture';

const paths = (entries: PackageEntry[]) => entries.map(({ path: name }) => name);

describe('selection from the install tree', () => {
  let entries: PackageEntry[];

  before(async () => {
    entries = await walk(path.join(await makeTree(), 'tree'));
  });
  after(removeFolders);

  const chosen = (...rules: TreeSelection[]) => select(entries, rules, 'package x');

  it('takes what a rule matches, with the folders above and empty folders', () => {
    assert.deepEqual(paths(chosen({ match: '^etc/falco/rules' })), [
      'etc',
      'etc/falco',
      'etc/falco/rules.available',
      'etc/falco/rules.available/application_rules.yaml',
      'etc/falco/rules.d',
    ]);
  });

  it('knows two modes of files, whatever the tree has', () => {
    const modes = chosen({ match: '^usr/bin/' }, { match: '^etc/' })
      .filter(({ type }) => type === 'file')
      .map(({ path: name, mode }) => [path.basename(name), mode]);
    assert.deepEqual(Object.fromEntries(modes), {
      'falco.yaml': 0o644,
      'falco_rules.local.yaml': 0o644,
      'falco_rules.yaml': 0o644,
      'application_rules.yaml': 0o644,
      falco: 0o755,
      'falco-driver-loader': 0o755,
    });
  });

  it('lets the first rule that matches decide', () => {
    const rules = [{ match: 'falco\\.yaml$', config: true }, { match: '^etc/falco/[^/]+\\.yaml$' }];
    const config = Object.fromEntries(
      chosen(...rules)
        .filter(({ type }) => type === 'file')
        .map(({ path: name, config: kept }) => [name, kept]),
    );
    assert.deepEqual(config, {
      'etc/falco/falco.yaml': true,
      'etc/falco/falco_rules.local.yaml': false,
      'etc/falco/falco_rules.yaml': false,
    });
  });

  it('keeps symbolic links as they are', () => {
    const link = chosen({ match: '\\.link$' }).at(-1);
    assert.deepEqual([link?.type, link?.content], ['symlink', { target: 'README' }]);
  });

  it('strips and renames', () => {
    const rules = [
      { match: '^usr/src/[^/]+/Makefile$', strip: '^usr/src/[^/]+/Makefile$', to: 'Kbuild' },
      { match: '^usr/src/[^/]+/(?!bpf/)', strip: '^usr/src/[^/]+/' },
    ];
    assert.deepEqual(paths(chosen(...rules)), ['Kbuild', 'dkms.conf', 'driver_config.h', 'main.c']);
  });

  it('lists all rules that match nothing, except optional ones', () => {
    assert.throws(
      () =>
        chosen(
          { match: '^usr/bin/' },
          { match: '^opt/a' },
          { match: '^opt/b' },
          { match: '^c', optional: true },
        ),
      /^Error: package x: the tree has nothing that matches \^opt\/a, \^opt\/b$/,
    );
  });

  it('does not count a rule as empty whose files an earlier rule took', () => {
    assert.deepEqual(paths(chosen({ match: '^usr/bin/' }, { match: '^usr/bin/falco$' })).length, 4);
  });

  it('refuses two files that would get one name', () => {
    assert.throws(
      () => chosen({ match: '/(maps\\.h|main\\.c)$', strip: '.*', to: 'same' }),
      /two files of the tree would both become same/,
    );
  });

  it('refuses what is neither file, folder nor link', async () => {
    const folder = await temporaryFolder();
    await fs.mkdir(path.join(folder, 'run'));
    await run('mkfifo', [path.join(folder, 'run/pipe')]);
    await assert.rejects(walk(folder), /run\/pipe is neither file, directory nor symbolic link/);
  });
});
