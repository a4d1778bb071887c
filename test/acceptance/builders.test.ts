/**
 * Builders elsewhere: buildkitd on TCP with stores of their own, and a build cache in a real registry. What is built
 * takes random bytes, so that equal results of two builders were not built twice.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { LocalWorkspace, Stack } from '@pulumi/pulumi/automation';
import { catalog } from '../../catalog';
import { openStack } from '../../cli/stack';
import { ReleaseImage } from '../../components/releaseImage';
import type { Source } from '../../components/resources';
import type { ReleaseSettings } from '../../components/settings';
import { buildInstallTree } from '../../provider/buildkit';
import { runGate } from '../../provider/gates/run';
import { digest, pushFiles } from '../../provider/oci';
import { hashFile, listTree, writeTar } from '../../provider/source/files';
import { BUILDER, writeBuilder } from '../../services/buildkit';
import { EPOCH, removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { startRegistry, TestRegistry } from '../unit/registryServer';
import { BuilderDaemon, makeCertificates, startBuilder } from './builderDaemon';
import { base, PROJECT, rowOf, VERSION } from './imageSet';

/** Writes random bytes to the file that it is given. */
const FILL = `#include <stdio.h>
int main(int n, char **words) {
  FILE *in = fopen("/dev/urandom", "r"), *out = fopen(words[1], "w");
  for (int i = 0; i < 32; i++) fputc(fgetc(in), out);
  return 0;
}
`;
const RECIPES = {
  tree: [
    'FROM builder AS work',
    'RUN --mount=type=bind,from=input,target=/input ["/fill", "/random"]',
    'FROM scratch',
    'COPY --from=work /random /tree/random',
    'COPY facts.json /',
  ],
  image: [
    'FROM base AS work',
    'ARG VERSION',
    'RUN ["/fill", "/random"]',
    'FROM scratch',
    'COPY --from=work /random /random',
  ],
};

/** From any folder to the root: the two plugins run in different ones here, and a Dockerfile is named relative to it. */
const UP = '../'.repeat(30);

describe('builders elsewhere', function () {
  this.timeout(120_000);
  const { BUILDX_CONFIG } = process.env;
  let work: string;
  let registry: TestRegistry;
  /** Image with the program `/fill`. */
  let filler: string;
  const builders: Record<string, BuilderDaemon> = {};

  before(async () => {
    work = await temporaryFolder();
    registry = await startRegistry(work, true);
    process.env.BUILDX_CONFIG = path.join(work, 'buildx');
    for (const [name, lines] of Object.entries(RECIPES)) {
      const folder = path.join(work, 'dockerfiles', name);
      await fs.mkdir(folder, { recursive: true });
      await fs.writeFile(path.join(folder, 'Dockerfile'), `${lines.join('\n')}\n`);
      await fs.writeFile(path.join(folder, 'facts.json'), '{}');
    }
    const plugins = {
      providers: [
        { name: 'artifacts', path: path.join(PROJECT, 'provider') },
        { name: 'docker-build', path: path.join(PROJECT, 'tools/plugins') },
      ],
    };
    await fs.writeFile(
      path.join(work, 'Pulumi.yaml'),
      JSON.stringify({ name: 'builders', runtime: 'nodejs', plugins }),
    );
    const root = path.join(work, 'filler');
    await fs.mkdir(root);
    execFileSync('gcc', ['-static', '-x', 'c', '-o', path.join(root, 'fill'), '-'], { input: FILL });
    const tar = path.join(work, 'filler.tar');
    await writeTar(root, await listTree(root), EPOCH, tar);
    const repository = `${registry.host}/test/filler`;
    filler = `${repository}@${await pushFiles(repository, tar)}`;
    for (const name of ['here', 'second', 'fresh'])
      builders[name] = await startBuilder(path.join(work, `buildkit-${name}`));
    const certificates = await makeCertificates(path.join(work, 'certificates'));
    builders.tls = await startBuilder(path.join(work, 'buildkit-tls'), certificates);
  });
  after(async () => {
    if (BUILDX_CONFIG === undefined) delete process.env.BUILDX_CONFIG;
    else process.env.BUILDX_CONFIG = BUILDX_CONFIG;
    for (const builder of Object.values(builders)) await builder.stop();
    await registry?.stop();
    await removeFolders();
  });

  const cache = () => `${registry.host}/test/cache`;

  /** The random bytes of an install tree, and what the builder said. */
  async function treeOn(address: string, cache?: string): Promise<{ sha256: string; said: string[] }> {
    const said: string[] = [];
    const outDir = path.join(await temporaryFolder(), 'out');
    await buildInstallTree({
      address,
      cache: cache && `${cache}:install-tree`,
      dockerfileDir: path.join(work, 'dockerfiles/tree'),
      builder: filler,
      extra: {},
      cmakeArgs: [],
      version: VERSION,
      versionVariable: 'V',
      binary: 'b',
      product: 'p',
      epoch: EPOCH,
      outDir,
      onProgress: (line) => said.push(line),
    });
    return { sha256: await hashFile(path.join(outDir, 'tree/random')), said };
  }

  /** A stack of one image, as the release declares it. */
  async function stackOf(name: string, address: string, cache?: string): Promise<Stack> {
    writeBuilder(address, 'falco:buildkit');
    const { env } = openStack(PROJECT, 'local', {});
    const envVars = {
      ...Object.fromEntries(Object.entries(env).map(([key, value]) => [key, value ?? ''])),
      BUILDX_CONFIG: path.join(work, 'buildx'),
      PULUMI_BACKEND_URL: `file://${work}`,
    };
    const settings = {
      catalog,
      architecture: catalog.architectures[0],
      registry: `${registry.host}/test`,
      channel: 'release',
      buildkit: address,
      builder: BUILDER,
      cache,
    } as ReleaseSettings;
    const program = async () => {
      const dockerfile = `${UP}${work}/dockerfiles/image`;
      const image = { ...rowOf('falco-no-driver'), dockerfile, system: undefined };
      const source = {
        version: pulumi.output(VERSION),
        revision: pulumi.output('revision'),
        epoch: pulumi.output(EPOCH),
      } as Source;
      const made = new ReleaseImage('image-test', { settings, image, source, from: filler, files: [] });
      return Promise.resolve({ digest: made.digest });
    };
    return LocalWorkspace.createOrSelectStack(
      { stackName: name, projectName: 'builders', program },
      { workDir: work, envVars },
    );
  }
  const imageOn = async (stack: Promise<Stack>) => (await (await stack).up()).outputs.digest?.value as string;

  let tree: string;
  let image: string;

  it('get what the setting sends to them, and the one of this machine nothing', async () => {
    const { address } = builders.second;
    tree = (await treeOn(address, cache())).sha256;
    image = await imageOn(stackOf('first', address, cache()));
    assert.ok((await builders.second.records()) > 0);
    assert.equal(await builders.here.records(), 0);
    assert.equal(await digest(`${registry.host}/test/falco-no-driver@${image}`), image);
  });

  it('run gates with the files of this machine', async () => {
    const bucket = await temporaryFolder();
    const root = await temporaryFolder();
    await fs.mkdir(path.join(root, 'top'));
    await fs.writeFile(path.join(root, 'top/README'), 'text\n');
    const fileName = 'sources.tar.gz';
    const file = path.join(bucket, fileName);
    await run('tar', ['-czf', file, '-C', root, 'top']);
    const gate = (expected: string) => ({
      gate: 'unpack-elsewhere',
      kind: 'unpack' as const,
      stack: 'builder-tests',
      bucket,
      buildkit: builders.second.address,
      files: [],
      checks: [],
      settings: { EXPECTED: [expected] },
      arguments: {},
      limit: 60,
      limitSetting: 'falco:gateLimit',
    });
    const { size } = await fs.stat(file);
    const given = {
      base: await base(),
      files: [{ key: fileName, sha256: await hashFile(file), size, fileName }],
    };
    await runGate({ ...gate('README'), ...given });
    await assert.rejects(
      runGate({ ...gate('LICENSE'), ...given }),
      /^Error: gate unpack-elsewhere: sources\.tar\.gz has no LICENSE\n/,
    );
    await fs.rm(path.join(PROJECT, '.local/gates/builder-tests'), { recursive: true });
    assert.equal(await builders.here.records(), 0);
  });

  it('take from the cache in the registry what another has built: equal bytes, and the word CACHED', async () => {
    const { address } = builders.fresh;
    assert.equal(await builders.fresh.records(), 0);
    const again = await treeOn(address, cache());
    assert.equal(again.sha256, tree);
    assert.ok(again.said.includes('CACHED'), again.said.join('\n'));
    assert.equal(await imageOn(stackOf('other', address, cache())), image);
    assert.ok((await builders.fresh.records()) > 0);
  });

  it('are no input of an artifact, and neither is the cache', async () => {
    for (const [address, place] of [
      [builders.fresh.address, `${registry.host}/test/elsewhere`],
      [builders.here.address, undefined],
      [builders.second.address, cache()],
    ] as const) {
      const { changeSummary } = await (await stackOf('first', address, place)).preview();
      // Without a cache there is nothing to do with one: the steps go, the image stays.
      assert.deepEqual(Object.keys(changeSummary), place === undefined ? ['delete', 'same'] : ['same']);
      assert.equal(changeSummary.delete, place === undefined ? 1 : undefined);
    }
  });

  it('build anew without a cache; reached by TLS with certificates of both sides', async () => {
    const { address } = builders.tls;
    assert.notEqual((await treeOn(address)).sha256, tree);
    assert.notEqual(await imageOn(stackOf('third', address)), image);
    await assert.rejects(treeOn(address.replace(/\?.*/, '')), /buildkitd does not answer/);
  });

  it('build where the cache cannot be reached or written, with a warning', async () => {
    const { address } = builders.here;
    const nowhere = '127.0.0.1:1/test/cache';
    assert.notEqual((await treeOn(address, nowhere)).sha256, tree);
    const made = await (await stackOf('fourth', address, nowhere)).up();
    assert.notEqual(made.outputs.digest?.value, image);
    assert.match(
      `${made.stdout}${made.stderr}`,
      /warning: the build cache 127\.0\.0\.1:1\/test\/cache:image-test cannot be written: .*connection refused/,
    );
  });
});
