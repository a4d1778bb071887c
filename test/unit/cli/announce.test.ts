import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { catalog } from '../../../catalog';
import { announceCommand, announcementOf } from '../../../cli/announce';
import { readOptions } from '../../../cli/options';
import { plain } from '../announce/charts';
import { FakeGitHub } from '../announce/fakeGitHub';

const run = promisify(execFile);

describe('npm run announce', () => {
  let root: string;
  let fake: FakeGitHub;

  before(async () => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'announce-'));
    fs.mkdirSync(path.join(root, 'chart'));
    fs.writeFileSync(path.join(root, 'chart', 'values.yaml'), plain);
    fake = await FakeGitHub.start();
    fake.addRepository('me/site', {});
    fake.addRepository('me/charts', { 'falco/values.yaml': plain });
  });
  after(async () => {
    await fake.stop();
    fs.rmSync(root, { recursive: true });
  });

  const announcement = (...args: string[]) =>
    announcementOf(catalog, readOptions('announce', args), root, root);

  /** What it printed. */
  async function announce(args: string[], environment: NodeJS.ProcessEnv): Promise<string> {
    const lines: string[] = [];
    const status = await announceCommand(catalog, root, announcement(...args), environment, (line) => {
      lines.push(`${line}\n`);
    });
    assert.equal(status, 0);
    return lines.join('');
  }

  it('writes the texts and a patch that patch takes, says where, and asks nobody', async () => {
    const printed = await announce(['--version', '0.24.0', '--chart', 'chart'], fake.environment);
    const out = path.join(root, '.local', 'announce', '0.24.0');
    for (const name of [
      'mail.txt',
      'social.txt',
      'chart/issue.md',
      'chart/pull-request.md',
      'chart/values.patch',
    ]) {
      assert.ok(printed.includes(`  ${path.join(out, name)}\n`), name);
      assert.ok(fs.existsSync(path.join(out, name)), name);
    }
    assert.match(
      printed,
      /^Nothing was opened\. With --open this opens, once:\n {2}pull request at falcosecurity\/falco-website: /m,
    );
    const copy = path.join(root, 'copy');
    fs.cpSync(path.join(root, 'chart'), copy, { recursive: true });
    await run('git', ['apply', '-p1', path.join(out, 'chart', 'values.patch')], { cwd: copy });
    assert.equal(fs.readFileSync(path.join(copy, 'values.yaml'), 'utf8'), plain.replace('0.23.0', '0.24.0'));
    assert.equal(
      fs.readFileSync(path.join(out, 'chart', 'values.yaml'), 'utf8'),
      'image:\n  repository: falcosecurity/falco\n  tag: 0.24.0\n',
    );
    assert.deepEqual(fake.requests, []);
  });

  it('writes values for each kind of chart where none is given', async () => {
    const printed = await announce(['--version', '0.24.0', '--out', 'texts'], {});
    assert.deepEqual(fs.readdirSync(path.join(root, 'texts', 'chart')).sort(), [
      'issue.md',
      'pull-request.md',
      'values-with-driver.loader.initContainer.image.yaml',
      'values.yaml',
    ]);
    assert.match(printed, /no chart\/values\.patch: give --chart DIR/);
  });

  it('takes the section of the version out of a changelog', async () => {
    fs.writeFileSync(path.join(root, 'notes.md'), '## 0.24.0\n\n- a rule\n\n## 0.23.0\n\n- another\n');
    const printed = await announce(['--version', '0.24.0', '--changelog', 'notes.md', '--out', 'noted'], {});
    assert.doesNotMatch(printed, /no changelog/);
    const mail = fs.readFileSync(path.join(root, 'noted/mail.txt'), 'utf8');
    assert.match(mail, /^Changes\n-------\n\n- a rule\n\nNew$/m);
    assert.match(
      await announce(['--version', '0.24.0', '--out', 'noted'], {}),
      /no changelog in them: give --changelog FILE/,
    );
    assert.throws(() => announcement('--version', '0.25.0', '--changelog', 'notes.md'), {
      message: `--changelog (${root}/notes.md): has no heading of 0.25.0; add a section "## 0.25.0" with the notes of the release`,
    });
    assert.throws(() => announcement('--version', '0.25.0', '--changelog', 'none.md'), {
      message: /^--changelog: .*\/none\.md cannot be read \(ENOENT.*\); give a Markdown file$/,
    });
  });

  it('forgets what it wrote before it was told of a back-port', async () => {
    await announce(['--version', '0.24.0', '--out', 'beside'], {});
    assert.ok(fs.existsSync(path.join(root, 'beside/website/pull-request.md')));
    fs.writeFileSync(path.join(root, 'beside/website/mine'), '');
    const printed = await announce(['--version', '0.24.0', '--latest', '0.25.0', '--out', 'beside'], {});
    const files = fs.readdirSync(path.join(root, 'beside/website'), { recursive: true, encoding: 'utf8' });
    assert.deepEqual(
      files.filter((name) => !/^content(\/|$)/.test(name)),
      ['mine'],
    );
    assert.deepEqual(
      files.filter((name) => /\.md$/.test(name)),
      [],
    );
    assert.match(printed, /^A back-port: website and chart are left at 0\.25\.0, the newest release\.$/m);
    assert.match(
      printed,
      /once:\n {2}issue at falcosecurity\/charts: Falco 0\.24\.0: image names of the chart\n/,
    );
  });

  it('opens all with --open, once', async () => {
    const args = ['--version', '0.24.0', '--open', '--website', 'me/site', '--charts', 'me/charts'];
    assert.equal((await announce(args, fake.environment)).match(/: opened /g)?.length, 3);
    const state = structuredClone(fake.state());
    assert.equal((await announce(args, fake.environment)).match(/: is there /g)?.length, 3);
    assert.deepEqual(fake.state(), state);
  });

  it('writes the token nowhere', async () => {
    const args = [
      '--version',
      '0.24.0',
      '--open',
      '--website',
      'me/site',
      '--charts',
      'me/charts',
      '--out',
      'open',
    ];
    const printed = await announce(args, fake.environment);
    const files = fs.readdirSync(path.join(root, 'open'), { recursive: true, encoding: 'utf8' });
    const texts = files
      .map((name) => path.join(root, 'open', name))
      .filter((file) => fs.statSync(file).isFile())
      .map((file) => fs.readFileSync(file, 'utf8'));
    for (const text of [printed, ...texts, JSON.stringify(fake.state())])
      assert.ok(!text.includes(fake.environment.GITHUB_TOKEN));
  });

  it('writes nothing with --open and without a token', async () => {
    const args = ['--version', '0.24.0', '--open', '--out', 'none'];
    await assert.rejects(announce(args, {}), {
      message: /^GITHUB_TOKEN: is not set/,
    });
    assert.ok(!fs.existsSync(path.join(root, 'none')));
  });

  const wrong: [string[], string][] = [
    [[], '--version: is missing; give the released version, such as 0.24.0'],
    [['--version', '0.24.0', '--website', 'site'], '--website: "site" is no repository; give OWNER/REPO'],
    [['--version', '0.24.0', '--charts', 'a/..'], '--charts: "a/.." is no repository; give OWNER/REPO'],
    [['--version', '0.24.0', '--sign-off', 'me'], '--sign-off: "me" is not NAME <MAIL>; give it as git does'],
  ];
  for (const [args, message] of wrong)
    it(`refuses: ${args.join(' ') || 'no options'}`, () =>
      assert.throws(() => announcement(...args), { message }));

  it('refuses a version that the stack has not published', async () => {
    fs.writeFileSync(path.join(root, 'Pulumi.local.yaml'), 'config: {}\n');
    await assert.rejects(announce(['--version', '0.24.0', '--stack', 'local', '--out', 'none'], {}), {
      message: '--version: the stack local has published nothing; announce what it has published',
    });
    assert.ok(!fs.existsSync(path.join(root, 'none')));
  });

  it('refuses a folder without a chart', () => {
    assert.throws(() => announcement('--version', '0.24.0', '--chart', '.'), {
      message: `--chart: ${root} has no values.yaml; give the chart's folder, or its repository's`,
    });
  });
});
