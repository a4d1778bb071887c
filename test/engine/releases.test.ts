/** What becomes of earlier releases, through the real engine and with a real apt: withdrawn, immutable, expired. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { digest } from '../../provider/oci';
import { copyProject, Outputs, Project } from '../acceptance/project';
import { aptMachine, dnfMachine } from '../publishing/realClients';
import { snapshot } from '../unit/publish/bench';
import { openStore } from '../../provider/store/open';

describe('earlier releases', function () {
  this.timeout(1_200_000);
  let project: Project;
  let first: Outputs;
  let original: string;

  const stackFile = (stack: string) => path.join(project.folder, `Pulumi.${stack}.yaml`);
  /** Sets configuration as a maintainer does, in the stack's file. */
  async function configure(stack: string, ...lines: string[]): Promise<void> {
    await fs.writeFile(
      stackFile(stack),
      `${original.trimEnd()}\n${lines.map((line) => `  ${line}\n`).join('')}`,
    );
  }
  /** The versions that apt and dnf would install now, on machines that know the ready files and nothing else. */
  async function offered({ apt, yum }: Outputs): Promise<string[]> {
    const machines = [
      await aptMachine(project.folder, await fs.readFile(fileURLToPath(apt.sources), 'utf8')),
      await dnfMachine(project.folder, await fs.readFile(fileURLToPath(yum.repo), 'utf8')),
    ];
    for (const machine of machines) await machine.update();
    return Promise.all(machines.map((machine) => machine.candidate('falco-bpf')));
  }
  const latest = (outputs: Outputs) => outputs.images['falcosecurity/falco:latest'];

  before(async () => {
    project = await copyProject();
    original = await fs.readFile(stackFile('local'), 'utf8');
    await project.ok('up');
    first = await project.outputs();
    await project.ok('up', '--version', '0.2.0');
  });
  after(async () => {
    await project?.script('destroy', '--yes');
    await project?.remove();
  });

  it('are offered again when a release is withdrawn, whose own names stay', async () => {
    const second = await project.outputs();
    await configure('local', 'falco:withdrawn: ["0.2.0"]');
    const { stdout } = await project.ok('preview', '--version', '0.2.0', '--diff');
    assert.match(
      stdout,
      /falco-bin-x86\.tar\.gz"?\s*: "falco-bin-0\.2\.0-x86\.tar\.gz" => "falco-bin-0\.1\.0-x86\.tar\.gz"/,
    );
    assert.match(stdout, /targetVersion: "0\.2\.0" => "0\.1\.0"/);

    await project.ok('up', '--version', '0.2.0');
    await project.ok('preview', '--version', '0.2.0', '--expect-no-changes');
    const after = await project.outputs();
    assert.equal(latest(after), latest(first));
    assert.equal(after.packages['falco-bin-x86.tar.gz'].aliasOf, 'falco-bin-0.1.0-x86.tar.gz');
    const index = await fs.readFile(
      path.join(fileURLToPath(after.apt.url), 'dists/stable/main/binary-amd64/Packages'),
      'utf8',
    );
    assert.deepEqual(
      [...index.matchAll(/^Version: (.*)$/gm)].map(([, version]) => version),
      ['0.1.0', '0.1.0'],
    );
    assert.deepEqual(await offered(after), ['0.1.0', '0.1.0']);
    const page = await fs.readFile(path.join(fileURLToPath(after.downloads.url), 'index.html'), 'utf8');
    assert.match(page, /<h2>0\.2\.0<\/h2>\n<p><strong>Withdrawn\./);
    for (const name of [
      'falco-0.2.0-bpf-amd64.deb',
      'falco-0.2.0-bpf-x86_64.rpm',
      'falco-bin-0.2.0-x86.tar.gz',
    ])
      assert.equal(
        (await fs.stat(fileURLToPath(second.packages[name].url))).size,
        second.packages[name].size,
      );
    const [repository, wanted] = second.images['falcosecurity/falco:0.2.0'].split('@');
    assert.equal(await digest(`${repository}:0.2.0`), wanted);

    await configure('local');
    await project.ok('up', '--version', '0.2.0');
    assert.deepEqual(await project.outputs(), {
      ...second,
      gates: ((await project.outputs()) as { gates?: unknown }).gates,
    });
    assert.deepEqual(await offered(second), ['0.2.0', '0.2.0']);
  });

  it('keep their bytes where names are immutable, and say what is rebuilt where they are not', async () => {
    await configure('local', 'falco:immutable: true');
    await project.ok('up', '--version', '0.2.0');
    await project.ok('preview', '--version', '0.2.0', '--expect-no-changes');
    const rules = path.join(project.folder, 'examples/falco-mini/rules/falco_rules.yaml');
    await fs.appendFile(rules, '# changed\n');
    const bucket = openStore(path.join(project.folder, '.local/bucket'));
    const published = async () =>
      Object.fromEntries(Object.entries(await snapshot(bucket)).filter(([key]) => !key.startsWith('build/')));
    const before = await published();
    const { status, text } = await project.script('up', '--version', '0.2.0');
    assert.notEqual(status, 0);
    assert.match(
      text,
      /falco:immutable: these names are released with other bytes, nothing was published: .*falco-0\.2\.0-module-amd64\.deb \(sha256 [0-9a-f]{64} => [0-9a-f]{64}\).*give the new build a new version/,
    );
    assert.deepEqual(await published(), before);

    await configure('local');
    const { stdout } = await project.ok('preview', '--version', '0.2.0', '--diff');
    assert.match(stdout, /rebuilt/);
    assert.match(stdout, /falco-0\.2\.0-module-amd64\.deb"?\s*: "[0-9a-f]{64} => /);
    await project.ok('up', '--version', '0.2.0');
    await project.ok('preview', '--version', '0.2.0', '--expect-no-changes');
  });

  it('expire on the master channel, the oldest first, and the preview says which', async () => {
    const local = original;
    original = await fs.readFile(stackFile('local-master'), 'utf8');
    await configure('local-master', 'falco:keep: 1');
    original = local;
    const master = (version: string) => ['--channel', 'master', '--version', version];
    await project.ok('up', ...master('0.3.0-m1'));
    const kept = await project.outputs('--channel', 'master');
    const { stdout } = await project.ok('preview', ...master('0.3.0-m2'), '--diff');
    for (const file of [
      'falco-0.3.0-m1-module-amd64.deb',
      'falco-0.3.0-m1-bpf-x86_64.rpm',
      'falco-bin-0.3.0-m1-x86.tar.gz',
    ])
      assert.match(stdout, new RegExp(`expired[^]*"${file}"`));
    await project.ok('up', ...master('0.3.0-m2'));
    await project.ok('preview', ...master('0.3.0-m2'), '--expect-no-changes');
    const folder = fileURLToPath(kept.downloads.url);
    const sums = await fs.readFile(path.join(folder, 'SHA256SUMS.asc'), 'utf8');
    assert.deepEqual(
      [...sums.matchAll(/ {2}(falco-bin-.*\.gz)$/gm)].map(([, name]) => name),
      ['falco-bin-0.3.0-m2-x86.tar.gz'],
    );
    // Whoever has read the list of before still gets the file, for the grace time.
    assert.ok(await fs.stat(path.join(folder, 'falco-bin-0.3.0-m1-x86.tar.gz')));
    assert.deepEqual(await offered(kept), ['0.3.0~m2', '0.3.0~m2']);
    const index = await fs.readFile(
      path.join(fileURLToPath(kept.apt.url), 'dists/stable/main/binary-amd64/Packages'),
      'utf8',
    );
    assert.deepEqual(
      [...new Set([...index.matchAll(/^Version: (.*)$/gm)].map(([, version]) => version))].sort(),
      ['0.3.0~m2'],
    );
  });
});
