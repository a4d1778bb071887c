/**
 * What images take from their distribution, pinned by a file, through the real engine: `npm run resolve -- keep`, a file
 * that names another one, and one that names what is gone.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { remove } from '../../provider/oci';
import { readSystems, writeSystems } from '../../systemsFile';
import { configOf } from '../acceptance/imageRun';
import { copyProject, Outputs, Project } from '../acceptance/project';
import { run } from '../unit/packaging/fixture';

interface Recorded extends Outputs {
  release: { systems: Record<string, { repository: string; digest: string }> };
}

const digestsOf = (systems: Record<string, { digest: string }>) =>
  Object.fromEntries(Object.entries(systems).map(([name, { digest }]) => [name, digest]));

describe('pinned systems', function () {
  this.timeout(1_200_000);
  let project: Project;

  const outputs = async () => (await project.outputs()) as Recorded;
  const pinned = () => readSystems(project.folder, 'local');

  before(async () => {
    project = await copyProject();
    await project.ok('up');
  });
  after(async () => {
    await project?.script('destroy', '--yes');
    await project?.remove();
  });

  it('are what the stack has, where it is kept as it is: nothing changes', async () => {
    const { stdout } = await project.ok('resolve', 'keep');
    assert.match(stdout, /^debian [0-9a-f]{12}: as before$/m);
    assert.deepEqual(digestsOf(pinned()), digestsOf((await outputs()).release.systems));
    assert.ok(pinned().falco.packages.some((line) => /^dkms \S+ all$/.test(line)));
    await project.ok('preview', '--expect-no-changes');
  });

  it('of another digest change that system and what is made on it, and the image is built on it', async () => {
    const systems = pinned();
    const { repository, digest } = (await outputs()).release.systems['falco-tester'];
    const tag = `${repository}:resolved`;
    await run('crane', ['mutate', `${repository}@${digest}`, '--label', 'resolved=again', '--tag', tag]);
    const resolved = (await run('crane', ['digest', tag])).stdout.trim();
    writeSystems(project.folder, 'local', {
      ...systems,
      'falco-tester': { ...systems['falco-tester'], digest: resolved },
    });
    const changes = await project.preview();
    const built = Object.keys(changes).filter((name) => /^(base|system|image|package)-/.test(name));
    assert.deepEqual(built.sort(), [
      'image-falco-tester',
      'image-statements-falco-tester',
      'system-falco-tester',
    ]);
    const gates = Object.keys(changes).filter((name) => name.startsWith('gate-'));
    assert.deepEqual(gates, ['gate-image-falco-tester']);

    await project.ok('up');
    const { release, images } = await outputs();
    assert.deepEqual(digestsOf(release.systems), digestsOf(pinned()));
    const { Labels } = await configOf(images['falcosecurity/falco-tester:0.1.0']);
    assert.equal(Labels?.resolved, 'again');
    await project.ok('preview', '--expect-no-changes');
  });

  it('that are gone are one error, before anything is touched', async () => {
    const before = await outputs();
    const { repository, digest } = before.release.systems['falco-no-driver'];
    assert.equal(await remove(`${repository}@${digest}`), 'removed');
    const { status, text } = await project.script('up', '--version', '0.2.0');
    assert.notEqual(status, 0);
    const said = text.replace(/\s+/g, ' ');
    const message = `the stage system of the image falco-no-driver, ${digest}, is not in ${repository}: copy it there from a registry that has it, or resolve its packages again (npm run resolve -- --stack local) and have the list reviewed. Nothing was changed`;
    assert.ok(said.includes(message), text);
    assert.deepEqual(await outputs(), before);
    const pool = await fs.readdir(path.join(project.folder, '.local/bucket/packages/deb/stable'));
    assert.ok(!pool.some((name) => name.includes('0.2.0')));
  });
});
