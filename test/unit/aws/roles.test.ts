import assert from 'node:assert/strict';
import { catalog } from '../../../catalog';
import type { Statement } from '../../../components/aws/policy';
import { declareInfraStack, find } from './declared';
import { isAllowed, matches, statementsOf } from './policies';

const ACCOUNT = '123456789012';
const JOBS = ['preview', 'staging-master', 'staging', 'release', 'drift'] as const;
type Job = (typeof JOBS)[number];

const staging = (key: string) => `arn:aws:s3:::falco-artifacts-staging/${key}`;
const prod = (key: string) => `arn:aws:s3:::falco-artifacts-distribution/${key}`;
const state = (key: string) => `arn:aws:s3:::falco-artifacts-state/.pulumi/${key}`;
const ecr = (name: string) => `arn:aws:ecr:eu-west-1:${ACCOUNT}:repository/${name}`;
const ecrPublic = (name: string) => `arn:aws:ecr-public::${ACCOUNT}:repository/${name}`;

/** What publishing a release writes, and master builds must not. */
const RELEASE_KEYS = [
  'packages/deb/dists/stable/InRelease',
  'packages/deb/pool/0a/falco-0.24.0-amd64.deb',
  'packages/deb/stable/falco-0.24.0-amd64.deb',
  'packages/rpm/mirrorlist',
  'packages/rpm/repodata/repomd.xml.asc',
  'packages/bin/x86_64/SHA256SUMS.asc',
  'packages/falcosecurity-packages.asc',
  'packages/falco-archive-keyring.gpg',
  'ledger/release.json',
];
const DEV_KEYS = [
  'packages/deb-dev/dists/stable/InRelease',
  'packages/rpm-dev/mirrorlist',
  'packages/bin-dev/x86_64/SHA256SUMS.asc',
];
const WRITES = ['s3:PutObject', 's3:DeleteObject'];

describe('the roles of the jobs', () => {
  const rights = {} as Record<Job, Statement[]>;
  const trust = {} as Record<Job, Statement[]>;
  before(async () => {
    const declared = await declareInfraStack();
    for (const job of JOBS) {
      const { assumeRolePolicy, ...role } = find(declared, 'Role', `role-${job}`);
      assert.equal(role.name, `falco-artifacts-${job}`);
      trust[job] = statementsOf(assumeRolePolicy);
      const policy = find(declared, 'RolePolicy', `role-${job}`);
      assert.equal(policy.role, `falco-artifacts-${job}`);
      rights[job] = statementsOf(policy.policy);
      // IAM's limit for all inline policies of a role, characters without white space.
      assert.ok((policy.policy as string).length <= 10_240, `${job}: ${(policy.policy as string).length}`);
    }
  });

  const may = (job: Job, action: string, resource: string) => isAllowed(rights[job], { action, resource });
  /** Every action and resource, each of one of the jobs. */
  const all = (job: Job, actions: string[], resources: string[], expected: boolean) => {
    for (const action of actions)
      for (const resource of resources)
        assert.equal(may(job, action, resource), expected, `${job}: ${action} ${resource}`);
  };

  const takes = (job: Job, sub: string, aud = 'sts.amazonaws.com') =>
    isAllowed(trust[job], {
      action: 'sts:AssumeRoleWithWebIdentity',
      resource: '',
      principal: 'arn:mock:github',
      context: {
        'token.actions.githubusercontent.com:aud': aud,
        'token.actions.githubusercontent.com:sub': sub,
      },
    });

  it('are taken by the tokens of their own jobs only', () => {
    const [own, caller, other] = ['falcosecurity/falco-artifacts', 'falcosecurity/falco', 'mallory/falco'];
    const subjects: Record<Job, string> = {
      preview: 'pull_request',
      'staging-master': 'environment:staging-master',
      staging: 'environment:staging',
      release: 'environment:prod',
      drift: 'ref:refs/heads/master',
    };
    for (const job of JOBS) {
      for (const [of, subject] of Object.entries(subjects)) {
        const expected = subject === subjects[job];
        assert.equal(takes(job, `repo:${own}:${subject}`), expected, `${job} by the token of ${of}`);
        assert.equal(takes(job, `repo:${other}:${subject}`), false);
        assert.equal(takes(job, `repo:${own}:${subject}`, 'other audience'), false);
      }
      const isCallers = job !== 'drift' && job !== 'release';
      assert.equal(takes(job, `repo:${caller}:${subjects[job]}`), isCallers, `${job} by a caller`);
      assert.equal(takes(job, `repo:${own}:ref:refs/heads/other`), false);
      assert.equal(takes(job, `repo:${own}:ref:refs/tags/0.24.0`), false);
      for (const { Condition } of trust[job])
        assert.equal(JSON.stringify(Condition).includes('*'), false, 'subjects are told word for word');
    }
  });

  it('have no right on rights, buckets, distributions, repositories or other accounts, any of them', () => {
    const setups: [string, string][] = [
      ['iam:CreateRole', `arn:aws:iam::${ACCOUNT}:role/x`],
      ['iam:PutRolePolicy', `arn:aws:iam::${ACCOUNT}:role/falco-artifacts-release`],
      ['iam:AttachRolePolicy', `arn:aws:iam::${ACCOUNT}:role/falco-artifacts-release`],
      ['iam:UpdateAssumeRolePolicy', `arn:aws:iam::${ACCOUNT}:role/falco-artifacts-release`],
      ['iam:PassRole', `arn:aws:iam::${ACCOUNT}:role/falco-artifacts-release`],
      ['sts:AssumeRole', `arn:aws:iam::${ACCOUNT}:role/falco-artifacts-release`],
      ['s3:PutBucketPolicy', 'arn:aws:s3:::falco-artifacts-distribution'],
      ['s3:DeleteBucket', 'arn:aws:s3:::falco-artifacts-distribution'],
      ['s3:PutLifecycleConfiguration', 'arn:aws:s3:::falco-artifacts-distribution'],
      ['s3:DeleteObjectVersion', prod('packages/deb/dists/stable/InRelease')],
      ['s3:PutObjectAcl', prod('packages/deb/dists/stable/InRelease')],
      ['s3:GetObject', 'arn:aws:s3:::somebody-elses/x'],
      ['cloudfront:CreateInvalidation', `arn:aws:cloudfront::${ACCOUNT}:distribution/E1`],
      ['cloudfront:UpdateDistribution', `arn:aws:cloudfront::${ACCOUNT}:distribution/E1`],
      ['ecr:CreateRepository', ecr('staging/falcosecurity/falco')],
      ['ecr:PutImageTagMutability', ecr('staging/falcosecurity/falco')],
      ['ecr:DeleteRepository', ecr('staging/falcosecurity/falco')],
      ['ecr-public:DeleteRepository', ecrPublic('falco')],
      ['ecr-public:BatchDeleteImage', ecrPublic('falco')],
      ['kms:PutKeyPolicy', `arn:aws:kms:eu-west-1:${ACCOUNT}:key/00000000-0000-4000-8000-000000000000`],
    ];
    for (const job of JOBS)
      for (const [action, resource] of setups)
        assert.equal(may(job, action, resource), false, `${job}: ${action}`);
  });

  it('name actions one by one, and all resources only where the service takes no other', () => {
    for (const job of JOBS) {
      for (const { Sid, Action, Resource = [], Effect } of rights[job]) {
        assert.equal(Effect, 'Allow');
        assert.deepEqual(
          Action.filter((one) => one.includes('*')),
          [],
        );
        if (Resource.includes('*')) assert.ok(['EcrLogin', 'EcrPublicLogin'].includes(Sid), `${job}: ${Sid}`);
      }
      const sids = rights[job].map(({ Sid }) => Sid);
      assert.deepEqual(sids, [...new Set(sids)], `${job}: told once`);
      for (const sid of sids) assert.match(sid, /^[A-Za-z0-9]+$/);
    }
  });

  it('preview and drift read every place and write nothing, state and registries included', () => {
    const reading =
      /^(s3:(Get|List)|ecr:(BatchGetImage|BatchCheckLayerAvailability|Get|Describe|List)|kms:Decrypt$)/;
    for (const job of ['preview', 'drift'] as const) {
      for (const { Action } of rights[job]) for (const action of Action) assert.match(action, reading);
      const keys = [...RELEASE_KEYS, ...DEV_KEYS, 'build/staging/source/x.tar'];
      all(job, ['s3:GetObject'], [...keys.map(staging), ...keys.map(prod)], true);
      all(job, WRITES, [...keys.map(staging), ...keys.map(prod)], false);
      all(job, ['s3:GetObject'], [state('stacks/falco-artifacts/prod.json')], true);
      all(job, WRITES, ['stacks/falco-artifacts/prod.json', 'locks/organization/x'].map(state), false);
      all(job, ['ecr:BatchGetImage'], [ecr('staging/falcosecurity/falco')], true);
      all(job, ['ecr:PutImage', 'ecr:BatchDeleteImage'], [ecr('staging/falcosecurity/falco')], false);
      all(job, ['ecr-public:PutImage'], [ecrPublic('falco')], false);
    }
    assert.deepEqual(rights.drift, rights.preview, 'neither looks at infra');
    for (const job of JOBS)
      for (const [action, resource] of [
        ['iam:GetRolePolicy', `arn:aws:iam::${ACCOUNT}:role/x`],
        ['s3:GetBucketPolicy', 'arn:aws:s3:::falco-artifacts-distribution'],
        ['s3:GetObject', state('stacks/falco-artifacts/infra.json')],
        ['cloudfront:GetDistribution', `arn:aws:cloudfront::${ACCOUNT}:distribution/E1`],
      ])
        assert.equal(may(job, action, resource), false, `${job}: ${action} ${resource}`);
  });

  it('staging-master writes the -dev repositories, its ledger and its builds, and no path of a release', () => {
    const own = [...DEV_KEYS, 'ledger/master.json', 'build/staging-master/package/deb-module/0a/x.deb'];
    all('staging-master', WRITES, own.map(staging), true);
    all('staging-master', WRITES, own.map(prod), false);
    all('staging-master', WRITES, RELEASE_KEYS.map(staging), false);
    all('staging-master', WRITES, RELEASE_KEYS.map(prod), false);
    all('staging-master', WRITES, [staging('build/staging/source/x.tar')], false);
    all('staging-master', ['s3:GetObject'], ['ledger/release.json', RELEASE_KEYS[6]].map(staging), true);
    all('staging-master', ['ecr:PutImage'], [ecr('staging-master/falcosecurity/falco')], true);
    all('staging-master', ['ecr:PutImage'], [ecr('staging/falcosecurity/falco')], false);
    all('staging-master', ['ecr-public:PutImage'], [ecrPublic('falco')], false);
  });

  it('staging writes its own bucket and images, and nothing of prod or of master builds', () => {
    const own = [...RELEASE_KEYS, ...DEV_KEYS, 'build/staging/source/source/0a.tar'];
    all('staging', WRITES, own.map(staging), true);
    all('staging', WRITES, own.map(prod), false);
    all('staging', WRITES, ['ledger/master.json', 'build/staging-master/x'].map(staging), false);
    all('staging', ['ecr:PutImage', 'ecr:BatchDeleteImage'], [ecr('staging/falcosecurity/falco')], true);
    all('staging', ['ecr:PutImage'], [ecr('staging-master/falcosecurity/falco')], false);
    all('staging', ['ecr-public:PutImage'], [ecrPublic('falco')], false);
  });

  it('release writes the paths of releases and the public images, and only reads staging', () => {
    all('release', WRITES, RELEASE_KEYS.map(prod), true);
    all('release', WRITES, [prod('build/prod/package/x')], true);
    all('release', WRITES, DEV_KEYS.map(prod), false);
    all('release', WRITES, ['driver/0.1/x.ko', 'plugins/x.tar.gz'].map(prod), false);
    all('release', WRITES, [...RELEASE_KEYS, ...DEV_KEYS].map(staging), false);
    all('release', ['s3:GetObject'], [staging('packages/deb/pool/0a/x.deb')], true);
    all('release', ['ecr:BatchGetImage'], [ecr('staging/falcosecurity/falco')], true);
    all('release', ['ecr:PutImage'], [ecr('staging/falcosecurity/falco')], false);
    for (const image of catalog.images)
      all('release', ['ecr-public:PutImage'], [ecrPublic(image.name)], true);
    all('release', ['ecr-public:PutImage'], [ecrPublic('others')], false);
  });

  it('write the state of their own stack only', () => {
    const stacks = { staging: 'staging', 'staging-master': 'staging-master', release: 'prod' } as const;
    for (const [job, own] of Object.entries(stacks) as [keyof typeof stacks, string][]) {
      for (const stack of ['infra', 'staging', 'staging-master', 'prod']) {
        const keys = [
          `stacks/falco-artifacts/${stack}.json`,
          `stacks/falco-artifacts/${stack}.json.bak`,
          `locks/organization/falco-artifacts/${stack}/0a.json`,
          `history/falco-artifacts/${stack}/${stack}-1.history.json`,
          `backups/falco-artifacts/${stack}/${stack}.1.json`,
        ];
        all(job, WRITES, keys.map(state), stack === own);
      }
      all(job, WRITES, [state('meta.yaml')], false);
    }
    assert.equal(may('release', 's3:GetObject', state('stacks/falco-artifacts/staging.json')), true);
    assert.equal(may('staging-master', 's3:GetObject', state('stacks/falco-artifacts/prod.json')), false);
  });

  it('need no state where it is kept elsewhere', async () => {
    const declared = await declareInfraStack({ 'infra:state': undefined });
    const policies = declared.filter(({ type }) => type === 'aws:iam/rolePolicy:RolePolicy');
    assert.equal(policies.length, JOBS.length);
    for (const { inputs } of policies)
      assert.equal(
        statementsOf(inputs.policy).some(({ Sid }) => Sid.startsWith('State')),
        false,
      );
  });
});

describe('the evaluator of the tests', () => {
  const allow: Statement = { Sid: 'A', Effect: 'Allow', Action: ['s3:Get*'], Resource: ['arn:b/a?c/*'] };
  it('knows wildcards, conditions and that Deny wins', () => {
    assert.equal(matches('a/*', 'a/b/c'), true);
    assert.equal(matches('a.b', 'axb'), false);
    assert.equal(isAllowed([allow], { action: 's3:GetObject', resource: 'arn:b/abc/d' }), true);
    assert.equal(isAllowed([allow], { action: 's3:PutObject', resource: 'arn:b/abc/d' }), false);
    const deny: Statement = { ...allow, Effect: 'Deny', Action: ['*'] };
    assert.equal(isAllowed([allow, deny], { action: 's3:GetObject', resource: 'arn:b/abc/d' }), false);
    const bound = { ...allow, Condition: { StringEquals: { k: ['v', 'w'] } } };
    const request = { action: 's3:GetObject', resource: 'arn:b/abc/d' };
    assert.equal(isAllowed([bound], request), false);
    assert.equal(isAllowed([bound], { ...request, context: { k: 'w' } }), true);
  });
});
