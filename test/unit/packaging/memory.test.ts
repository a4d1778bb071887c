import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { buildPackage } from '../../../provider/formats/packageBuild';
import { makeTree, removeFolders, run, specFor, temporaryFolder } from './fixture';

/** Bytes of one file of the tree. */
const LARGE = 400e6;
/** Bytes that a process may grow by: buffers of streams, and what is not collected at once. */
const ALLOWED = 150e6;

/**
 * Archives the tree, unpacks it and builds the specs of a file; prints by how many bytes its peak grew. The peak is
 * begun anew first (proc(5), clear_refs): before that it is the compiler's, and `maxRSS` would even be the peak of the
 * process that started this one.
 */
const CHILD = `
const { buildPackage } = require(${JSON.stringify(require.resolve('../../../provider/formats/packageBuild'))});
const { listTree, unpackTar, writeTar } = require(${JSON.stringify(require.resolve('../../../provider/source/files'))});
const fs = require('node:fs');
const peak = () => 1024 * Number(/^VmHWM:\\s*(\\d+) kB$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]);
(async () => {
  const { specs, tree, out } = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
  fs.writeFileSync('/proc/self/clear_refs', '5');
  const before = peak();
  const sourceTar = out + '/tree.tar';
  await writeTar(tree, await listTree(tree), 0, sourceTar);
  const treeDir = out + '/unpacked';
  await unpackTar(sourceTar, treeDir);
  for (const spec of specs) await buildPackage(spec, { treeDir, sourceTar }, out + '/' + spec.fileName);
  console.log(peak() - before);
})().catch((error) => { console.error(error); process.exit(1); });
`;

describe('packages of a large tree', () => {
  let folder: string;

  before(async () => {
    const tree = await makeTree();
    for (const file of ['tree/usr/share/falco/plugins/large', 'debug/falco.debug']) {
      await fs.writeFile(path.join(tree, file), '');
      await fs.truncate(path.join(tree, file), LARGE);
    }
    folder = await temporaryFolder();
    const keys = ['deb-module', 'rpm-module', 'bin', 'src', 'debug'];
    const specs = await Promise.all(keys.map((key) => specFor(key)));
    await fs.writeFile(path.join(folder, 'given.json'), JSON.stringify({ specs, tree, out: folder }));
  });
  after(removeFolders);

  it('are built from streams: no file is held in memory', async () => {
    const script = path.join(folder, 'child.js');
    await fs.writeFile(script, CHILD);
    const { stdout } = await run(
      process.execPath,
      ['-r', require.resolve('ts-node/register/transpile-only'), script, path.join(folder, 'given.json')],
      { env: { ...process.env, TS_NODE_PROJECT: path.resolve(__dirname, '../../../tsconfig.json') } },
    );
    const grown = Number(stdout);
    assert.ok(grown > 0 && grown < ALLOWED, `grew by ${grown / 1e6} MB`);
  }).timeout(300_000);

  it('have the large file whole', async () => {
    const rpm = path.join(folder, (await specFor('rpm-module')).fileName);
    assert.match((await run('rpm', ['-K', '--nosignature', rpm])).stdout, /: digests OK$/m);
    const { stdout } = await run('sh', ['-c', 'rpm2archive - <"$0" | tar -tvz', rpm]);
    assert.match(stdout, / 400000000 .* \.\/usr\/share\/falco\/plugins\/large$/m);
  }).timeout(120_000);
});

describe('packages that are built at the same time', () => {
  const { PATH } = process.env;
  after(async () => {
    process.env.PATH = PATH;
    await removeFolders();
  });

  it('are packed by one nfpm after the other, which each hold an archive in memory', async () => {
    const [treeDir, folder] = [await makeTree(), await temporaryFolder()];
    const real = (await run('sh', ['-c', 'command -v nfpm'])).stdout.trim();
    const script = `#!/bin/sh
mkdir ${folder}/running || exit 1
${real} "$@"
status=$?
rmdir ${folder}/running
exit $status
`;
    await fs.mkdir(path.join(folder, 'bin'));
    await fs.writeFile(path.join(folder, 'bin/nfpm'), script, { mode: 0o755 });
    process.env.PATH = `${folder}/bin:${PATH}`;
    const specs = await Promise.all(
      ['deb-module', 'deb-bpf', 'rpm-module', 'rpm-bpf'].map((key) => specFor(key)),
    );
    await Promise.all(specs.map((spec) => buildPackage(spec, { treeDir }, path.join(folder, spec.fileName))));
  }).timeout(60_000);
});
