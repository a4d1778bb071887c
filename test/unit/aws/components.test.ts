import assert from 'node:assert/strict';
import type { Declared } from '../../../cli/mocks';
import { declareInfraStack, find, withParents } from './declared';
import { isAllowed, statementsOf } from './policies';

const BUCKET = 'falco-artifacts-distribution';
const ARN = `arn:aws:s3:::${BUCKET}`;
const tls = { 'aws:SecureTransport': 'true' };

describe('the components of the stack infra', () => {
  let declared: Declared[];
  let parents: string[];
  before(async () => {
    declared = await declareInfraStack();
    parents = withParents();
  });

  it('belong to each other by their names and types', () => {
    const children = 'artifacts:aws:PrivateBucket$aws:s3';
    assert.deepEqual(
      parents.filter((one) => one.includes('prod-packages')),
      [
        'artifacts:aws:PackageBucket prod-packages',
        'artifacts:aws:PackageBucket$artifacts:aws:PrivateBucket prod-packages',
        `${children}/bucket:Bucket prod-packages`,
        `${children}/bucketLifecycleConfiguration:BucketLifecycleConfiguration prod-packages-lifecycle`,
        `${children}/bucketOwnershipControls:BucketOwnershipControls prod-packages-ownership`,
        `${children}/bucketPublicAccessBlock:BucketPublicAccessBlock prod-packages-public-access`,
        `${children}/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration prod-packages-encryption`,
        `${children}/bucketVersioning:BucketVersioning prod-packages-versioning`,
      ],
    );
    assert.equal(
      parents.filter((one) => one.startsWith('aws:')).length,
      0,
      'no resource of AWS stands outside of a component',
    );
    for (const one of parents.filter((one) => one.includes('aws:iam/')))
      assert.match(one, /^artifacts:aws:(JobRole|GithubIdentity)\$aws:iam\//);
    for (const one of parents.filter((one) => one.includes('aws:cloudfront/')))
      assert.match(one, /^artifacts:aws:Cdn\$aws:cloudfront\//);
    for (const one of parents.filter((one) => one.includes('aws:ecr')))
      assert.match(one, /^artifacts:aws:P(ublic|rivate)Registry\$aws:ecr/);
  });

  it('refuse any account but the one that is set', () => {
    const provider = find(declared, 'aws', 'aws');
    assert.equal(provider.region, 'eu-west-1');
    assert.equal(provider.allowedAccountIds, '["123456789012"]');
  });

  it('make buckets without public access and ACLs, encrypted, and versioned where packages are', () => {
    for (const name of ['staging-packages', 'prod-packages', 'staging-logs', 'prod-logs']) {
      const bucket = find(declared, 'Bucket', name).bucket;
      assert.deepEqual(find(declared, 'BucketPublicAccessBlock', `${name}-public-access`), {
        bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      });
      assert.deepEqual(find(declared, 'BucketOwnershipControls', `${name}-ownership`), {
        bucket,
        rule: { objectOwnership: 'BucketOwnerEnforced' },
      });
      assert.deepEqual(find(declared, 'BucketServerSideEncryptionConfiguration', `${name}-encryption`), {
        bucket,
        rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }],
      });
      assert.deepEqual(find(declared, 'BucketVersioning', `${name}-versioning`), {
        bucket,
        versioningConfiguration: { status: name.endsWith('packages') ? 'Enabled' : 'Disabled' },
      });
    }
    assert.deepEqual(find(declared, 'Bucket', 'prod-packages'), { bucket: BUCKET, forceDestroy: false });
  });

  it('let nothing that is published expire: only old versions, broken uploads and what master builds were made of', () => {
    const dev = [
      'packages/deb-dev/',
      'packages/rpm-dev/',
      'packages/bin-dev/x86_64/',
      'packages/cosign-dev/',
    ];
    const ids = ['deb-dev', 'rpm-dev', 'bin-dev-x86_64', 'cosign-dev'];
    const common = [
      {
        id: 'broken-uploads',
        status: 'Enabled',
        filter: { prefix: '' },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
      },
      {
        id: 'old-versions',
        status: 'Enabled',
        filter: { prefix: '' },
        noncurrentVersionExpiration: { noncurrentDays: 90 },
        expiration: { expiredObjectDeleteMarker: true },
      },
      ...dev.map((prefix, i) => ({
        id: `old-versions-of-packages-${ids[i]}`,
        status: 'Enabled',
        filter: { prefix },
        noncurrentVersionExpiration: { noncurrentDays: 14 },
      })),
    ];
    assert.deepEqual(find(declared, 'BucketLifecycleConfiguration', 'prod-packages-lifecycle').rules, common);
    assert.deepEqual(find(declared, 'BucketLifecycleConfiguration', 'staging-packages-lifecycle').rules, [
      ...common,
      {
        id: 'inputs-of-build-staging-master',
        status: 'Enabled',
        filter: { prefix: 'build/staging-master/' },
        expiration: { days: 180 },
        noncurrentVersionExpiration: { noncurrentDays: 14 },
      },
    ]);
    assert.deepEqual(find(declared, 'BucketLifecycleConfiguration', 'prod-logs-lifecycle').rules, [
      { id: 'old-logs', status: 'Enabled', filter: { prefix: '' }, expiration: { days: 30 } },
    ]);
  });

  it('let the CDN, and it alone, read what is for the public, by TLS', () => {
    const statements = statementsOf(find(declared, 'BucketPolicy', 'prod-access').policy);
    const cdn = {
      principal: 'cloudfront.amazonaws.com',
      context: { ...tls, 'aws:SourceArn': 'arn:mock:prod-cdn' },
    };
    const reads = (key: string, more: object = {}) =>
      isAllowed(statements, { action: 's3:GetObject', resource: `${ARN}/${key}`, ...cdn, ...more });
    assert.equal(reads('packages/deb/dists/stable/InRelease'), true);
    assert.equal(reads('packages/falcosecurity-packages.asc'), true);
    assert.equal(reads('driver/0.1/x.ko'), true);
    assert.equal(reads('build/prod/source/x.tar'), false);
    assert.equal(reads('ledger/release.json'), false);
    assert.equal(reads('packages/x', { principal: 'anybody' }), false);
    assert.equal(
      reads('packages/x', { context: { ...tls, 'aws:SourceArn': 'arn:mock:staging-cdn' } }),
      false,
    );
    const plain = { context: { ...cdn.context, 'aws:SecureTransport': 'false' } };
    assert.equal(reads('packages/x', plain), false);
    const lists = { action: 's3:ListBucket', resource: ARN, ...cdn };
    assert.equal(isAllowed(statements, lists), true, 'a missing file is a 404');
    for (const action of ['s3:PutObject', 's3:DeleteObject', 's3:PutBucketPolicy'])
      assert.equal(isAllowed(statements, { action, resource: `${ARN}/packages/x`, ...cdn }), false);
  });

  it('put a CDN in front that asks by origin access control and serves HTTP/2 and 3', () => {
    assert.deepEqual(find(declared, 'OriginAccessControl', 'prod-cdn'), {
      name: 'falco-artifacts-prod-cdn',
      originAccessControlOriginType: 's3',
      signingBehavior: 'always',
      signingProtocol: 'sigv4',
    });
    const { defaultCacheBehavior, orderedCacheBehaviors, ...distribution } = find(
      declared,
      'Distribution',
      'prod-cdn',
    );
    assert.deepEqual(distribution, {
      enabled: true,
      comment: 'falco-artifacts prod-cdn',
      httpVersion: 'http2and3',
      isIpv6Enabled: true,
      priceClass: 'PriceClass_All',
      defaultRootObject: 'index.html',
      aliases: ['download.falco.org'],
      origins: [
        {
          originId: 'bucket',
          domainName: 'prod-packages.example.org',
          originAccessControlId: 'prod-cdn-id',
        },
      ],
      customErrorResponses: [
        { errorCode: 403, errorCachingMinTtl: 0 },
        { errorCode: 404, errorCachingMinTtl: 0 },
      ],
      restrictions: { geoRestriction: { restrictionType: 'none' } },
      viewerCertificate: {
        acmCertificateArn:
          'arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-8000-000000000001',
        sslSupportMethod: 'sni-only',
        minimumProtocolVersion: 'TLSv1.2_2021',
      },
    });
    const behaviour = (policy: string) => ({
      targetOriginId: 'bucket',
      cachePolicyId: `prod-cdn-${policy}-id`,
      viewerProtocolPolicy: 'redirect-to-https',
      allowedMethods: ['GET', 'HEAD'],
      cachedMethods: ['GET', 'HEAD'],
      compress: false,
    });
    assert.deepEqual(defaultCacheBehavior, behaviour('revalidated'));
    assert.deepEqual(
      orderedCacheBehaviors,
      [
        'packages/*/pool/*',
        'packages/*/by-hash/*',
        'packages/*/generations/*',
        'packages/*/repodata/*-*',
        'packages/*/manifests/*.json.gz',
      ].map((pathPattern) => ({ pathPattern, ...behaviour('immutable') })),
    );
    assert.deepEqual(find(declared, 'Distribution', 'staging-cdn').aliases, []);
    assert.deepEqual(find(declared, 'Distribution', 'staging-cdn').viewerCertificate, {
      cloudfrontDefaultCertificate: true,
    });
  });

  it('cache by path alone, and ask the bucket anew for every fixed name', () => {
    const policy = (name: string) => {
      const { parametersInCacheKeyAndForwardedToOrigin: key, ...ttl } = find(declared, 'CachePolicy', name);
      assert.deepEqual(key, {
        cookiesConfig: { cookieBehavior: 'none' },
        headersConfig: { headerBehavior: 'none' },
        queryStringsConfig: { queryStringBehavior: 'none' },
        enableAcceptEncodingBrotli: false,
        enableAcceptEncodingGzip: false,
      });
      return ttl;
    };
    assert.deepEqual(policy('prod-cdn-revalidated'), {
      name: 'falco-artifacts-prod-cdn-revalidated',
      minTtl: 0,
      defaultTtl: 0,
      maxTtl: 1,
    });
    assert.deepEqual(policy('prod-cdn-immutable'), {
      name: 'falco-artifacts-prod-cdn-immutable',
      minTtl: 0,
      defaultTtl: 86400,
      maxTtl: 31536000,
    });
  });

  it('write the logs of a CDN to a bucket that only the delivery of this distribution writes', () => {
    assert.deepEqual(find(declared, 'LogDeliverySource', 'prod-logs'), {
      name: 'falco-artifacts-prod-logs',
      logType: 'ACCESS_LOGS',
      resourceArn: 'arn:mock:prod-cdn',
      region: 'us-east-1',
    });
    const destination = find(declared, 'LogDeliveryDestination', 'prod-logs');
    assert.deepEqual(destination.deliveryDestinationConfiguration, {
      destinationResourceArn: 'arn:mock:prod-logs',
    });
    assert.equal(destination.region, 'us-east-1');
    assert.equal(find(declared, 'LogDelivery', 'prod-logs').region, 'us-east-1');
    const statements = statementsOf(find(declared, 'BucketPolicy', 'prod-logs').policy);
    const write = (source: string, resource = `arn:aws:s3:::${BUCKET}-logs/AWSLogs/x.gz`) =>
      isAllowed(statements, {
        action: 's3:PutObject',
        resource,
        principal: 'delivery.logs.amazonaws.com',
        context: {
          ...tls,
          's3:x-amz-acl': 'bucket-owner-full-control',
          'aws:SourceAccount': '123456789012',
          'aws:SourceArn': `arn:aws:logs:us-east-1:123456789012:delivery-source:${source}`,
        },
      });
    assert.equal(write('falco-artifacts-prod-logs'), true);
    assert.equal(write('falco-artifacts-staging-logs'), false);
    assert.equal(write('falco-artifacts-prod-logs', `${ARN}/packages/x`), false);
  });

  it('make a public repository for each image and legacy name, in the one region that has them', () => {
    const names = declared.filter(({ type }) => type.startsWith('aws:ecrpublic/')).map(({ name }) => name);
    assert.deepEqual(
      names,
      ['', '-builder', '-driver-loader', '-no-driver', '-tester'].map((n) => `ecr-public-falco${n}`),
    );
    const { catalogData, ...made } = find(declared, 'Repository', 'ecr-public-falco-builder');
    assert.deepEqual(made, { repositoryName: 'falco-builder', region: 'us-east-1', forceDestroy: false });
    const { usageText, ...gallery } = catalogData as Record<string, unknown>;
    assert.deepEqual(gallery, {
      description: 'Falco builder',
      architectures: ['x86-64'],
      operatingSystems: ['Linux'],
    });
    assert.match(usageText as string, /falcosecurity\/falco-builder:latest/);
  });

  it('make private repositories whose tags are immutable but for those that move', () => {
    const repository = find(declared, 'Repository', 'ecr-staging/falcosecurity/falco');
    assert.deepEqual(repository, {
      name: 'staging/falcosecurity/falco',
      imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
      imageTagMutabilityExclusionFilters: ['latest', 'latest-slim', 'master', 'master-slim'].map(
        (filter) => ({ filter, filterType: 'WILDCARD' }),
      ),
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfigurations: [{ encryptionType: 'AES256' }],
      forceDelete: false,
    });
    const base = find(declared, 'Repository', 'ecr-staging/falcosecurity/base');
    assert.equal(base.imageTagMutability, 'IMMUTABLE');
    assert.deepEqual(
      find(declared, 'Repository', 'ecr-staging/falcosecurity/falco-tester')
        .imageTagMutabilityExclusionFilters,
      ['latest', 'master'].map((filter) => ({ filter, filterType: 'WILDCARD' })),
    );
  });

  it('expire images without tags after a year, and never a base, which nothing but a digest names', () => {
    const policies = declared.filter(({ type }) => type === 'aws:ecr/lifecyclePolicy:LifecyclePolicy');
    assert.equal(policies.length, 10);
    assert.deepEqual(
      policies.filter(({ name }) => name.endsWith('/base')),
      [],
    );
    assert.deepEqual(JSON.parse(policies[0].inputs.policy as string), {
      rules: [
        {
          rulePriority: 1,
          description: 'images that nobody names any more',
          selection: {
            tagStatus: 'untagged',
            countType: 'sinceImagePushed',
            countUnit: 'days',
            countNumber: 365,
          },
          action: { type: 'expire' },
        },
      ],
    });
  });
});

describe('the stack infra beside what is there', () => {
  const TYPES = /^aws:(s3|cloudfront|cloudwatch|ecr|ecrpublic)\//;

  it('makes roles only, where buckets, CDNs, repositories and the OIDC provider are given by name', async () => {
    const place = (name: string) => ({ existingBucket: name, url: `https://${name}.example.org` });
    const declared = await declareInfraStack({
      'infra:staging': place('there-staging'),
      'infra:prod': place('there-prod'),
      'infra:ecr': 'existing',
      'infra:ecrPublic': { alias: 'falcosecurity', repositories: 'existing' },
      'infra:oidcProvider': 'arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com',
    });
    assert.deepEqual(
      declared.filter(({ type }) => TYPES.test(type) || type.includes('openId')),
      [],
    );
    assert.equal(declared.filter(({ type }) => type === 'aws:iam/role:Role').length, 5);
  });

  it('leaves the policy of a bucket alone that it did not make, and puts a CDN in front of it', async () => {
    const declared = await declareInfraStack({ 'infra:prod': { existingBucket: 'there-prod' } });
    assert.equal(
      declared.some(({ name }) => name === 'prod-access' || name === 'prod-packages'),
      false,
    );
    assert.deepEqual(find(declared, 'Distribution', 'prod-cdn').origins, [
      {
        originId: 'bucket',
        domainName: 'there-prod.s3.eu-west-1.amazonaws.com',
        originAccessControlId: 'prod-cdn-id',
      },
    ]);
  });

  it('lets a CDN that is there read a bucket that is made', async () => {
    const distribution = 'arn:aws:cloudfront::123456789012:distribution/E123';
    const declared = await declareInfraStack({
      'infra:prod': { bucket: 'made-prod', url: 'https://download.example.org', distribution },
    });
    const statements = statementsOf(find(declared, 'BucketPolicy', 'prod-access').policy);
    const request = {
      action: 's3:GetObject',
      resource: 'arn:aws:s3:::made-prod/packages/x',
      principal: 'cloudfront.amazonaws.com',
    };
    assert.equal(
      isAllowed(statements, { ...request, context: { ...tls, 'aws:SourceArn': distribution } }),
      true,
    );
    assert.equal(isAllowed(statements, { ...request, context: { ...tls, 'aws:SourceArn': 'other' } }), false);
  });

  it('makes no private repositories and gives no rights on them where staging uses another registry', async () => {
    const declared = await declareInfraStack({ 'infra:ecr': 'none', 'infra:ecrPublic': undefined });
    assert.equal(
      declared.some(({ type }) => type.startsWith('aws:ecr')),
      false,
    );
    for (const { inputs } of declared.filter(({ type }) => type === 'aws:iam/rolePolicy:RolePolicy'))
      assert.equal(
        statementsOf(inputs.policy).some(({ Action }) => Action.some((one) => one.startsWith('ecr'))),
        false,
      );
  });

  it('makes repositories for those images only that are named', async () => {
    const declared = await declareInfraStack({ 'infra:images': ['falco-tester'] });
    assert.deepEqual(
      declared.filter(({ type }) => type === 'aws:ecr/repository:Repository').map(({ name }) => name),
      ['staging-master', 'staging'].flatMap((stack) =>
        ['base', 'falco-tester'].map((image) => `ecr-${stack}/falcosecurity/${image}`),
      ),
    );
  });
});
