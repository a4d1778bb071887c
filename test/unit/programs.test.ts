import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Declared, declaredResources, resourceTable } from '../../cli/mocks';
import { readInfraSettings } from '../../infraConfig';
import { catalog } from '../../catalog';
import { stackConfig } from './aws/declared';

const declare = (stack: string, config = stackConfig(stack)) =>
  declaredResources('falco-artifacts', stack, config);

describe('the program of the stack', function () {
  this.timeout(30_000);

  // Reviewed by a person. After a change that is meant:
  //   npm run -s preview -- --stack <stack> --mocks > test/unit/programs/<stack>.txt
  for (const stack of ['infra', 'local', 'local-master', 'staging', 'staging-master', 'prod'])
    it(`${stack} declares the resources that test/unit/programs/${stack}.txt lists`, async () => {
      const expected = fs.readFileSync(path.join(__dirname, 'programs', `${stack}.txt`), 'utf8');
      assert.equal(resourceTable(stack, await declare(stack)), expected);
    });

  it('local declares with a build cache the steps of each image besides', async () => {
    const elsewhere = {
      'falco:registry': 'registry.example.org',
      'falco:buildkit': 'tcp://builder.example.org:1234',
      'falco:cache': 'registry.example.org/build-cache',
    };
    const all = await declare('local', { ...stackConfig('local'), ...elsewhere });
    const others = all.filter(({ type }) => type !== 'artifacts:index:ImageSteps');
    assert.equal(all.length - others.length, catalog.images.length);
    assert.equal(
      resourceTable('local', others),
      fs.readFileSync(path.join(__dirname, 'programs', 'local.txt'), 'utf8'),
    );
  });

  it('is one of three', async () => {
    await assert.rejects(declare('local', { 'falco:program': 'relaese' }), {
      message: 'falco:program: "relaese" is no program; give release, promotion, infra',
    });
  });

  it('is told of mistakes in the settings of infra as in those of a release', async () => {
    await assert.rejects(declare('infra', { ...stackConfig('infra'), 'infra:acount': '1' }), {
      name: 'Error',
      message: /^infra:acount: is no setting of this program/,
    });
  });
});

describe('the stacks that publish to the cloud', () => {
  /** Where resources of a release push to: bases, contexts, images, tags. */
  const pushed = (declared: Declared[]) => [
    ...new Set(
      declared.flatMap(({ type, inputs }) => {
        if (['artifacts:index:Base', 'artifacts:index:ContextImage', 'artifacts:index:Tag'].includes(type))
          return [inputs.repository as string];
        if (type !== 'docker-build:index:Image') return [];
        const [{ raw }] = inputs.exports as { raw: string }[];
        return [/,name=([^,]+)/.exec(raw)?.[1] ?? raw];
      }),
    ),
  ];

  it('push to repositories that infra makes, each stack to those of its own role', async () => {
    const made = (await declare('infra'))
      .filter(({ type }) => type === 'aws:ecr/repository:Repository')
      .map(({ inputs }) => `123456789012.dkr.ecr.eu-west-1.amazonaws.com/${inputs.name as string}`);
    for (const stack of ['staging', 'staging-master']) {
      const own = made.filter((one) => one.includes(`/${stack}/`));
      assert.deepEqual(pushed(await declare(stack)).sort(), own.sort());
    }
  });

  it('name the buckets, domains and registries that infra makes', async () => {
    await declare('infra');
    const { staging, prod, region, ecrPublic } = readInfraSettings(catalog);
    const address = ({ bucket }: typeof prod) => `s3://${bucket.name}?region=${region}`;
    assert.equal(stackConfig('staging')['falco:bucket'], address(staging));
    assert.equal(stackConfig('staging-master')['falco:bucket'], address(staging));
    assert.equal(stackConfig('prod')['falco:bucket'], address(prod));
    const domain = prod.cdn.isMade ? prod.cdn.domain?.name : undefined;
    assert.equal(stackConfig('prod')['falco:url'], `https://${domain}`);
    assert.deepEqual(stackConfig('prod')['falco:mirrors'], [`public.ecr.aws/${ecrPublic?.alias}`]);
  });

  it('have no secret in their files, and no key of prod in those of staging', () => {
    for (const stack of ['infra', 'staging', 'staging-master', 'prod']) {
      const text = JSON.stringify(stackConfig(stack));
      assert.doesNotMatch(text, /secure|password|token(?!\.actions)|PRIVATE KEY|AKIA/i);
    }
    const keyOf = (stack: string) => stackConfig(stack)['falco:signingKey'];
    assert.notEqual(keyOf('prod'), keyOf('staging'));
    assert.equal(keyOf('staging-master'), keyOf('staging'), 'both publish to the -dev repositories');
    assert.equal(stackConfig('prod')['falco:expectedKey'], keyOf('staging'));
  });
});
