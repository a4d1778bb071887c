import assert from 'node:assert/strict';
import { GitHub, gitHubSettings } from '../../../announce/github';
import { planOpening } from '../../../announce/opening';
import { Released } from '../../../announce/release';
import { catalog } from '../../../catalog';
import { plain } from './charts';
import { FakeGitHub, Item } from './fakeGitHub';

const WEBSITE = 'falcosecurity/falco-website';
const CHARTS = 'falcosecurity/charts';
const MARKER = '<!-- falco-artifacts:announce 0.24.0 -->';
const BRANCH = 'falco-artifacts-0.24.0';
const INDEX = 'content/en/docs/setup/artifacts/_index.md';
const VALUES = 'charts/falco/values.yaml';
const released: Released = {
  version: '0.24.0',
  previous: '0.23.0',
  url: 'https://download.example',
  digests: {},
};

describe('opening an announcement at GitHub', () => {
  const fakes: FakeGitHub[] = [];

  async function github(): Promise<FakeGitHub> {
    const fake = await FakeGitHub.start();
    fakes.push(fake);
    fake.addRepository(WEBSITE, { 'README.md': 'site' });
    fake.addRepository(CHARTS, { [VALUES]: plain, 'charts/falco/Chart.yaml': 'appVersion: 0.23.0\n' });
    return fake;
  }

  async function run(fake: FakeGitHub, options = {}, of = released): Promise<string[]> {
    const api = new GitHub(gitHubSettings(fake.environment));
    const lines: string[] = [];
    for (const step of await planOpening(catalog, of, { website: WEBSITE, charts: CHARTS, ...options }, api))
      lines.push(await step());
    return lines;
  }

  const items = (fake: FakeGitHub, name: string) => fake.repositories[name]?.items ?? [];
  const files = (fake: FakeGitHub, name: string, branch: string) =>
    fake.state()[name]?.branches[branch]?.[0]?.files ?? {};

  /** Of a stranger, if nothing else is said. */
  const item = (fields: Partial<Item>): Item => ({
    ...{
      number: 1,
      state: 'open',
      title: 'x',
      body: '',
      html_url: `https://github.example/${fields.number}`,
    },
    ...{ user: { login: 'mallory', type: 'User' }, author_association: 'NONE' },
    ...fields,
  });

  afterEach(async () => {
    await Promise.all(fakes.splice(0).map((fake) => fake.stop()));
  });

  it('opens a pull request at each repository and an issue, all with the marker', async () => {
    const fake = await github();
    assert.deepEqual(await run(fake), [
      `pull request at ${WEBSITE}: opened https://github.example/${WEBSITE}/pull/1`,
      `pull request at ${CHARTS}: opened https://github.example/${CHARTS}/pull/1`,
      `issue at ${CHARTS}: opened https://github.example/${CHARTS}/issues/2`,
    ]);
    const all = [...items(fake, WEBSITE), ...items(fake, CHARTS)];
    assert.deepEqual(
      all.map(({ title, head, base }) => ({ title, head, base })),
      [
        { title: 'docs: install pages of Falco 0.24.0', head: BRANCH, base: 'main' },
        { title: 'chart: images of Falco 0.24.0', head: BRANCH, base: 'main' },
        { title: 'Falco 0.24.0: image names of the chart', head: undefined, base: undefined },
      ],
    );
    for (const { body } of all) assert.ok(body.includes(MARKER));
    assert.equal(files(fake, CHARTS, BRANCH)[VALUES], plain.replace('0.23.0', '0.24.0'));
    assert.ok(files(fake, WEBSITE, BRANCH)[INDEX]?.includes(MARKER));
    assert.deepEqual(files(fake, WEBSITE, 'main'), { 'README.md': 'site' });
  });

  it('opens nothing but the issue for a back-port', async () => {
    const fake = await github();
    assert.deepEqual(await run(fake, {}, { ...released, newest: '0.25.0' }), [
      `issue at ${CHARTS}: opened https://github.example/${CHARTS}/issues/1`,
    ]);
    assert.deepEqual(items(fake, WEBSITE), []);
    assert.match(items(fake, CHARTS)[0]?.body ?? '', /It is a back-port: 0\.25\.0 stays the newest release/);
  });

  it('changes nothing in a second run', async () => {
    const fake = await github();
    await run(fake);
    const first = structuredClone(fake.state());
    const before = fake.requests.length;
    assert.deepEqual(await run(fake), [
      `pull request at ${WEBSITE}: is there https://github.example/${WEBSITE}/pull/1`,
      `pull request at ${CHARTS}: is there https://github.example/${CHARTS}/pull/1`,
      `issue at ${CHARTS}: is there https://github.example/${CHARTS}/issues/2`,
    ]);
    assert.deepEqual(fake.state(), first);
    assert.deepEqual(
      fake.requests.slice(before).filter((one) => !one.startsWith('GET ')),
      [],
    );
  });

  it('goes on after an interruption at any request, before or after it took effect, to the same end', async function () {
    this.timeout(120_000);
    const whole = await github();
    await run(whole);
    for (let at = 0; at < whole.requests.length; at++)
      for (const trouble of ['lost request', 'lost answer'] as const) {
        const fake = await github();
        fake.trouble = { [at]: trouble };
        const where = `${trouble} at ${whole.requests[at]}`;
        await assert.rejects(
          run(fake),
          /no answer from .*run the same command again, it goes on where it stopped/,
          where,
        );
        await run(fake);
        assert.deepEqual(fake.state(), whole.state(), where);
        await fakes.pop()?.stop();
      }
  });

  it('updates what is open when the text or the files changed, and keeps the commits of others', async () => {
    const fake = await github();
    await run(fake);
    const later = { ...released, url: 'https://elsewhere.example' };
    assert.deepEqual(await run(fake, {}, later), [
      `pull request at ${WEBSITE}: updated https://github.example/${WEBSITE}/pull/1`,
      `pull request at ${CHARTS}: is there https://github.example/${CHARTS}/pull/1`,
      `issue at ${CHARTS}: is there https://github.example/${CHARTS}/issues/2`,
    ]);
    assert.equal(fake.state()[WEBSITE]?.branches[BRANCH]?.length, 3);
    assert.match(files(fake, WEBSITE, BRANCH)[INDEX] ?? '', /https:\/\/elsewhere\.example/);
    const issue = items(fake, CHARTS)[1];
    assert.ok(issue);
    issue.body = `${MARKER}\r\nold`;
    assert.match((await run(fake, {}, later))[2] ?? '', /: updated /);
    assert.match(issue.body, /SKIP_DRIVER_LOADER/);
  });

  it('leaves what was closed or merged, and a pull request whose text somebody rewrote', async () => {
    const fake = await github();
    await run(fake);
    for (const item of items(fake, CHARTS)) item.state = 'closed';
    const [pull] = items(fake, WEBSITE);
    assert.ok(pull);
    pull.body = 'rewritten';
    const before = structuredClone(fake.state());
    assert.deepEqual(await run(fake, {}, { ...released, url: 'https://elsewhere.example' }), [
      `pull request at ${WEBSITE}: left as it is, https://github.example/${WEBSITE}/pull/1 has another text now`,
      `pull request at ${CHARTS}: left as it is, https://github.example/${CHARTS}/pull/1 is closed`,
      `issue at ${CHARTS}: left as it is, https://github.example/${CHARTS}/issues/2 is closed`,
    ]);
    assert.deepEqual(fake.state(), before);
  });

  it('finds its issue behind hundreds of others', async () => {
    const fake = await github();
    await run(fake);
    for (let number = 3; number < 253; number++) items(fake, CHARTS).push(item({ number }));
    assert.match((await run(fake))[2] ?? '', /: is there .*issues\/2$/);
    assert.equal(items(fake, CHARTS).length, 252);
  });

  it('is not kept from it by an issue of a stranger with its marker, open or closed', async () => {
    const fake = await github();
    for (const state of ['open', 'closed'] as const)
      for (const author_association of [
        'NONE',
        'FIRST_TIMER',
        'FIRST_TIME_CONTRIBUTOR',
        'CONTRIBUTOR',
        'MANNEQUIN',
      ])
        items(fake, CHARTS).push(
          item({ number: items(fake, CHARTS).length + 1, state, body: MARKER, author_association }),
        );
    items(fake, CHARTS).push(item({ number: 11, body: MARKER, user: null }));
    const before = structuredClone(items(fake, CHARTS));
    const issue = `https://github.example/${CHARTS}/issues/13`;
    assert.equal((await run(fake))[2], `issue at ${CHARTS}: opened ${issue}`);
    assert.equal((await run(fake))[2], `issue at ${CHARTS}: is there ${issue}`);
    assert.deepEqual(items(fake, CHARTS).slice(0, 11), before);
  });

  for (const author_association of ['OWNER', 'MEMBER', 'COLLABORATOR'])
    it(`takes what ${author_association} of the repository opened for its own`, async () => {
      const fake = await github();
      await run(fake);
      for (const one of [...items(fake, WEBSITE), ...items(fake, CHARTS)])
        Object.assign(one, { author_association });
      fake.user = { login: 'ben', type: 'User' };
      assert.deepEqual(await run(fake), [
        `pull request at ${WEBSITE}: is there https://github.example/${WEBSITE}/pull/1`,
        `pull request at ${CHARTS}: is there https://github.example/${CHARTS}/pull/1`,
        `issue at ${CHARTS}: is there https://github.example/${CHARTS}/issues/2`,
      ]);
    });

  it('finds what an app opened with the token of an app, and with it no issue of a stranger', async () => {
    const fake = await github();
    fake.user = { login: 'announcer[bot]', type: 'Bot' };
    items(fake, CHARTS).push(item({ number: 1, state: 'closed', body: MARKER }));
    assert.equal((await run(fake)).filter((line) => line.includes(': opened ')).length, 3);
    assert.equal((await run(fake)).filter((line) => line.includes(': is there ')).length, 3);
  });

  it("finds no issue of an app with a person's token", async () => {
    const fake = await github();
    const user = { login: 'helper[bot]', type: 'Bot' } as const;
    items(fake, CHARTS).push(item({ number: 1, body: MARKER, user }));
    assert.match((await run(fake))[2] ?? '', /: opened .*issues\/3$/);
  });

  it('opens its pull request beside a closed one of a stranger, of the same branch', async () => {
    const fake = await github();
    items(fake, CHARTS).push(
      item({ number: 1, state: 'closed', body: MARKER, head: BRANCH, pull_request: {} }),
    );
    assert.equal(
      (await run(fake))[1],
      `pull request at ${CHARTS}: opened https://github.example/${CHARTS}/pull/2`,
    );
  });

  it('does not take a chart or pages back to an older version', async () => {
    const fake = await github();
    fake.addRepository(WEBSITE, { [INDEX]: '<!-- falco-artifacts:announce 0.25.0 -->' });
    fake.addRepository(CHARTS, { [VALUES]: plain.replace('0.23.0', '0.25.0') });
    const lines = await run(fake);
    assert.deepEqual(lines.slice(0, 2), [
      `pull request at ${WEBSITE}: nothing to change: the pages are of 0.25.0, which is newer`,
      `pull request at ${CHARTS}: nothing to change: ${VALUES} has 0.25.0 at image, which is newer; it is left alone`,
    ]);
    assert.equal(items(fake, CHARTS).length, 1);
  });

  it('takes other repositories, finds the chart in its folder there, and signs off', async () => {
    const fake = await github();
    fake.addRepository('me/site', {});
    fake.addRepository('me/falco', { 'chart/falco/values.yaml': plain });
    const author = { name: 'A Person', email: 'a@example.org' };
    await run(fake, { website: 'me/site', charts: 'me/falco', author });
    assert.equal(
      files(fake, 'me/falco', BRANCH)['chart/falco/values.yaml'],
      plain.replace('0.23.0', '0.24.0'),
    );
    assert.equal(
      fake.state()['me/falco']?.branches[BRANCH]?.[0]?.message,
      'chart: images of Falco 0.24.0\n\nSigned-off-by: A Person <a@example.org>',
    );
    assert.deepEqual([...items(fake, WEBSITE), ...items(fake, CHARTS)], []);
  });

  const refusals: [string, (fake: FakeGitHub) => void, RegExp][] = [
    [
      'a repository that is not there',
      (fake) => delete fake.repositories[CHARTS],
      /^--charts: falcosecurity\/charts is not there, or GITHUB_TOKEN does not see it; give OWNER\/REPO$/,
    ],
    [
      'a token that may not push',
      (fake) => (fake.repositories[CHARTS].push = false),
      /^--charts: GITHUB_TOKEN may not write to falcosecurity\/charts; give a token that may, or a fork$/,
    ],
    [
      'issues that are switched off',
      (fake) => (fake.repositories[CHARTS].hasIssues = false),
      /^--charts: falcosecurity\/charts has issues switched off; /,
    ],
    [
      'a repository without the chart',
      (fake) => fake.addRepository(CHARTS, { a: 'b' }),
      /^--charts: falcosecurity\/charts has no values\.yaml in charts\/falco, chart\/falco, falco; /,
    ],
    [
      'a chart that comes from elsewhere',
      (fake) =>
        fake.addRepository(CHARTS, {
          [VALUES]: plain,
          '.github/managed-charts.yaml': 'falco:\n  - charts/falco/**\n',
        }),
      /^--charts: falcosecurity\/charts takes no change of charts\/falco: \.github\/managed-charts\.yaml there says which repository it comes from; give that one$/,
    ],
    [
      'a token that is not accepted',
      (fake) => (fake.trouble[0] = { status: 401, body: { message: 'Bad credentials' } }),
      /^GITHUB_TOKEN: is not accepted \(Bad credentials\); it may have expired: make a new one$/,
    ],
    [
      "a stranger's open pull request of its branch",
      (fake) => items(fake, CHARTS).push(item({ number: 1, body: MARKER, head: BRANCH, pull_request: {} })),
      /^pull request at falcosecurity\/charts: https:\/\/github\.example\/1 is of the branch falco-artifacts-0\.24\.0, by somebody who does not belong to the repository; close it and run the same command again$/,
    ],
    [
      'a missing right',
      (fake) => (fake.trouble[1] = { status: 403, body: { message: 'Resource not accessible' } }),
      /^GITHUB_TOKEN: may not do GET .* \(Resource not accessible\); it needs "contents"/,
    ],
    [
      'the rate limit',
      (fake) =>
        (fake.trouble[0] = {
          status: 403,
          headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1600000000' },
        }),
      /: rate limit; wait until 2020-09-13T12:26:40\.000Z, then run the same command again/,
    ],
    [
      'the limit of writes',
      (fake) => (fake.trouble[0] = { status: 429, headers: { 'retry-after': '60' } }),
      /: rate limit; wait 60 s, then run/,
    ],
    [
      'a repository that was renamed',
      (fake) => (fake.trouble[1] = { status: 301, headers: { location: '/x' } }),
      /: the repository was renamed; give its new name by --website or --charts$/,
    ],
    [
      'an error of the server',
      (fake) => (fake.trouble[0] = { status: 502 }),
      /: status 502 .*run the same command again/,
    ],
  ];
  for (const [title, prepare, message] of refusals)
    it(`opens nothing at all for ${title}`, async () => {
      const fake = await github();
      prepare(fake);
      const before = structuredClone(fake.state());
      await assert.rejects(run(fake), { message });
      assert.deepEqual(fake.state(), before);
      assert.deepEqual(
        fake.requests.filter((one) => !one.startsWith('GET ')),
        [],
      );
    });

  it('says which right a write lacks that the API hides', async () => {
    const fake = await github();
    const whole = await github();
    await run(whole);
    fake.trouble = { [whole.requests.findIndex((one) => one.startsWith('POST '))]: { status: 404 } };
    await assert.rejects(run(fake), {
      message:
        /^GITHUB_TOKEN: may not do POST \/repos\/falcosecurity\/falco-website\/git\/trees; it needs "contents"/,
    });
  });

  it('wants a token, and an address that keeps it', () => {
    const of = (environment: NodeJS.ProcessEnv) => () => gitHubSettings(environment);
    assert.throws(of({}), {
      message: /^GITHUB_TOKEN: is not set; give it a token that may write contents, pull requests and issues/,
    });
    assert.throws(of({ GITHUB_TOKEN: 't', GITHUB_API_URL: 'http://ghe.example' }), {
      message: 'GITHUB_API_URL: http://ghe.example would get the token in clear; give an https:// address',
    });
    assert.throws(of({ GITHUB_TOKEN: 't', GITHUB_API_URL: 'ghe' }), {
      message: 'GITHUB_API_URL: "ghe" is no URL; leave it out for github.com',
    });
    assert.deepEqual(of({ GITHUB_TOKEN: 't\n' })(), { url: 'https://api.github.com', token: 't' });
  });
});
