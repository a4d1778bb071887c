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

  it('rebuild makes packages and images and publishes nothing', async () => {
    const all = await declare('local', { ...stackConfig('local'), 'falco:program': 'rebuild' });
    const count = (type: string) => all.filter((one) => one.type === type).length;
    assert.equal(count('artifacts:index:Package'), catalog.packages.length);
    assert.equal(count('docker-build:index:Image'), catalog.images.length);
    const publishing =
      /:(AptRepository|YumRepository|Downloads|ReleasedNames|Release|RecordFile|Tag|ImageCopy|Gate)$/;
    assert.deepEqual(
      all.filter(({ type }) => publishing.test(type)),
      [],
    );
  });

  it('is one of four', async () => {
    await assert.rejects(declare('local', { 'falco:program': 'relaese' }), {
      message: 'falco:program: "relaese" is no program; give release, promotion, rebuild, infra',
    });
  });

  it('that promotes names what to run before a release was agreed to', async () => {
    await assert.rejects(declare('local-prod'), {
      message:
        'falco:expectedKey: is not set, for no release was agreed to yet: npm run propose -- --stack local-prod',
    });
  });

  it('that promotes wants the fingerprint of the key that signed the images', async () => {
    const { 'falco:expectedCosignKey': expected, ...settings } = stackConfig('prod');
    const refused = async (given: object, message: string) => {
      await assert.rejects(declare('prod', { ...settings, ...given }), { message });
    };
    await refused(
      { 'falco:expectedCosignKey': 'abc' },
      'falco:expectedCosignKey: "abc" is no fingerprint; give the 64 hex digits of the cosign key of organization/falco-artifacts/staging (docs/keys.md)',
    );
    const unset = (await declare('prod', settings)).find(({ name }) => name === 'promotion');
    assert.equal('expectedCosignKey' in unset!.inputs, false, 'what is out already needs none');
    const upper = String(expected).toUpperCase();
    const all = await declare('prod', { ...settings, 'falco:expectedCosignKey': upper });
    const [{ inputs }] = all.filter(({ type }) => type === 'artifacts:index:Promotion');
    assert.equal(inputs.expectedCosignKey, expected);
    const [copy] = all.filter(({ name }) => name === 'image-falco');
    assert.equal(copy.inputs.signer, 'public key');
    const [attestation] = all.filter(({ name }) => name === 'attestation-falco');
    assert.deepEqual(attestation.inputs.key, { key: 'keys/cosign-prod.key', home: '.local/prod-gnupg' });
    assert.ok('carried' in attestation.inputs);
    assert.equal(attestation.inputs.carriedSigner, 'public key');
  });

  it('takes the place of a key, never the key', async () => {
    for (const given of ['-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----', ' ', 'a\nb'])
      await assert.rejects(declare('local', { ...stackConfig('local'), 'falco:cosignKey': given }), {
        message:
          'falco:cosignKey: is no key; give the path of an encrypted key file or a URI such as awskms://…, never the key itself',
      });
  });

  it('takes no password in an address, and does not say it', async () => {
    for (const setting of ['url', 'registry', 'buildkit', 'cache', 'source']) {
      const given = { ...stackConfig('local'), [`falco:${setting}`]: 'https://user:secret@example.org/x#1' };
      await assert.rejects(declare('local', given), {
        message: new RegExp(`^falco:${setting}: has a password or token in an address(?![^]*:secret)`),
      });
    }
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

  it('have no secret in their files, and a signing key of their own each', () => {
    for (const stack of ['infra', 'staging', 'staging-master', 'prod']) {
      const text = JSON.stringify(stackConfig(stack));
      assert.doesNotMatch(text, /secure|password|token(?!\.actions)|PRIVATE KEY|AKIA/i);
    }
    const keyOf = (stack: string) => stackConfig(stack)['falco:signingKey'];
    const stacks = ['staging', 'staging-master', 'prod'];
    assert.equal(new Set(stacks.map(keyOf)).size, stacks.length);
    assert.deepEqual(
      stacks.map((stack) => stackConfig(stack)['falco:cosignKey']),
      stacks.map((stack) => `keys/cosign-${stack}.key`),
    );
    assert.equal(new Set(stacks.map((stack) => stackConfig(stack)['falco:gnupgHome'])).size, stacks.length);
    assert.equal(stackConfig('prod')['falco:expectedKey'], keyOf('staging'));
  });

  it('publish the keys of both stacks that publish to the -dev repositories, whichever of them does', async () => {
    for (const [stack, other] of [
      ['staging', 'staging-master'],
      ['staging-master', 'staging'],
    ]) {
      const [key] = (await declare(stack)).filter(({ type }) => type === 'artifacts:index:SigningKey');
      assert.equal(key.inputs.key, stackConfig(stack)['falco:signingKey']);
      assert.deepEqual(key.inputs.publishedKeys, [stackConfig(other)['falco:signingKey']]);
      assert.deepEqual(key.inputs.indexKeys, []);
    }
  });
});
