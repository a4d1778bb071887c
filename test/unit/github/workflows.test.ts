/** The workflows as GitHub reads them: what they may do, what they call, and that all of it is there. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { parse } from 'yaml';
import { ROOT } from './steps';

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
  env?: Record<string, string>;
}
interface Job {
  permissions?: Record<string, string>;
  'timeout-minutes'?: number;
  concurrency?: { group: string; 'cancel-in-progress': boolean };
  container?: { image: string };
  environment?: string;
  if?: string;
  env?: Record<string, string>;
  steps: Step[];
}
interface Workflow {
  on: Record<string, unknown>;
  permissions: Record<string, string>;
  concurrency?: Job['concurrency'];
  jobs: Record<string, Job>;
}

const FOLDER = path.join(ROOT, '.github/workflows');
const names = fs.readdirSync(FOLDER).sort();
const text = (name: string) => fs.readFileSync(path.join(FOLDER, name), 'utf8');
const workflows = names.map((name) => ({ name, workflow: parse(text(name)) as Workflow }));
const jobs = workflows.flatMap(({ name, workflow }) =>
  Object.entries(workflow.jobs).map(([key, job]) => ({ title: `${name} ${key}`, name, workflow, job })),
);
const SETUP = '.github/actions/setup/action.yml';
const setup = parse(fs.readFileSync(path.join(ROOT, SETUP), 'utf8')) as { runs: { steps: Step[] } };
const steps = [
  ...jobs.flatMap(({ title, job }) => job.steps.map((step) => ({ title, step }))),
  ...setup.runs.steps.map((step) => ({ title: SETUP, step })),
];
const runs = steps.flatMap(({ title, step }) => (step.run ? [{ title, run: step.run }] : []));
const publishes = ({ job }: { job: Job }) => job.steps.some(({ run }) => run?.includes('/up.sh'));

function actionlint(cwd: string, files: string[] = []): string {
  try {
    return execFileSync(path.join(ROOT, '.local/bin/actionlint'), ['-no-color', ...files], {
      cwd,
      encoding: 'utf8',
    });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

describe('the workflows', function () {
  this.timeout(60_000);

  it('are those that the documentation lists', () => {
    assert.deepEqual(names, [
      'ci.yml',
      'drift.yml',
      'falco-preview.yml',
      'falco-release.yml',
      'preview.yml',
      'prod.yml',
      'staging.yml',
    ]);
  });

  it('are found by actionlint, with shellcheck, to be without a fault', () => {
    assert.equal(actionlint(ROOT), '');
  });

  it('of the caller in the documentation too, held against what it calls', () => {
    const docs = fs.readFileSync(path.join(ROOT, 'docs/github.md'), 'utf8');
    const caller = /```yaml\n(name: artifacts\n[\s\S]*?)```/.exec(docs)?.[1] ?? '';
    const repository = fs.mkdtempSync(path.join(tmpdir(), 'caller-'));
    try {
      execFileSync('git', ['init', '--quiet', repository]);
      fs.cpSync(path.join(ROOT, '.github'), path.join(repository, '.github'), { recursive: true });
      const file = path.join(repository, '.github/workflows/artifacts.yml');
      fs.writeFileSync(file, caller);
      assert.equal(actionlint(repository, [file]), '');
      // As a call within one repository: then actionlint looks at inputs and secrets.
      const local = caller.replace(/falcosecurity\/falco-artifacts\/(\S+)@0{40}/g, './$1');
      assert.equal(local.match(/uses: \.\/\.github\/workflows\/falco-(preview|release)\.yml/g)?.length, 2);
      fs.writeFileSync(file, local);
      assert.equal(actionlint(repository, [file]), '');
      fs.writeFileSync(file, local.replace(/artifacts: '0/g, "artefacts: '0"));
      assert.match(actionlint(repository, [file]), /input "artefacts" is not defined/);
    } finally {
      fs.rmSync(repository, { recursive: true });
    }
    const called = parse(caller) as { jobs: Record<string, { permissions: object }> };
    for (const [key, name] of [
      ['preview', 'falco-preview.yml'],
      ['release', 'falco-release.yml'],
    ]) {
      const wanted: unknown = Object.assign(
        {},
        ...jobs.filter((one) => one.name === name).map((one) => one.job.permissions),
      );
      assert.deepEqual(called.jobs[key].permissions, wanted, key);
    }
  });

  it('pin every action by a commit with its version beside it, and containers by digest', () => {
    for (const file of [...names.map((name) => `.github/workflows/${name}`), SETUP]) {
      const lines = fs.readFileSync(path.join(ROOT, file), 'utf8').split('\n');
      for (const line of lines.filter((one) => /^\s*(- )?uses:/.test(one)))
        assert.match(
          line,
          /uses: (\.\/\.github\/actions\/setup|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/,
          file,
        );
    }
    const images = jobs.filter(({ name }) => name !== 'ci.yml').map(({ job }) => job.container?.image);
    const pinned = images.filter((image) => image !== undefined);
    assert.equal(new Set(pinned).size, 1);
    assert.match(pinned[0] ?? '', /^node:20-bookworm@sha256:[0-9a-f]{64}$/);
  });

  it('give each action one commit everywhere', () => {
    const used = steps.flatMap(({ step }) => (step.uses?.includes('@') ? [step.uses] : []));
    const commits = new Map(used.map((one) => one.split('@') as [string, string]));
    for (const one of used) assert.equal(one, `${one.split('@')[0]}@${commits.get(one.split('@')[0] ?? '')}`);
  });

  it('give no permission to all jobs, and each job its own, with a timeout', () => {
    for (const { title, workflow, job } of jobs) {
      assert.deepEqual(workflow.permissions, {}, title);
      assert.equal(job.permissions?.contents, 'read', title);
      assert.ok((job['timeout-minutes'] ?? 0) > 0, title);
    }
    const more = jobs.flatMap(({ title, job: { permissions = {} } }) => {
      const rest = Object.fromEntries(Object.entries(permissions).filter(([key]) => key !== 'contents'));
      return Object.keys(rest).length > 0 ? [[title, rest]] : [];
    });
    const read = { 'id-token': 'write', 'pull-requests': 'write' };
    assert.deepEqual(Object.fromEntries(more), {
      'drift.yml refresh': { 'id-token': 'write', issues: 'write' },
      'drift.yml status': { issues: 'write' },
      'falco-preview.yml stacks': read,
      'falco-release.yml master': { 'id-token': 'write' },
      'falco-release.yml release': { 'id-token': 'write' },
      'preview.yml stacks': read,
      'prod.yml release': { 'id-token': 'write' },
      'staging.yml master': { 'id-token': 'write' },
      'staging.yml release': { 'id-token': 'write' },
    });
  });

  it('never cancel a publish, let two of a stack wait for each other, and cancel previews that are out of date', () => {
    const published = jobs.filter(publishes);
    assert.deepEqual(
      published.map(({ title, job }) => [title, job.concurrency, job.environment]),
      [
        ['falco-release.yml master', 'staging-master'],
        ['falco-release.yml release', 'staging'],
        ['prod.yml release', 'prod'],
        ['staging.yml master', 'staging-master'],
        ['staging.yml release', 'staging'],
      ].map(([title, stack]) => [title, { group: stack, 'cancel-in-progress': false }, stack]),
    );
    for (const { title, workflow } of published) assert.equal(workflow.concurrency, undefined, title);
    for (const { title, name, workflow, job } of jobs.filter((one) => one.name.includes('preview'))) {
      const { concurrency } = name === 'preview.yml' ? workflow : job;
      if (title === 'falco-preview.yml mocks') continue;
      assert.equal(concurrency?.['cancel-in-progress'], true, title);
      assert.match(concurrency?.group ?? '', /pull_request\.number/, title);
    }
  });

  it('give secrets to the jobs of environments only, and to the steps that need them', () => {
    const given = names.flatMap((name) => text(name).match(/secrets\.\w+/g) ?? []);
    assert.deepEqual([...new Set(given)].sort(), [
      'secrets.COSIGN_KEY',
      'secrets.COSIGN_PASSWORD',
      'secrets.REGISTRY_TOKEN',
      'secrets.RELEASES_TOKEN',
      'secrets.SIGNING_KEY',
    ]);
    for (const { title, job } of jobs) {
      const { steps: own, ...rest } = job;
      assert.doesNotMatch(JSON.stringify(rest), /secrets\./, title);
      if (/secrets\./.test(JSON.stringify(own))) assert.ok(job.environment, title);
    }
  });

  it('give a fork neither a role, nor a secret, nor a token that writes', () => {
    for (const name of ['preview.yml', 'falco-preview.yml']) {
      const { on, jobs: all } = parse(text(name)) as Workflow;
      assert.ok(name === 'preview.yml' ? 'pull_request' in on : 'workflow_call' in on);
      const same = 'github.event.pull_request.head.repo.full_name == github.repository';
      assert.equal(all.stacks.if, same);
      assert.equal(all.mocks.if, same.replace('==', '!='));
      assert.deepEqual(all.mocks.permissions, { contents: 'read' });
      assert.doesNotMatch(
        JSON.stringify(all.mocks),
        /secrets\.|github\.token|vars\.|configure-aws-credentials/,
      );
    }
    for (const { name, workflow } of workflows) assert.ok(!('pull_request_target' in workflow.on), name);
  });

  it('take no tools out of a cache where a release is made', () => {
    const cached = jobs.filter(publishes).map(({ title, job }) => {
      const step = job.steps.find(({ uses }) => uses === './.github/actions/setup');
      return [title, step?.with?.cache ?? 'true'];
    });
    assert.deepEqual(Object.fromEntries(cached), {
      'falco-release.yml master': 'true',
      'falco-release.yml release': 'false',
      'prod.yml release': 'false',
      'staging.yml master': 'true',
      'staging.yml release': 'false',
    });
  });

  it('leave no token in the checkout', () => {
    for (const { title, step } of steps)
      if (step.uses?.startsWith('actions/checkout@'))
        assert.equal(step.with?.['persist-credentials'], false, title);
  });

  it('have in each step one command that is there, without an expression', () => {
    // Before the checkout there is nothing of the repository.
    const own = runs.filter(({ title }) => title !== 'ci.yml check');
    for (const { title, run } of [...own, { title: 'ci.yml check', run: '.ci/run' }]) {
      assert.doesNotMatch(run, /\$\{\{|[;&|\n`]|\$\(/, title);
      const file = /^(?:node )?((?:\.github\/steps|tools\/github|\.ci)\/\S+)/.exec(run)?.[1] ?? '';
      assert.ok(file !== '' && fs.existsSync(path.join(ROOT, file)), `${title}: ${run}`);
      if (!run.startsWith('node ')) fs.accessSync(path.join(ROOT, file), fs.constants.X_OK);
    }
  });

  it('read no variable and no secret that the documentation does not list, and it lists no other', () => {
    const docs = fs.readFileSync(path.join(ROOT, 'docs/github.md'), 'utf8');
    const listed = [...docs.matchAll(/^ *\| (`[A-Z_`, ]+`) \|/gm)].flatMap(
      ([, cell]) => cell.match(/[A-Z_]+/g) ?? [],
    );
    const read = names.flatMap((name) =>
      [...text(name).matchAll(/(?:vars|secrets)\.([A-Z_]+)/g)].map(([, one]) => one),
    );
    assert.deepEqual([...new Set(read)].sort(), listed.sort());
  });
});
