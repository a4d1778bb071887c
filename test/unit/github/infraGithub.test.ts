import assert from 'node:assert/strict';
import { declareInfraStack, stackConfig } from '../aws/declared';
import { declaredResources } from '../../../cli/mocks';

const github = stackConfig('infra')['infra:github'] as object;

const named = (declared: Awaited<ReturnType<typeof declareInfraStack>>, type: string) =>
  declared.filter((one) => one.type.endsWith(`:${type}`)).map(({ name }) => name);

describe('what the stack infra declares on GitHub', function () {
  this.timeout(30_000);

  it('is three environments here, and for a caller the two that build, each with the role of its own jobs', async () => {
    const declared = await declareInfraStack();
    assert.deepEqual(named(declared, 'RepositoryEnvironment'), [
      'falco-artifacts-prod-environment',
      'falco-artifacts-staging-environment',
      'falco-artifacts-staging-master-environment',
      'falco-staging-environment',
      'falco-staging-master-environment',
    ]);
    const roles = declared
      .filter(({ inputs }) => inputs.variableName === 'AWS_ROLE_ARN')
      .map(({ name, inputs }) => `${name} ${inputs.value as string}`);
    assert.deepEqual(roles, [
      'falco-artifacts-prod-AWS_ROLE_ARN arn:mock:role-release',
      'falco-artifacts-staging-AWS_ROLE_ARN arn:mock:role-staging',
      'falco-artifacts-staging-master-AWS_ROLE_ARN arn:mock:role-staging-master',
      'falco-staging-AWS_ROLE_ARN arn:mock:role-staging',
      'falco-staging-master-AWS_ROLE_ARN arn:mock:role-staging-master',
    ]);
  });

  it('lets the reviewers of a release alone make a release tag, here and at a caller, whose branch rules stay its own', async () => {
    const rulesets = (
      await declareInfraStack({ 'infra:github': { ...github, teams: [5], users: [7] } })
    ).filter(({ type }) => type === 'github:index/repositoryRuleset:RepositoryRuleset');
    assert.deepEqual(
      rulesets.map(({ name }) => name),
      [
        'falco-artifacts-rules-branch',
        'falco-artifacts-rules-new-tags',
        'falco-artifacts-rules-tags',
        'falco-rules-new-tags',
        'falco-rules-tags',
      ],
    );
    const [, ...ofTags] = rulesets;
    const common = {
      target: 'tag',
      enforcement: 'active',
      conditions: { refName: { includes: ['refs/tags/[0-9]*.[0-9]*.[0-9]*'], excludes: [] } },
    };
    assert.deepEqual(
      ofTags.map(({ inputs }) => inputs),
      ['falco-artifacts', 'falco'].flatMap((repository) => [
        {
          ...common,
          repository,
          name: 'new release tags',
          rules: { creation: true },
          bypassActors: [
            { actorId: 5, actorType: 'Team', bypassMode: 'always' },
            { actorId: 7, actorType: 'User', bypassMode: 'always' },
          ],
        },
        {
          ...common,
          repository,
          name: 'release tags',
          rules: { deletion: true, nonFastForward: true, update: true },
        },
      ]),
    );
  });

  it('lets a job use staging only from a tag that the reviewers alone make', async () => {
    const declared = await declareInfraStack();
    const inputsOf = (type: string) =>
      declared.filter((one) => one.type.endsWith(`:${type}`)).map(({ inputs }) => inputs);
    const [{ conditions }] = inputsOf('RepositoryRuleset').filter(({ name }) => name === 'new release tags');
    const ruled = (conditions as { refName: { includes: string[] } }).refName.includes;
    const policies = inputsOf('RepositoryEnvironmentDeploymentPolicy').filter(
      ({ environment }) => environment === 'staging',
    );
    assert.deepEqual(
      policies,
      ['falco-artifacts', 'falco'].map((repository) => ({
        repository,
        environment: 'staging',
        tagPattern: '[0-9]*.[0-9]*.[0-9]*',
      })),
    );
    for (const { tagPattern } of policies) assert.ok(ruled.includes(`refs/tags/${tagPattern}`));
  });

  it('never gets a token as an input, which would stand in the state', async () => {
    const before = process.env.GITHUB_TOKEN;
    process.env.GITHUB_TOKEN = 'planted-token';
    try {
      for (const stack of ['infra', 'prod']) {
        const declared = await declaredResources('falco-artifacts', stack, stackConfig(stack));
        assert.ok(declared.some(({ type }) => type === 'pulumi:providers:github'));
        assert.doesNotMatch(JSON.stringify(declared), /planted-token/);
      }
      assert.equal(process.env.GITHUB_TOKEN, 'planted-token', 'the plugin finds it there');
    } finally {
      if (before === undefined) delete process.env.GITHUB_TOKEN;
      else process.env.GITHUB_TOKEN = before;
    }
  });

  it('is nothing where the settings say nothing of it', async () => {
    const declared = await declareInfraStack({ 'infra:github': undefined });
    assert.deepEqual(
      declared.filter(({ type }) => type.startsWith('github:')),
      [],
    );
  });
});

describe('the page of a promoted version', function () {
  this.timeout(30_000);

  it('is of the version and commit that were agreed to, and nowhere without a repository', async () => {
    const config = stackConfig('prod');
    const { version, commit } = config['falco:release'] as { version: string; commit: string };
    const declared = await declaredResources('falco-artifacts', 'prod', config);
    const [page] = declared.filter(({ type }) => type === 'github:index/release:Release');
    const { repository, tagName, targetCommitish } = page.inputs;
    assert.deepEqual([repository, tagName, targetCommitish], ['falco', version, commit]);
    const { 'falco:releases': releases, ...others } = config;
    assert.equal(releases, 'falcosecurity/falco');
    const without = await declaredResources('falco-artifacts', 'prod', others);
    assert.deepEqual(
      without.filter(({ type }) => type.startsWith('github:')),
      [],
    );
  });
});
