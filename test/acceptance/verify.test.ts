/** A release that was published is made again by `npm run verify`, from its record alone, under other circumstances. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { copy, remove } from '../../provider/oci';
import type { ReleaseRecord } from '../../provider/promotion/record';
import { run } from '../unit/packaging/fixture';
import { turkish } from './circumstances';
import { PROJECT } from './imageSet';
import { copyProject, Outputs, Project } from './project';

describe('npm run verify', function () {
  this.timeout(1_200_000);
  let work: string;
  let locale: Record<string, string>;
  let project: Project;
  let repository: string;
  let outputs: Outputs & { release: ReleaseRecord };

  /** Under another umask, time zone, locale and home than the release was made. */
  async function verify(...args: string[]): Promise<{ status: number; stdout: string; text: string }> {
    const env = {
      ...process.env,
      INIT_CWD: project.folder,
      TZ: 'Pacific/Kiritimati',
      ...locale,
      HOME: work,
      FALCO_ARTIFACTS_CACHE:
        process.env.FALCO_ARTIFACTS_CACHE ?? path.join(os.homedir(), '.cache/falco-artifacts'),
    };
    const words = ['-c', 'umask 077; exec "$@"', 'sh', process.execPath, 'tools/run.mjs', 'verify', ...args];
    const options = { cwd: project.folder, env, maxBuffer: 1 << 26 };
    const { stdout, stderr, code } = await run('sh', words, options).then(
      (ended) => ({ ...ended, code: 0 }),
      (error: { stdout: string; stderr: string; code: number }) => error,
    );
    return { status: code, stdout, text: stdout + stderr };
  }
  async function refused(args: string[], message: RegExp): Promise<void> {
    const { status, text } = await verify(...args);
    assert.equal(status, 1, text);
    assert.match(text, message);
    assert.deepEqual(await fs.readdir(path.join(project.folder, '.local/verify')).catch(() => []), []);
  }
  const bucketOf = () => path.join(project.folder, '.local/bucket');
  const edit = async (file: string, change: (body: Buffer) => Buffer, then: () => Promise<void>) => {
    const good = await fs.readFile(file);
    await fs.writeFile(file, change(good));
    await then().finally(() => fs.writeFile(file, good));
  };

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'verify-test-'));
    const locales = path.join(work, 'locales');
    await fs.mkdir(locales);
    locale = await turkish(locales);
    repository = path.join(work, 'sample.git');
    await fs.cp(path.join(PROJECT, 'examples/falco-mini'), repository, { recursive: true });
    const git = (...args: string[]) =>
      run('git', ['-C', repository, '-c', 'user.name=A', '-c', 'user.email=a@example.org', ...args]);
    await git('init', '--quiet');
    await git('add', '--all');
    await git('commit', '--quiet', '-m', 'All');
    await git('tag', '0.3.0');
    project = await copyProject();
    await project.ok('up', '--source', `file://${repository}#0.3.0`, '--version', '0.3.0');
    outputs = (await project.outputs()) as typeof outputs;
  });
  after(async () => {
    await project?.remove();
    await fs.rm(work, { recursive: true, force: true });
  });

  it('finds every package and image the same, and leaves nothing behind', async () => {
    const { release } = outputs;
    const listing = () => run('find', [bucketOf(), '-type', 'f', '-printf', '%P %T@\n']);
    const before = (await listing()).stdout;
    const { status, stdout, text } = await verify('local');
    assert.equal(status, 0, text.slice(-6000));
    console.log(stdout);
    const names = [
      ...Object.values(release.packages).map(({ fileName }) => fileName),
      ...Object.keys(release.images).map((name) => `image ${name}`),
      ...Object.values(release.packages).flatMap(({ fileName }) => [
        `${fileName}.provenance.json`,
        `${fileName}.spdx.json`,
      ]),
    ];
    for (const name of names)
      assert.match(stdout, new RegExp(`^ {2}${name.replace(/\./g, '\\.')} +([0-9a-f:]+) +\\1 +yes$`, 'm'));
    assert.match(stdout, new RegExp(`^All ${names.length} artifacts are the same$`, 'm'));
    assert.equal((await listing()).stdout, before);
    assert.deepEqual(await fs.readdir(path.join(project.folder, '.local/verify')), []);
    const source = ['--source', `file://${repository}#0.3.0`, '--version', '0.3.0'];
    await project.ok('preview', ...source, '--expect-no-changes');
  });

  it('refuses a package, an image or a record that was tampered with, before it builds', async () => {
    const { fileName, plain } = outputs.release.packages['deb-bpf'];
    const damage = (body: Buffer) => Buffer.concat([body, Buffer.from('x')]);
    await edit(path.join(bucketOf(), plain), damage, () =>
      refused(
        [`file://${bucketOf()}`],
        new RegExp(
          `what is published is not what the record of 0\\.3\\.0 says; do not use it:\\n {2}${fileName} is [0-9a-f]{64}, the record says [0-9a-f]{64}`,
        ),
      ),
    );
    const [at, digest] = outputs.images['falcosecurity/falco-tester:0.3.0'].split('@');
    await copy(outputs.images['falcosecurity/falco-no-driver:0.3.0'], `${at}:0.3.0`);
    await refused(
      ['local'],
      /falco-tester:0\.3\.0 is sha256:[0-9a-f]{64}, the record says sha256:[0-9a-f]{64}/,
    );
    await copy(`${at}@${digest}`, `${at}:0.3.0`);

    const record = path.join(bucketOf(), 'build/local/record/0.3.0.json.asc');
    const other = (body: Buffer) => Buffer.from(body.toString().replace(digest, `sha256:${'0'.repeat(64)}`));
    await edit(record, other, () => refused(['local'], /0\.3\.0\.json\.asc is not signed by a key of/));
    await refused(['local', '--key', 'F'.repeat(40)], /is signed by [0-9A-F]{40}, expected was F{40}/);
    await refused(['local', '--version', '9.9.9'], /there is no record of 9\.9\.9/);
  });

  it('says which source or stored base is not to be had', async () => {
    await fs.rename(repository, `${repository}.away`);
    await refused(['local'], /cannot get file:\/\/.*sample\.git at [0-9a-f]{40}: /);
    await fs.rename(`${repository}.away`, repository);
    const { repository: at, digest } = outputs.release.systems['falco-tester'];
    await remove(`${at}@${digest}`);
    await refused(
      ['local'],
      new RegExp(
        `what falco-tester was made on, ${digest}, is not to be had from ${at} .*without it the release cannot be made again`,
      ),
    );
  });
});
