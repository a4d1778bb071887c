import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { catalog } from '../../../catalog';
import { keptSystems, wantedSystems } from '../../../cli/resolve';
import { packageChanges, systemChanges } from '../../../cli/systemChanges';
import { base } from '../../../provider/resources/base';
import { system, SystemInputs } from '../../../provider/resources/system';
import { listed } from '../../../provider/systems/packageList';
import { lacking, PinnedSystems } from '../../../provider/systems/pin';
import { stageRecipe, stageText } from '../../../provider/systems/stage';
import { pushFiles } from '../../../provider/oci';
import { hashOf } from '../../../provider/source/parts';
import { readSystems, systemsFile, writeSystems } from '../../../systemsFile';
import { startRegistry, TestRegistry } from '../registryServer';

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const DOCKERFILE = `# Head.
FROM base AS system

# A word on it.
RUN apt-get install one

FROM system
RUN true
`;

describe('the stage of a Dockerfile that has all that comes from the distribution', () => {
  it('is told from the rest, without comments', () => {
    assert.equal(stageText(DOCKERFILE), 'FROM base AS system\nRUN apt-get install one');
    assert.equal(stageText('FROM base\nRUN apt-get install one\n'), undefined);
  });

  it('is in each Dockerfile whose image asks for it, and no later step has a network', async () => {
    for (const { dockerfile, system: has } of catalog.images) {
      const text = await fs.readFile(`dockerfiles/${dockerfile}/Dockerfile`, 'utf8');
      const stage = stageText(text);
      assert.equal(stage !== undefined, has !== undefined, dockerfile);
      // What it takes from elsewhere would be in no recipe.
      assert.doesNotMatch(stage ?? '', /^(COPY|ADD|RUN --mount) /m, dockerfile);
      const rest = has ? text.slice(text.indexOf('\nFROM system')) : text;
      const steps = rest.match(/^RUN .*/gm) ?? [];
      assert.notDeepEqual(steps, [], dockerfile);
      for (const step of steps) assert.match(step, /^RUN --network=none /, `${dockerfile}: ${step}`);
    }
  });
});

describe('the systems of the catalog', () => {
  it('are those of its images, with what the packages depend on where they are installed', () => {
    const outputs = { facts: { debDepends: ['libz1 (>= 1.2) | libz', 'libc6:any (>= 2.36)', 'libc6'] } };
    const found = wantedSystems([{ type: 'artifacts:index:InstallTree', outputs }], 'bundled');
    assert.deepEqual(
      found.map(({ image, base, buildArgs, depends }) => [image, base, buildArgs, depends]),
      [
        ['falco', 'debian', {}, ['libc6', 'libz1']],
        ['falco-no-driver', 'debian', {}, []],
        ['falco-tester', 'debian', {}, []],
        ['falco-builder', 'old', { LIBRARIES: 'bundled' }, []],
      ],
    );
    assert.deepEqual(
      found.map(({ folder, platform }) => [folder, platform]),
      found.map(({ image }) => [`dockerfiles/${image}`, 'linux/amd64']),
    );
  });
});

describe('lists of packages', () => {
  it('have what is installed, sorted', () => {
    const told = 'installed b 2 amd64\nconfig-files c 1 all\ninstalled a 1:1.0-1 all\n';
    assert.deepEqual(listed(told), ['a 1:1.0-1 all', 'b 2 amd64']);
  });

  it('say what of some names is not installed, whatever the architecture', () => {
    const packages = ['libc6 2.36 amd64', 'libgcc-s1:amd64 12 amd64'];
    assert.deepEqual(lacking(packages, ['libc6', 'libgcc-s1', 'libz']), ['libz']);
  });

  it('differ as a person reads them', () => {
    const after = ['a 2 all', 'b 1 all', 'd 1 all'];
    assert.deepEqual(packageChanges(['a 1 all', 'b 1 all', 'c 1 all'], after), [
      '  ~ a 1 => 2',
      '  - c 1',
      '  + d 1',
    ]);
    const pin = (digit: string, packages: string[]) => ({ digest: digest(digit), recipe: '', packages });
    const before: PinnedSystems = {
      debian: pin('1', ['a 1 all']),
      falco: pin('2', []),
      tester: pin('3', []),
    };
    assert.deepEqual(
      systemChanges(before, { debian: pin('4', ['a 2 all']), falco: pin('2', []), tester: pin('5', []) }),
      [
        'debian 111111111111 => 444444444444',
        '  ~ a 1 => 2',
        'falco 222222222222: as before',
        'tester 333333333333 => 555555555555: the same packages',
      ],
    );
  });
});

describe('systems/<stack>.yaml', () => {
  let root: string;
  before(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), 'systems-'));
  });
  after(() => fs.rm(root, { recursive: true }));

  it('is read as it was written, in order of names; a stack without it pins nothing', async () => {
    const packages = ['a 1 all', 'yes 1.10 amd64'];
    const systems = {
      falco: { digest: digest('2'), recipe: 'r', packages },
      debian: { digest: digest('1'), recipe: '', packages: [] },
    };
    assert.deepEqual(readSystems(root, 'sample'), {});
    writeSystems(root, 'sample', systems);
    assert.deepEqual(readSystems(root, 'sample'), systems);
    const text = await fs.readFile(path.join(root, systemsFile('sample')), 'utf8');
    assert.ok(text.indexOf('debian:') < text.indexOf('falco:'), text);
  });

  it('that was broken is refused, and says what to do', async () => {
    for (const text of ['debian: {digest: latest, recipe: r, packages: []}', 'debian: [', '- a']) {
      await fs.writeFile(path.join(root, systemsFile('sample')), text);
      assert.throws(() => readSystems(root, 'sample'), {
        message: /^systems\/sample\.yaml: is not what "npm run resolve -- --stack sample" writes/,
      });
    }
  });
});

describe('a pinned system', function () {
  this.timeout(60_000);
  let work: string;
  let registry: TestRegistry;
  let stored: string;
  let repository: string;
  let recipe: string;
  const command = 'npm run resolve -- --stack sample';
  const inputs = (more: Partial<SystemInputs> = {}): SystemInputs => ({
    bucket: path.join(work, 'bucket'),
    repository,
    image: 'sample',
    folder: work,
    from: `registry/base@${digest('1')}`,
    depends: [],
    buildArgs: {},
    platform: 'linux/amd64',
    buildkit: 'unix:///nowhere',
    command,
    pinned: { digest: stored, recipe, packages: ['libc6 2.36 amd64'] },
    ...more,
  });

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'system-'));
    await fs.writeFile(path.join(work, 'Dockerfile'), DOCKERFILE);
    registry = await startRegistry(work, false);
    repository = `${registry.host}/sample/base`;
    await fs.writeFile(path.join(work, 'empty.tar'), Buffer.alloc(1024));
    stored = await pushFiles(repository, path.join(work, 'empty.tar'));
    recipe = await stageRecipe(inputs());
  });
  after(async () => {
    await registry.stop();
    await fs.rm(work, { recursive: true });
  });

  it('is taken as it is, and nothing is built', async () => {
    const checked = await system.check!(inputs(), undefined);
    assert.deepEqual(checked, { ...inputs(), recipe });
    const { outs } = await system.create(checked);
    const packages = ['libc6 2.36 amd64'];
    assert.deepEqual(outs, { digest: stored, ref: `${repository}@${stored}`, packages });
    const state = { ...(checked as SystemInputs), ...outs };
    assert.deepEqual(system.diff(state, checked), { changes: [] });
  });

  it('that is not stored any more is one error, which says where it can be had', async () => {
    const lost = { ...inputs().pinned!, digest: digest('9') };
    await assert.rejects(system.check!(inputs({ pinned: lost }), undefined), {
      message: `the stage system of the image sample, ${digest('9')}, is not in ${repository}: copy it there from a registry that has it, or resolve its packages again (${command}) and have the list reviewed. Nothing was changed`,
    });
    const row = catalog.bases.debian;
    const pinned = { digest: digest('9'), recipe: hashOf(row), packages: [] };
    const of = { bucket: work, repository, base: 'debian', row, buildkit: '', command };
    await assert.rejects(base.check!({ ...of, pinned }, undefined), {
      message: /^the base debian, sha256:9{64}, is not in /,
    });
  });

  it('that was let go after the stack had it is an error, too; a registry that does not answer is none then', async () => {
    const lost = inputs({ pinned: { ...inputs().pinned!, digest: digest('9') } });
    await assert.rejects(system.check!(lost, lost), { message: /, sha256:9{64}, is not in / });
    const silent = inputs({ repository: '127.0.0.1:1/sample/base' });
    assert.deepEqual(await system.check!(silent, silent), { ...silent, recipe });
    await assert.rejects(system.check!(silent, undefined), /the registry 127\.0\.0\.1:1 does not answer/);
  });

  it('is refused where the stage, its base or what the packages need was changed since', async () => {
    await assert.rejects(system.check!(inputs({ from: `registry/base@${digest('2')}` }), undefined), {
      message:
        /^the stage system of the image sample was changed after its packages were resolved; resolve them again \(npm run resolve/,
    });
    await assert.rejects(system.check!(inputs({ depends: ['libc6', 'libnew1'] }), undefined), {
      message: /was resolved without libnew1, which the packages need now/,
    });
  });

  it('is what the stack has, where its list is kept as it is', () => {
    const outputs = { digest: stored, recipe, packages: ['libc6 2.36 amd64'] };
    assert.deepEqual(
      keptSystems([
        { type: 'artifacts:index:Source' },
        { type: 'artifacts:index:Base', outputs: { base: 'debian', ...outputs } },
        { type: 'artifacts:index:System', outputs: { image: 'sample', ...outputs } },
      ]),
      { debian: outputs, sample: outputs },
    );
  });

  it('that is no longer pinned stays, until its recipe changes', async () => {
    const made = { digest: stored, ref: `${repository}@${stored}`, packages: [] };
    const state = { ...inputs(), recipe, ...made };
    const news = await system.check!(inputs({ pinned: undefined }), state);
    assert.deepEqual(system.diff(state, news), { changes: [] });
    const other = await system.check!(inputs({ pinned: undefined, buildArgs: { A: 'b' } }), state);
    assert.deepEqual(system.diff(state, other), { changes: ['recipe'] });
  });
});
