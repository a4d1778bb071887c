import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { catalog } from '../../../catalog';
import { buildPackage, PackageSpec } from '../../../provider/formats/packageBuild';
import { makeTree, removeFolders, run, specFor, temporaryFolder } from './fixture';

/** Builds the specs of a file in another process, and prints the file names with their digests. */
const CHILD = `
process.umask(parseInt(process.argv[2], 8));
const { buildPackage } = require(${JSON.stringify(require.resolve('../../../provider/formats/packageBuild'))});
const fs = require('node:fs');
(async () => {
  const { specs, input } = JSON.parse(fs.readFileSync(process.argv[3], 'utf8'));
  for (const spec of specs) await buildPackage(spec, input, process.argv[4] + '/' + spec.fileName);
})().catch((error) => { console.error(error); process.exit(1); });
`;

const sha256 = async (file: string) =>
  createHash('sha256')
    .update(await fs.readFile(file))
    .digest('hex');

describe('packages', () => {
  let specs: PackageSpec[];
  let tree: string;

  before(async () => {
    tree = await makeTree();
    specs = await Promise.all(
      catalog.packages.filter(({ from }) => from !== 'source').map(({ key }) => specFor(key)),
    );
  });
  after(removeFolders);

  it('are the same bytes under another umask, time zone, locale and folder, from a copy of the tree', async () => {
    const one = await temporaryFolder();
    for (const spec of specs) await buildPackage(spec, { treeDir: tree }, path.join(one, spec.fileName));
    const work = await temporaryFolder();
    const copy = path.join(work, 'copy');
    // Without -p: other times, and modes cut by the umask.
    await run('sh', ['-c', 'umask 077; cp -RP "$0" "$1"', tree, copy]);
    const list = path.join(work, 'specs.json');
    await fs.writeFile(list, JSON.stringify({ specs, input: { treeDir: copy } }));
    const script = path.join(work, 'child.js');
    await fs.writeFile(script, CHILD);
    const out = path.join(work, 'out');
    await fs.mkdir(out);
    await run(
      process.execPath,
      ['-r', require.resolve('ts-node/register/transpile-only'), script, '077', list, out],
      {
        cwd: work,
        env: {
          ...process.env,
          TZ: 'Asia/Kathmandu',
          LC_ALL: 'C',
          TS_NODE_PROJECT: path.resolve(__dirname, '../../../tsconfig.json'),
        },
      },
    );
    for (const { fileName } of specs) {
      assert.equal(await sha256(path.join(out, fileName)), await sha256(path.join(one, fileName)), fileName);
    }
  });

  it('differ when their date does', async () => {
    const folder = await temporaryFolder();
    for (const spec of specs.filter(({ format }) => format !== 'debug')) {
      const [first, second] = ['a', 'b'].map((name) => path.join(folder, name));
      await buildPackage(spec, { treeDir: tree }, first);
      await buildPackage({ ...spec, epoch: spec.epoch + 86400 }, { treeDir: tree }, second);
      assert.notEqual(await sha256(first), await sha256(second), spec.key);
    }
  });
});
