import assert from 'node:assert/strict';
import { catalog } from '../../../catalog';
import { readInfraSettings } from '../../../infraConfig';
import { SettingError } from '../../../names';
import { setAllConfig } from '@pulumi/pulumi/runtime/config';
import { stackConfig } from './declared';

function read(changes: Record<string, unknown> = {}) {
  const config = Object.entries({ ...stackConfig('infra'), ...changes }).filter(
    ([, value]) => value !== undefined,
  );
  setAllConfig(
    Object.fromEntries(
      config.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
    ),
  );
  return readInfraSettings(catalog);
}

describe('the settings of the stack infra', () => {
  it('are read into plain values', () => {
    assert.deepEqual(read(), {
      account: '123456789012',
      region: 'eu-west-1',
      repository: 'falcosecurity/falco-artifacts',
      callers: ['falcosecurity/falco'],
      branch: 'master',
      oidcProvider: undefined,
      state: {
        bucket: 'falco-artifacts-state',
        key: 'arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000000',
      },
      staging: {
        bucket: { name: 'falco-artifacts-staging', isMade: true },
        cdn: { isMade: true },
        alsoServed: [],
      },
      prod: {
        bucket: { name: 'falco-artifacts-distribution', isMade: true },
        cdn: {
          isMade: true,
          domain: {
            name: 'download.falco.org',
            certificate:
              'arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-8000-000000000001',
          },
        },
        alsoServed: ['driver/', 'plugins/'],
      },
      images: catalog.images.map(({ name }) => name),
      ecr: 'make',
      ecrPublic: { alias: 'falcosecurity', repositories: 'make' },
      github: {
        source: 'https://github.com/falcosecurity/falco',
        registryUsername: 'falcosecuritybot',
        reviewers: { teams: [1000001], users: [] },
        releases: 'falcosecurity/falco',
      },
    });
  });

  const prod = (fields: object) => ({ 'infra:prod': { bucket: 'a-bucket', ...fields } });
  const wrong: [string, Record<string, unknown>, RegExp][] = [
    ['no account', { 'infra:account': undefined }, /^infra:account: is missing; give an AWS account/],
    [
      'nobody who approves',
      { 'infra:github': { source: 'https://x', registryUsername: 'x' } },
      /^infra:github: names nobody who approves releases/,
    ],
    [
      'an approver by name',
      { 'infra:github': { source: 'https://x', registryUsername: 'x', teams: ['maintainers'] } },
      /^infra:github\.teams: must be a list of numbers/,
    ],
    ['a short account', { 'infra:account': 1234 }, /^infra:account: "1234" is none; give an AWS account/],
    ['a region that is none', { 'infra:region': 'europe' }, /^infra:region: "europe" is none/],
    ['no repository', { 'infra:repository': 'falco' }, /^infra:repository: .*give OWNER\/NAME/],
    ['a caller without owner', { 'infra:callers': ['falco'] }, /^infra:callers: .*give OWNER\/NAME/],
    [
      'a typing mistake',
      { 'infra:acount': '1' },
      /^infra:acount: is no setting of this program; known: account/,
    ],
    ['a key of a release', { 'falco:bucket': 'x' }, /^falco:bucket: is no setting of this program/],
    ['no bucket', { 'infra:prod': {} }, /^infra:prod: give either bucket/],
    ['two buckets', prod({ existingBucket: 'b-bucket' }), /^infra:prod: give either bucket/],
    ['a bucket name that S3 refuses', prod({ bucket: 'No' }), /^infra:prod.bucket: "No" is none/],
    [
      'a name too long for the bucket of its logs',
      prod({ bucket: 'b'.repeat(59) }),
      /^infra:prod.bucket: .*58/,
    ],
    [
      "staging's bucket",
      prod({ bucket: 'falco-artifacts-staging' }),
      /^infra:prod.bucket: is the bucket of staging/,
    ],
    ['an unknown field', prod({ domian: 'x' }), /^infra:prod.domian: is no setting; known: bucket/],
    ['a domain alone', prod({ domain: 'a.org' }), /^infra:prod.certificate: is missing/],
    ['a certificate alone', prod({ certificate: 'arn' }), /^infra:prod.domain: is missing/],
    [
      'a certificate of another region',
      prod({ domain: 'a.org', certificate: 'arn:aws:acm:eu-west-1:123456789012:certificate/1' }),
      /^infra:prod.certificate: .*in us-east-1/,
    ],
    ['a CDN that is there and a domain', prod({ url: 'https://a.org', domain: 'a.org' }), /^infra:prod.url/],
    ['a URL without TLS', prod({ url: 'http://a.org' }), /^infra:prod.url: .*give https:/],
    ['a distribution alone', prod({ distribution: 'arn' }), /^infra:prod.distribution: .*give its url/],
    [
      'a prefix without slash',
      prod({ alsoServed: ['driver'] }),
      /^infra:prod.alsoServed: .*slash at its end/,
    ],
    [
      'an alias of a key',
      { 'infra:state': { bucket: 'a-bucket', key: 'alias/x' } },
      /^infra:state.key: .*no alias/,
    ],
    ['a state without key', { 'infra:state': { bucket: 'a-bucket' } }, /^infra:state.key: is missing/],
    [
      'an image that is none',
      { 'infra:images': ['x'] },
      /^infra:images: there is no image "x"; known: falco,/,
    ],
    ['an unknown word', { 'infra:ecr': 'made' }, /^infra:ecr: "made" is unknown; give make, existing, none$/],
    ['a public registry without alias', { 'infra:ecrPublic': {} }, /^infra:ecrPublic.alias: is missing/],
    [
      "another account's OIDC provider",
      { 'infra:oidcProvider': 'arn:aws:iam::210987654321:oidc-provider/token.actions.githubusercontent.com' },
      /^infra:oidcProvider: .*give arn:aws:iam::123456789012/,
    ],
  ];
  for (const [what, changes, message] of wrong)
    it(`refuse ${what}`, () => {
      assert.throws(
        () => read(changes),
        (error) => error instanceof SettingError && message.test(error.message),
      );
    });
});
