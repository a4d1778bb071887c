/**
 * What somebody else changes in the bucket or the registry is found by `refresh` and put right by `up`. Pulumi's
 * Automation API on the program as it is, with a file:// backend; every update is followed by an empty preview.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalWorkspace, OutputMap, Stack } from '@pulumi/pulumi/automation';
import { openStack } from '../../cli/stack';
import { copy, digest, remove } from '../../provider/oci';
import { copyProject, Outputs, Project } from '../acceptance/project';

describe('drift', function () {
  this.timeout(1_200_000);
  let project: Project;
  let stack: Stack;
  let outputs: Outputs;

  before(async () => {
    project = await copyProject();
    const { env } = openStack(project.folder, 'local', {});
    const envVars = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, value ?? '']));
    const at = { stackName: 'local', workDir: project.folder };
    stack = await LocalWorkspace.createOrSelectStack(at, { envVars });
    outputs = valuesOf((await stack.up({ logToStdErr: false })).outputs);
    await assertEmptyPreview();
  });
  after(async () => {
    await stack?.destroy();
    await project?.remove();
  });

  const valuesOf = (map: OutputMap) =>
    Object.fromEntries(
      Object.entries(map).map(([key, { value }]) => [key, value as unknown]),
    ) as unknown as Outputs;

  async function assertEmptyPreview(): Promise<void> {
    const { changeSummary } = await stack.preview();
    assert.deepEqual(Object.keys(changeSummary), ['same']);
  }

  /** Refreshes, updates, and requires that the outputs are what they were and nothing is left to do. */
  async function repair(): Promise<void> {
    await stack.refresh();
    assert.deepEqual(valuesOf((await stack.up()).outputs), outputs);
    await assertEmptyPreview();
  }

  const fileOf = (name: string) => fileURLToPath(outputs.packages[name].url);
  const repositoryOf = (image: string) => outputs.images[image].split('@')[0];

  it('changes nothing when there is none', async () => {
    await stack.refresh();
    await assertEmptyPreview();
    await repair();
  });

  it('of a deleted package file is repaired with the same bytes', async () => {
    const file = fileOf('falco-0.1.0-module-amd64.deb');
    const before = await fs.readFile(file);
    await fs.rm(file);
    await repair();
    assert.deepEqual(await fs.readFile(file), before);
  });

  it('of an edited index is repaired', async () => {
    const index = path.join(fileURLToPath(outputs.apt.url), 'dists/stable/main/binary-amd64/Packages');
    const before = await fs.readFile(index, 'utf8');
    await fs.writeFile(index, before.replace('0.1.0', '6.6.6'));
    await repair();
    assert.equal(await fs.readFile(index, 'utf8'), before);
  });

  it('of a removed and of a moved tag is repaired', async () => {
    const removed = `${repositoryOf('falcosecurity/falco:0.1.0')}:0.1.0`;
    const moved = `${repositoryOf('falcosecurity/falco:latest')}:latest`;
    const wanted = outputs.images['falcosecurity/falco:0.1.0'].split('@')[1];
    await remove(removed);
    await copy(outputs.images['falcosecurity/falco-driver-loader:latest'], moved);
    assert.notEqual(await digest(moved), wanted);
    await repair();
    assert.deepEqual([await digest(removed), await digest(moved)], [wanted, wanted]);
  });

  it('of the whole bucket and the whole registry is repaired', async () => {
    await project.ok('services', 'stop');
    await fs.rm(path.join(project.folder, '.local/registry'), { recursive: true });
    await fs.rm(path.join(project.folder, '.local/bucket'), { recursive: true });
    await project.ok('services', 'start');
    await project.ok('refresh');
    await repair();
    for (const [name, reference] of Object.entries(outputs.images)) {
      assert.equal(await digest(reference), reference.split('@')[1], name);
    }
  });
});
