/** The release in a bucket of a real S3 server, through the real engine: published, interrupted, repaired. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openStore } from '../../provider/store/open';
import { Store } from '../../provider/store/store';
import { copyProject, Outputs, Project } from '../acceptance/project';
import { Front, startFront } from '../publishing/front';
import { aptMachine, dnfMachine, Machine } from '../publishing/realClients';
import { S3Server, startS3 } from '../unit/store/versitygw';

/** Writes of a publication before which the engine and all of its plugins are killed. */
const KILLED_AT = [
  // The blob is in, no index is.
  { key: /\/deb\/pool\/.*falco-0\.2\.0-bpf-amd64\.deb$/, version: '0.2.0' },
  // The index is committed, its copies under fixed names are not all there.
  { key: /\/rpm\/falco-0\.3\.0-bpf-x86_64\.rpm$/, version: '0.3.0' },
];

describe('a release in an S3 bucket', function () {
  this.timeout(1_200_000);
  let server: S3Server;
  let front: Front;
  let project: Project;
  let store: Store;
  let machines: Machine[];

  before(async () => {
    server = await startS3();
    const bucket = server.bucket('releases');
    front = await startFront(() => bucket);
    store = openStore(bucket, front.url);
    project = await copyProject();
    const file = path.join(project.folder, 'Pulumi.local.yaml');
    const settings = `  falco:bucket: ${bucket}\n  falco:url: ${front.url}\n`;
    const others = (await fs.readFile(file, 'utf8')).replace(/^ *falco:bucket:.*\n/m, '');
    await fs.writeFile(file, `${others.trimEnd()}\n${settings}`);
    await project.ok('up');
    const outputs: Outputs = await project.outputs();
    const text = async (url: string) => (await fetch(url)).text();
    machines = [
      await aptMachine(project.folder, await text(outputs.apt.sources)),
      await dnfMachine(project.folder, await text(outputs.yum.repo)),
    ];
  });
  after(async () => {
    await project?.script('destroy', '--yes');
    await project?.remove();
    await front?.close();
    await server?.stop();
  });

  /** What apt and dnf would install, after each has read its index anew. */
  async function candidates(): Promise<string[]> {
    for (const machine of machines) await machine.update();
    return Promise.all(machines.map((machine) => machine.candidate('falco-bpf')));
  }

  /** Every process that runs in the project's folder and is not one of its services. */
  async function engineProcesses(): Promise<number[]> {
    const found: number[] = [];
    for (const name of await fs.readdir('/proc')) {
      const folder = /^\d+$/.test(name) ? await fs.readlink(`/proc/${name}/cwd`).catch(() => '') : '';
      if (!folder.startsWith(project.folder)) continue;
      const program = await fs.readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      if (/pulumi|node/.test(program)) found.push(Number(name));
    }
    return found;
  }

  it('is what apt and dnf read by HTTP, and the next preview is empty', async () => {
    assert.deepEqual(await candidates(), ['0.1.0', '0.1.0']);
    await project.ok('preview', '--expect-no-changes');
  });

  it('is repaired there: a deleted blob, an edited index', async () => {
    const [blob = ''] = (await store.list('packages/deb/pool/')).filter((key) => key.endsWith('.deb'));
    const index = 'packages/deb/dists/stable/main/binary-amd64/Packages';
    const before = [await store.get(blob), await store.get(index)].map((found) =>
      found?.body.toString('hex'),
    );
    await store.delete(blob);
    await store.put(index, Buffer.from('Package: evil\n'));
    await project.ok('refresh');
    const { stdout } = await project.ok('preview', '--diff');
    assert.match(stdout, /"packages\/deb\/pool\/\S+ is missing or damaged"/);
    assert.match(stdout, /"packages\/deb\/dists\/stable\/main\/binary-amd64\/Packages is missing or edited"/);
    await project.ok('up');
    const after = [await store.get(blob), await store.get(index)].map((found) => found?.body.toString('hex'));
    assert.deepEqual(after, before);
    await project.ok('preview', '--expect-no-changes');
  });

  for (const { key, version } of process.env.FULL === '1' ? KILLED_AT : KILLED_AT.slice(1)) {
    it(`${version}: the engine is killed when ${key.source} is written: clients see a whole release, the next update all of it`, async () => {
      const earlier = await candidates();
      const running = project.script('up', '--version', version);
      while (!(await store.list('packages/')).some((name) => key.test(name))) await setTimeout(20);
      for (const pid of await engineProcesses()) process.kill(pid, 'SIGKILL');
      assert.notEqual((await running).status, 0);
      for (const [i, found] of (await candidates()).entries())
        assert.ok([earlier[i], version].includes(found), found);
      await project.ok('up', '--version', version);
      await project.ok('preview', '--version', version, '--expect-no-changes');
      assert.deepEqual(await candidates(), [version, version]);
    });
  }
});
