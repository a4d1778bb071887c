import assert from 'node:assert/strict';
import * as pulumi from '@pulumi/pulumi';
import { GitHubRelease } from '../../../components/github/githubRelease';
import { releaseBody } from '../../../components/github/releaseBody';
import { declareGitHub, GitHubArgs } from '../../../github';
import { declared } from './declared';

const repository = 'artifacts';
const settings: GitHubArgs = {
  repository,
  variables: { PREVIEW_ROLE_ARN: 'arn:aws:iam::123456789012:role/preview' },
  environments: {
    free: { variables: {} },
    staging: { branches: ['main'], tags: ['[0-9]*'], variables: {} },
    prod: {
      reviewers: { teams: [42], users: [7] },
      branches: ['main'],
      variables: { STATUS_URLS: pulumi.output('https://download.example.org') },
    },
  },
  rules: {
    requiredChecks: ['preview', 'check'],
    releaseTags: ['[0-9]*.[0-9]*.[0-9]*'],
    taggers: { teams: [42], users: [7] },
  },
};

describe('what is declared on GitHub', () => {
  it('is, for each environment, who may use it and the variables of its jobs; and the rules', async () => {
    assert.deepEqual(await declared((opts) => declareGitHub(settings, opts)), [
      { type: 'artifacts:components:GitHubEnvironment', name: 'artifacts-free', inputs: {} },
      {
        type: 'github:index/repositoryEnvironment:RepositoryEnvironment',
        name: 'artifacts-free-environment',
        parent: 'artifacts-free',
        inputs: { repository, environment: 'free', canAdminsBypass: true, preventSelfReview: false },
      },
      { type: 'artifacts:components:GitHubEnvironment', name: 'artifacts-staging', inputs: {} },
      {
        type: 'github:index/repositoryEnvironment:RepositoryEnvironment',
        name: 'artifacts-staging-environment',
        parent: 'artifacts-staging',
        inputs: {
          repository,
          environment: 'staging',
          canAdminsBypass: true,
          preventSelfReview: false,
          deploymentBranchPolicy: { protectedBranches: false, customBranchPolicies: true },
        },
      },
      {
        type: 'github:index/repositoryEnvironmentDeploymentPolicy:RepositoryEnvironmentDeploymentPolicy',
        name: 'artifacts-staging-branch-main',
        parent: 'artifacts-staging',
        inputs: { repository, environment: 'staging', branchPattern: 'main' },
      },
      {
        type: 'github:index/repositoryEnvironmentDeploymentPolicy:RepositoryEnvironmentDeploymentPolicy',
        name: 'artifacts-staging-tag-[0-9]*',
        parent: 'artifacts-staging',
        inputs: { repository, environment: 'staging', tagPattern: '[0-9]*' },
      },
      { type: 'artifacts:components:GitHubEnvironment', name: 'artifacts-prod', inputs: {} },
      {
        type: 'github:index/repositoryEnvironment:RepositoryEnvironment',
        name: 'artifacts-prod-environment',
        parent: 'artifacts-prod',
        inputs: {
          repository,
          environment: 'prod',
          canAdminsBypass: false,
          preventSelfReview: true,
          reviewers: [{ teams: [42], users: [7] }],
          deploymentBranchPolicy: { protectedBranches: false, customBranchPolicies: true },
        },
      },
      {
        type: 'github:index/repositoryEnvironmentDeploymentPolicy:RepositoryEnvironmentDeploymentPolicy',
        name: 'artifacts-prod-branch-main',
        parent: 'artifacts-prod',
        inputs: { repository, environment: 'prod', branchPattern: 'main' },
      },
      {
        type: 'github:index/actionsEnvironmentVariable:ActionsEnvironmentVariable',
        name: 'artifacts-prod-STATUS_URLS',
        parent: 'artifacts-prod',
        inputs: {
          repository,
          environment: 'prod',
          variableName: 'STATUS_URLS',
          value: 'https://download.example.org',
        },
      },
      { type: 'artifacts:components:GitHubVariables', name: 'artifacts-variables', inputs: {} },
      {
        type: 'github:index/actionsVariable:ActionsVariable',
        name: 'artifacts-variables-PREVIEW_ROLE_ARN',
        parent: 'artifacts-variables',
        inputs: {
          repository,
          variableName: 'PREVIEW_ROLE_ARN',
          value: 'arn:aws:iam::123456789012:role/preview',
        },
      },
      { type: 'artifacts:components:GitHubRulesets', name: 'artifacts-rules', inputs: {} },
      {
        type: 'github:index/repositoryRuleset:RepositoryRuleset',
        name: 'artifacts-rules-branch',
        parent: 'artifacts-rules',
        inputs: {
          repository,
          name: 'default branch',
          target: 'branch',
          enforcement: 'active',
          conditions: { refName: { includes: ['~DEFAULT_BRANCH'], excludes: [] } },
          rules: {
            deletion: true,
            nonFastForward: true,
            pullRequest: {
              requiredApprovingReviewCount: 1,
              dismissStaleReviewsOnPush: true,
              requireLastPushApproval: true,
            },
            requiredStatusChecks: {
              requiredChecks: [
                { context: 'preview', integrationId: 15368 },
                { context: 'check', integrationId: 15368 },
              ],
              strictRequiredStatusChecksPolicy: true,
            },
          },
        },
      },
      {
        type: 'github:index/repositoryRuleset:RepositoryRuleset',
        name: 'artifacts-rules-tags',
        parent: 'artifacts-rules',
        inputs: {
          repository,
          name: 'release tags',
          target: 'tag',
          enforcement: 'active',
          conditions: { refName: { includes: ['refs/tags/[0-9]*.[0-9]*.[0-9]*'], excludes: [] } },
          rules: { deletion: true, nonFastForward: true, update: true },
        },
      },
      {
        type: 'github:index/repositoryRuleset:RepositoryRuleset',
        name: 'artifacts-rules-new-tags',
        parent: 'artifacts-rules',
        inputs: {
          repository,
          name: 'new release tags',
          target: 'tag',
          enforcement: 'active',
          conditions: { refName: { includes: ['refs/tags/[0-9]*.[0-9]*.[0-9]*'], excludes: [] } },
          rules: { creation: true },
          bypassActors: [
            { actorId: 42, actorType: 'Team', bypassMode: 'always' },
            { actorId: 7, actorType: 'User', bypassMode: 'always' },
          ],
        },
      },
    ]);
  });

  it('leaves the default branch to a repository that requires no check of ours', async () => {
    const rules = { releaseTags: ['[0-9]*'], taggers: { users: [7] } };
    const found = await declared((opts) =>
      declareGitHub({ repository, variables: {}, environments: {}, rules }, opts),
    );
    const rulesets = found.filter(({ type }) => type.endsWith(':RepositoryRuleset'));
    const common = {
      repository,
      target: 'tag',
      enforcement: 'active',
      conditions: { refName: { includes: ['refs/tags/[0-9]*'], excludes: [] } },
    };
    assert.deepEqual(
      rulesets.map(({ inputs }) => inputs),
      [
        {
          ...common,
          name: 'release tags',
          rules: { deletion: true, nonFastForward: true, update: true },
        },
        {
          ...common,
          name: 'new release tags',
          rules: { creation: true },
          bypassActors: [{ actorId: 7, actorType: 'User', bypassMode: 'always' }],
        },
      ],
    );
  });

  it('may be of several repositories, one of them with rules of its own', async () => {
    const both = await declared((opts) => {
      declareGitHub(settings, opts);
      declareGitHub(
        { repository: 'product', variables: {}, environments: { free: { variables: {} } } },
        opts,
      );
    });
    const names = both.map(({ name }) => name).filter((name) => name.startsWith('product'));
    assert.deepEqual(names, ['product-free', 'product-free-environment', 'product-variables']);
  });

  const six = [1, 2, 3, 4, 5, 6];
  const wrong: [string, Partial<GitHubArgs['environments'][string]>, string][] = [
    ['no reviewer', { reviewers: {} }, 'reviewers of prod: are none; name a team or a user by its number'],
    [
      'seven reviewers',
      { reviewers: { teams: six, users: [7] } },
      'reviewers of prod: are 7, and GitHub takes 6; name a team',
    ],
    [
      'a variable that GitHub keeps for itself',
      { variables: { GITHUB_URL: 'x' } },
      'variable GITHUB_URL of prod: is no name of a variable; use A-Z, 0-9 and "_", a letter first, and not GITHUB_',
    ],
  ];
  for (const [what, settingsOfProd, message] of wrong) {
    it(`refuses ${what} before anything is declared`, async () => {
      const environments = { free: { variables: {} }, prod: { variables: {}, ...settingsOfProd } };
      const found = await declared((opts) =>
        assert.throws(() => declareGitHub({ repository, variables: {}, environments }, opts), { message }),
      );
      assert.deepEqual(found, []);
    });
  }
});

describe('a variable of the repository', () => {
  it('is refused where GitHub would, before anything is declared', async () => {
    const found = await declared((opts) =>
      assert.throws(() => declareGitHub({ repository, variables: { '1ST': 'x' }, environments: {} }, opts), {
        message:
          'variable 1ST of the repository: is no name of a variable; use A-Z, 0-9 and "_", a letter first, and not GITHUB_',
      }),
    );
    assert.deepEqual(found, []);
  });
});

describe('the page of a release', () => {
  const inputs = {
    commit: 'c'.repeat(40),
    packages: { 'a-0.24.0.deb': { url: 'https://d.example.org/a', sha256: 'd'.repeat(64), size: 1_250_000 } },
    images: { 'birds/a:0.24.0': `docker.io/birds/a@sha256:${'e'.repeat(64)}` },
    notes: 'Faster.',
  };

  it('is a GitHub Release of the version on its commit, kept when the next version takes its place', async () => {
    const of = { ...inputs, version: '0.24.0', isLatest: true, isWithdrawn: false };
    let url: pulumi.Output<string> | undefined;
    const found = await declared((opts) => {
      ({ url } = new GitHubRelease('github', { repository: 'product', ...of }, opts));
    });
    assert.deepEqual(found, [
      { type: 'artifacts:components:GitHubRelease', name: 'github', inputs: {} },
      {
        type: 'github:index/release:Release',
        name: 'github-page',
        parent: 'github',
        retainOnDelete: true,
        inputs: {
          repository: 'product',
          tagName: '0.24.0',
          name: '0.24.0',
          targetCommitish: 'c'.repeat(40),
          body: releaseBody(of),
          prerelease: false,
          draft: false,
          generateReleaseNotes: false,
        },
      },
    ]);
    const address = await new Promise((resolve) => url?.apply(resolve));
    assert.equal(address, 'https://git.example.org/github-page');
  });

  it('is a pre-release for a candidate', async () => {
    const args = {
      repository: 'product',
      ...inputs,
      version: '0.24.0-rc1',
      isLatest: false,
      isWithdrawn: false,
    };
    const found = await declared((opts) => new GitHubRelease('github', args, opts));
    assert.equal(found[1].inputs.prerelease, true);
    assert.equal(found[1].inputs.tagName, '0.24.0-rc1');
  });
});
