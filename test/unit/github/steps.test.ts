/** The steps of the workflows, run here: scripts of the shell, and those that talk to GitHub against a fake of its API. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { FakeGitHub, REPOSITORY, TOKEN } from './fakeGitHub';
import { recordingNpm, ROOT, runStep } from './steps';

describe('a step of the workflows', function () {
  this.timeout(60_000);
  let folder: string;
  let github: FakeGitHub;
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), 'steps-'));
    github = new FakeGitHub();
    await github.start();
  });
  afterEach(async () => {
    await github.stop();
    await fs.rm(folder, { recursive: true });
  });

  const file = (name: string) => path.join(folder, name);
  const ok = async (command: string, env: Record<string, string>, cwd?: string) => {
    const ended = await runStep(command, env, cwd);
    assert.equal(ended.status, 0, ended.stderr);
    return ended;
  };
  const head = '<!-- artifacts: preview -->\n';

  describe('that comments on a pull request', () => {
    const step = (env = github.env) => {
      const command = `node tools/github/stickyComment.mjs preview ${file('preview.md')}`;
      return runStep(command, { ...env, PULL_REQUEST: '12' });
    };
    const write = (text: string) => fs.writeFile(file('preview.md'), text);

    it('leaves one comment after two runs, with the text of the second', async () => {
      github.comments = [1, 2, 3].map(() => github.thing({ body: 'talk', user: { login: 'ann' } }));
      await write('first');
      assert.equal((await step()).status, 0);
      await write('second');
      assert.equal((await step()).status, 0);
      assert.deepEqual(
        github.comments.map(({ body }) => body),
        ['talk', 'talk', 'talk', `${head}second`],
      );
      const [{ id }] = github.comments.slice(-1);
      assert.deepEqual(github.writes, [
        ['POST /issues/12/comments', { body: `${head}first` }],
        [`PATCH /issues/comments/${id}`, { body: `${head}second` }],
      ]);
    });

    it('writes nothing when the text is the same, and never over the comment of somebody else', async () => {
      github.comments = [
        github.thing({ body: `${head}not ours`, user: { login: 'mallory' } }),
        github.thing({ id: 7, body: `${head}same` }),
      ];
      await write('same');
      assert.equal((await step()).status, 0);
      assert.deepEqual(github.writes, []);
    });

    it('cuts what is longer than GitHub takes at a line, closes its block, and says where all of it is', async () => {
      const line = `${'x'.repeat(99)}\n`;
      await write('```\n' + line.repeat(700) + '```\n');
      assert.equal((await step()).status, 0);
      const body = github.comments[0].body ?? '';
      assert.ok(body.length <= 65_536 && body.length > 65_300, String(body.length));
      assert.ok(
        body.endsWith(
          `x\n\`\`\`\n\n**Cut here.** All of it: https://git.example.org/${REPOSITORY}/actions/runs/77\n`,
        ),
      );
    });

    it('names the permission when GitHub refuses, and the token nowhere', async () => {
      await write('x');
      const { status, stderr } = await step({ ...github.env, GITHUB_TOKEN: 'wrong-token' });
      assert.equal(status, 1);
      assert.match(stderr, /\/issues\/12\/comments\?per_page=100: 401 .*does the job have the permission\?/);
      assert.doesNotMatch(stderr, /wrong-token/);
    });

    it('names the variable that is missing, and refuses a number that is none', async () => {
      await write('x');
      const missing = await step({ ...github.env, GITHUB_TOKEN: '' });
      assert.match(missing.stderr, /GITHUB_TOKEN is not set; a workflow's step gives it in env/);
      const command = `node tools/github/stickyComment.mjs preview ${file('preview.md')}`;
      const { status, stderr } = await runStep(command, { ...github.env, PULL_REQUEST: '12/../13' });
      assert.equal(status, 1);
      assert.match(stderr, /PULL_REQUEST is "12\/\.\.\/13", which is no number/);
      assert.deepEqual(github.writes, []);
    });
  });

  describe('that reports a check', () => {
    const report = (command: string) =>
      runStep(`node tools/github/report.mjs drift-prod "prod has drifted" ${command}`, github.env);
    const run = `[this run](https://git.example.org/${REPOSITORY}/actions/runs/77)`;
    const text = (command: string, status: number, output: string) =>
      `<!-- artifacts: drift-prod -->\n\`${command}\` ended with ${status} in ${run}.\n\n\`\`\`\n${output}\n\`\`\`\n`;

    it('opens one issue, updates it, closes it when the check passes, and opens another later', async () => {
      github.issues = [1, 2].map(() => github.thing({ title: 'another', body: 'x' }));
      assert.equal((await report("sh -c 'echo moved tag; exit 3'")).status, 3);
      assert.equal((await report("sh -c 'echo two tags >&2; exit 4'")).status, 4);
      const [issue] = github.issues.slice(2);
      assert.deepEqual(github.writes, [
        [
          'POST /issues',
          { title: 'prod has drifted', body: text('sh -c echo moved tag; exit 3', 3, 'moved tag') },
        ],
        [
          `PATCH /issues/${issue.number}`,
          { title: 'prod has drifted', body: text('sh -c echo two tags >&2; exit 4', 4, 'two tags') },
        ],
      ]);
      github.writes.length = 0;
      assert.equal((await report('true')).status, 0);
      assert.deepEqual(github.writes, [
        [
          `POST /issues/${issue.number}/comments`,
          { body: `Passes again: https://git.example.org/${REPOSITORY}/actions/runs/77` },
        ],
        [`PATCH /issues/${issue.number}`, { state: 'closed', state_reason: 'completed' }],
      ]);
      assert.equal((await report('false')).status, 1);
      assert.equal(github.issues.filter(({ title }) => title === 'prod has drifted').length, 2);
    });

    it('writes nothing when the check passes and no issue is open', async () => {
      assert.equal((await report('true')).status, 0);
      assert.deepEqual(github.writes, []);
    });

    it('keeps the token from the check, and takes colours and fences of its output as text', async () => {
      const ended = await report(`sh -c 'printf "\\033[31mred\\033[0m \\\`\\\`\\\`"; env; exit 1'`);
      assert.equal(ended.status, 1);
      assert.doesNotMatch(ended.stdout, new RegExp(TOKEN));
      const body = String(github.writes[0][1].body);
      assert.doesNotMatch(body, new RegExp(TOKEN));
      assert.match(body, /\n````\nred ```/);
    });
  });

  describe('that labels the latest release', () => {
    it('takes the newest version that is no candidate, no draft and not withdrawn, in any repository', async () => {
      await fs.writeFile(file('Pulumi.prod.yaml'), 'config:\n  falco:withdrawn: [0.25.0]\n');
      const release = (tag_name: string, fields = {}) =>
        github.thing({ tag_name, draft: false, prerelease: false, ...fields });
      for (const one of [
        ['0.22.2'],
        ['0.24.0'],
        ['0.25.0'],
        ['0.26.0-rc1', { prerelease: true }],
        ['nightly'],
        ['0.27.0', { draft: true }],
      ] as [string, object?][])
        github.releases.push(release(...one));
      const [, newest] = github.releases;
      const env = { ...github.env, STACK_FILES: folder, GITHUB_REPOSITORY: 'birds/other' };
      await ok('node tools/github/latestRelease.mjs prod', { ...env, RELEASES_REPOSITORY: REPOSITORY });
      const withdrawn = github.releases[2];
      const notice = '**0.25.0 was withdrawn: use another release.**\n\n';
      assert.deepEqual(github.writes, [
        [`PATCH /releases/${newest.id}`, { make_latest: 'true' }],
        [`PATCH /releases/${withdrawn.id}`, { body: notice }],
      ]);
    });

    it('says so on the page of a version that was withdrawn, once, until it is back', async () => {
      const notice = '**0.25.0 was withdrawn: use another release.**\n\n';
      const fields = { tag_name: '0.25.0', draft: false, prerelease: false };
      const env = { ...github.env, STACK_FILES: folder, RELEASES_REPOSITORY: REPOSITORY };
      const page = github.thing({ ...fields, body: 'Faster.' });
      github.releases.push(page);
      await fs.writeFile(file('Pulumi.prod.yaml'), 'config:\n  falco:withdrawn: [0.25.0]\n');
      await ok('node tools/github/latestRelease.mjs prod', env);
      assert.deepEqual(github.writes, [[`PATCH /releases/${page.id}`, { body: `${notice}Faster.` }]]);
      github.releases[0] = { ...page, body: `${notice}Faster.` };
      await ok('node tools/github/latestRelease.mjs prod', env);
      assert.equal(github.writes.length, 1);
      await fs.writeFile(file('Pulumi.prod.yaml'), 'config:\n  falco:immutable: true\n');
      await ok('node tools/github/latestRelease.mjs prod', env);
      assert.deepEqual(github.writes.slice(1), [
        [`PATCH /releases/${page.id}`, { make_latest: 'true' }],
        [`PATCH /releases/${page.id}`, { body: 'Faster.' }],
      ]);
    });
  });

  describe('that logs in to registries', () => {
    const stack = (text: string, name = 'prod') => fs.writeFile(file(`Pulumi.${name}.yaml`), text);
    const credentials = { REGISTRY_USERNAME: 'ann', REGISTRY_TOKEN: 's3cret' };
    const login = (given: Record<string, string> = credentials) =>
      runStep('node tools/github/registryLogin.mjs prod', {
        DOCKER_CONFIG: file('docker'),
        STACK_FILES: folder,
        ...given,
      });

    it('uses the role for ECR, also of the stack that it promotes, and the token for Docker Hub, in a file that others cannot read', async () => {
      const ecr = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
      await stack(
        'config:\n  falco:registry: docker.io\n  falco:mirrors: [public.ecr.aws/birds]\n  falco:from: organization/x/staging\n',
      );
      await stack(`config:\n  falco:registry: ${ecr}/staging\n`, 'staging');
      const { status, stdout, stderr } = await login();
      assert.equal(status, 0, stderr);
      const written = file('docker/config.json');
      assert.deepEqual(JSON.parse(await fs.readFile(written, 'utf8')), {
        credHelpers: { [ecr]: 'ecr-login', 'public.ecr.aws': 'ecr-login' },
        auths: {
          'https://index.docker.io/v1/': { auth: Buffer.from('ann:s3cret').toString('base64') },
        },
      });
      assert.equal((await fs.stat(written)).mode & 0o777, 0o600);
      assert.doesNotMatch(stdout + stderr, /s3cret/);
    });

    it('has none for Docker Hub in a job that only reads, and misses an empty one', async () => {
      await stack('config:\n  falco:registry: docker.io\n');
      assert.equal((await login({})).status, 0);
      const written = JSON.parse(await fs.readFile(file('docker/config.json'), 'utf8')) as object;
      assert.deepEqual(written, { credHelpers: {}, auths: {} });
      const empty = await login({ ...credentials, REGISTRY_TOKEN: '' });
      assert.equal(empty.status, 1);
      assert.match(empty.stderr, /REGISTRY_TOKEN is not set/);
    });

    it('refuses a registry that it has no credentials for', async () => {
      await stack('config:\n  falco:registry: registry.example.org/birds\n');
      const { status, stderr } = await login();
      assert.equal(status, 1);
      assert.match(
        stderr,
        /falco:registry of prod: no credentials are known for registry\.example\.org; use ECR or docker\.io, or add it here/,
      );
    });
  });

  it('that imports the keys puts those of gpg into the keyring, with a real gpg, and that of images into its file', async () => {
    const gpg = (home: string, ...args: string[]) =>
      execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', ...args], { encoding: 'utf8' });
    const [from, to] = [file('from'), file('to')];
    await fs.mkdir(from, { mode: 0o700 });
    try {
      gpg(from, '--passphrase', '', '--quick-generate-key', 'Staging <s@example.org>', 'ed25519', 'sign');
      const key = gpg(from, '--armor', '--export-secret-keys');
      const cosignKey = file('keys/staging.key');
      const settings = `config:\n  falco:gnupgHome: ${to}\n  falco:cosignKey: ${cosignKey}\n`;
      await fs.writeFile(file('Pulumi.staging.yaml'), settings);
      const env = { SIGNING_KEY: key, COSIGN_KEY: 'encrypted\nkey', STACK_FILES: folder };
      const { stdout } = await ok('.github/steps/import-key.sh staging', env);
      assert.equal(stdout, '');
      const listed = (home: string) =>
        gpg(home, '--with-colons', '--list-secret-keys').match(/^fpr:.*$/gm) ?? [];
      assert.equal(listed(from).length, 1);
      assert.deepEqual(listed(to), listed(from));
      assert.equal(await fs.readFile(cosignKey, 'utf8'), 'encrypted\nkey\n');
      assert.equal((await fs.stat(cosignKey)).mode & 0o777, 0o600);
      const without = { SIGNING_KEY: key, STACK_FILES: folder };
      const missing = await runStep('.github/steps/import-key.sh staging', without);
      assert.equal(missing.status, 1);
      assert.match(missing.stderr, /COSIGN_KEY: is empty; set the secret COSIGN_KEY of the environment/);
      await fs.writeFile(file('Pulumi.staging.yaml'), settings.replace(cosignKey, 'awskms:///alias/images'));
      await ok('.github/steps/import-key.sh staging', without);
    } finally {
      for (const home of [from, to]) execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']);
    }
    const { status, stderr } = await runStep('.github/steps/import-key.sh staging', { STACK_FILES: folder });
    assert.equal(status, 1);
    assert.match(stderr, /SIGNING_KEY: is empty; set the secret SIGNING_KEY of the environment/);
  });

  it('that makes a tool ready does so without touching the settings of git outside a workflow', async () => {
    await ok('.github/steps/setup.sh compile', { HOME: folder });
    assert.deepEqual(await fs.readdir(folder), []);
  });

  describe('that calls npm', () => {
    let npm: Awaited<ReturnType<typeof recordingNpm>>;
    beforeEach(async () => {
      npm = await recordingNpm(folder);
    });

    it('previews each stack with its own options into one file and the summary, also when one fails', async () => {
      const command = `.github/steps/preview.sh ${file('out/preview.md')} staging '--source=https://git.example.org/k#abc' --expect-no-changes prod`;
      const env = { PATH: npm.path, NPM_PRINTS: '| a |\n', GITHUB_STEP_SUMMARY: file('summary') };
      await ok(command, env);
      const text = '## Stack staging\n\n| a |\n\n## Stack prod\n\n| a |\n\n';
      assert.equal(await fs.readFile(file('out/preview.md'), 'utf8'), text);
      assert.equal(await fs.readFile(file('summary'), 'utf8'), text);
      assert.deepEqual(await npm.calls(), [
        'run -s preview -- --stack staging --markdown --source=https://git.example.org/k#abc --expect-no-changes',
        'run -s preview -- --stack prod --markdown',
      ]);
      assert.equal((await runStep(command, { ...env, NPM_FAILS: '--stack staging' })).status, 1);
      const failed = '**The preview of staging failed.** The log of the run says why.\n';
      assert.equal(
        await fs.readFile(file('out/preview.md'), 'utf8'),
        `## Stack staging\n\n| a |\n${failed}\n## Stack prod\n\n| a |\n\n`,
      );
    });

    it('lists the resources of each stack with mocks, and fails with the first that does', async () => {
      const env = { PATH: npm.path, NPM_PRINTS: 'a\nb\n', GITHUB_STEP_SUMMARY: file('summary') };
      await ok('.github/steps/mocks.sh infra prod', env);
      assert.deepEqual(await npm.calls(), [
        'run -s preview -- --stack infra --mocks',
        'run -s preview -- --stack prod --mocks',
      ]);
      assert.equal(
        await fs.readFile(file('summary'), 'utf8'),
        '## Stack infra, with mocks\n\n```\na\nb\n```\n\n## Stack prod, with mocks\n\n```\na\nb\n```\n\n',
      );
      const failing = { ...env, NPM_FAILS: '--stack infra' };
      assert.equal((await runStep('.github/steps/mocks.sh infra prod', failing)).status, 3);
      assert.equal((await npm.calls()).length, 3);
    });

    it('makes a stack as its file says, of a commit, or of a version', async () => {
      const commit = 'a'.repeat(40);
      const url = 'https://git.example.org/kestrel';
      for (const args of ['staging-master', `staging-master ${commit} ${url}`, `staging 0.24.0-rc1 ${url}`])
        await ok(`.github/steps/up.sh ${args}`, { PATH: npm.path });
      assert.deepEqual(await npm.calls(), [
        'run -s up -- --stack staging-master',
        `run -s up -- --stack staging-master --source ${url}#${commit}`,
        `run -s up -- --stack staging --version 0.24.0-rc1 --source ${url}#0.24.0-rc1`,
      ]);
    });

    for (const ref of ['', 'v0.24.0', '0.24.0-rc1-x', 'main', '0.24.0 --yes']) {
      it(`makes nothing of the ref "${ref}"`, async () => {
        const command = '.github/steps/up.sh staging "$REF" https://git.example.org/kestrel';
        const { status, stderr } = await runStep(command, { PATH: npm.path, REF: ref });
        assert.equal(status, 1);
        assert.equal(stderr, `"${ref}" is no x.y.z, x.y.z-rcN or commit\n`);
        assert.deepEqual(await npm.calls(), []);
      });
    }

    it('asks for the status of every address, and says which variable has none', async () => {
      const env = { PATH: npm.path, STATUS_URLS: 'https://d.example.org  docker.io/birds' };
      await ok('.github/steps/status.sh', env);
      assert.deepEqual(await npm.calls(), ['run -s status -- https://d.example.org docker.io/birds']);
      const { status, stderr } = await runStep('.github/steps/status.sh', { PATH: npm.path });
      assert.equal(status, 1);
      assert.match(
        stderr,
        /STATUS_URLS: is empty; it is a variable of the environment, see docs\/github\.md/,
      );
    });
  });

  const results: [string, number][] = [
    ['success skipped', 0],
    ['skipped success', 0],
    ['skipped skipped', 1],
    ['success failure', 1],
    ['cancelled skipped', 1],
    ['', 1],
  ];
  for (const [given, status] of results) {
    it(`that sums jobs up ends with ${status} for "${given}"`, async () => {
      assert.equal((await runStep('.github/steps/results.sh', { RESULTS: given })).status, status);
    });
  }

  it('is found by shellcheck to be without a fault', async () => {
    const scripts = (await fs.readdir(path.join(ROOT, '.github/steps'))).map(
      (name) => `.github/steps/${name}`,
    );
    const { stdout } = await ok(
      `shellcheck --enable=all --exclude=SC2250,SC2310,SC2312 ${scripts.join(' ')}`,
      {},
    );
    assert.equal(stdout, '');
  });
});
