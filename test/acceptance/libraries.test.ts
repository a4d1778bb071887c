/** The example compiled both ways: for one distribution, and on an old one with its libraries inside. */
import assert from 'node:assert/strict';
import { catalog } from '../../catalog';
import { runGate } from '../../provider/gates/run';
import { removeFolders } from '../unit/packaging/fixture';
import { Bench, floorGate, makeBench, packageIn } from './gateFixture';
import { tree } from './imageSet';

const { bundled, distribution } = catalog.libraries;
const ROWS = [
  ['deb-bpf', 'deb'],
  ['rpm-bpf', 'rpm'],
  ['bin', 'tar.gz'],
] as const;

describe('libraries', function () {
  this.timeout(900_000); // The first time on a machine, a root file system and a tool chain are made.
  let bench: Bench;

  before(async () => {
    bench = await makeBench();
  });
  after(removeFolders);

  it('bundled: needs nothing but glibc, of the oldest system that each format is for', async () => {
    const from = tree('bundled');
    const { facts } = await from;
    assert.match(facts.distribution, /^Debian GNU\/Linux 11 /);
    assert.deepEqual(facts.libraries, []);
    assert.deepEqual(
      facts.debDepends.map((one) => one.split(' ')[0]),
      ['libc6'],
    );
    for (const [key, format] of ROWS) {
      const file = await packageIn(bench, key, undefined, { from });
      await runGate(await floorGate(bench, file, bundled.floors[format].versions));
    }
  });

  it("of the distribution: is for that one, and stopped at the older systems' floor", async () => {
    const { facts } = await tree();
    assert.match(facts.distribution, /^Debian GNU\/Linux 12 /);
    assert.ok(facts.debDepends.some((one) => one.startsWith('libyaml-cpp')));
    for (const [key, format] of ROWS) {
      const file = await packageIn(bench, key);
      await runGate(await floorGate(bench, file, distribution.floors[format].versions));
      await assert.rejects(
        runGate(await floorGate(bench, file, bundled.floors[format].versions)),
        /gate floor-test: \S+ needs (GLIBC|GLIBCXX|CXXABI)_\S+ of \S+, but the oldest system has /,
      );
    }
  });
});
