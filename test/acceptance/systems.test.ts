/** What images take from their distribution, made by the real BuildKit and kept in the real registry. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { system, SystemInputs } from '../../provider/resources/system';
import { resolveSystems } from '../../provider/systems/resolve';
import { buildStage } from '../../provider/systems/stage';
import { removeFolders, temporaryFolder } from '../unit/packaging/fixture';
import { rootOf } from './imageRun';
import { base, buildImage, contextsOf, image, layersOf, place, PROJECT, rowOf, usageOf } from './imageSet';

const PLATFORM = 'linux/amd64';

/** Each run of its step makes another file. */
const DOCKERFILE = `FROM base AS system
ARG DEPENDS=
RUN --network=none echo "$DEPENDS" >/depends && tr -dc a-z </dev/urandom | head -c 16 >/made

FROM system
RUN --network=none echo later >/later
`;

describe('systems', function () {
  this.timeout(600_000);
  let repository: string;
  let buildkit: string;
  let folder: string;

  before(async () => {
    const at = await place();
    buildkit = at.buildkit;
    repository = `${at.repository}/base`;
    folder = await temporaryFolder();
    await fs.writeFile(path.join(folder, 'Dockerfile'), DOCKERFILE);
  });
  after(removeFolders);

  const build = async (more: { folder?: string; depends?: string[] } = {}) => ({
    ...{ folder, from: await base(), buildArgs: {}, depends: ['one', 'two'], platform: PLATFORM },
    ...{ buildkit, repository, ...more },
  });

  it('have what the stage makes and no later step, with the packages that are to be there besides', async () => {
    const root = await rootOf(`${repository}@${await buildStage(await build())}`);
    assert.equal(await fs.readFile(path.join(root, 'depends'), 'utf8'), 'one two\n');
    await assert.rejects(fs.stat(path.join(root, 'later')), { code: 'ENOENT' });
  });

  for (const name of ['falco-no-driver', 'falco-tester']) {
    it(`${name}: is built of the stored one, without the base, from the same layers`, async () => {
      const dockerfile = path.join(PROJECT, 'dockerfiles', rowOf(name).dockerfile);
      const stored = await buildStage(await build({ folder: dockerfile, depends: [] }));
      const { artifacts } = await contextsOf(name);
      const made = await buildImage(rowOf(name).dockerfile, {
        contexts: { artifacts, system: `docker-image://${repository}@${stored}` },
        usage: usageOf(name),
      });
      assert.deepEqual(await layersOf(made), await layersOf(await image(name)));
    });
  }

  it('that are resolved are made anew and pinned; the pin is taken as it is', async () => {
    const reference = await base();
    const wanted = {
      bases: { sample: { reference, rootfs: { distribution: 'none', suite: 'none', variant: 'none' } } },
      systems: [
        { image: 'tool', base: 'sample', folder, buildArgs: {}, depends: ['libc6'], platform: PLATFORM },
      ],
      ...{ repository, buildkit },
    };
    const said: string[] = [];
    const first = await resolveSystems(wanted, (line) => said.push(line));
    const second = await resolveSystems(wanted, () => {});
    assert.deepEqual(said, ['sample: packages of today', 'tool: packages of today']);
    assert.deepEqual(Object.keys(first), ['sample', 'tool']);
    assert.equal(`${repository}@${first.sample.digest}`, reference);
    assert.deepEqual(second.sample, first.sample);
    assert.notEqual(second.tool.digest, first.tool.digest);
    assert.deepEqual(second.tool, { ...first.tool, digest: second.tool.digest });
    assert.deepEqual(first.tool.packages, first.sample.packages);
    assert.ok(first.tool.packages.some((line) => /^libc6(:amd64)? \S+ amd64$/.test(line)));

    const inputs = async (pinned: SystemInputs['pinned']): Promise<SystemInputs> => ({
      ...(await build({ depends: ['libc6'] })),
      ...{ image: 'tool', bucket: folder, command: 'npm run resolve', pinned },
    });
    const before = (await system.check!(await inputs(first.tool), undefined)) as SystemInputs;
    const { outs } = await system.create(before);
    assert.deepEqual(outs, {
      digest: first.tool.digest,
      ref: `${repository}@${first.tool.digest}`,
      packages: first.tool.packages,
    });
    const after = await system.check!(await inputs(second.tool), before);
    assert.deepEqual(system.diff({ ...before, ...outs }, after), { changes: ['pinned'] });
  });
});
