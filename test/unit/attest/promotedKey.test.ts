/** Which key the images of another stack are verified with. On a real registry, with the real cosign. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { attest, fingerprintOf, normalized, PrivateKey, sign, verify } from '../../../provider/attest/cosign';
import { PROVENANCE, SPDX } from '../../../provider/attest/provenance';
import { pinOf, ReleaseRecord } from '../../../provider/promotion/record';
import { promotion } from '../../../provider/resources/promotion';
import { record } from '../promotion/sampleRecord';
import { freePort } from '../freePort';
import { SignedImages, startSignedImages, TestImage } from './signedImages';

describe('the key that images of another stack are verified with', function () {
  this.timeout(60_000);
  let images: SignedImages;
  let image: TestImage;
  let recorded: ReleaseRecord;
  /** PEM of an RSA key, in the older form (PKCS #1), which has signed the image. */
  let foreign: string;
  let foreignKey: PrivateKey;

  const check = (cosignKey: string, expected: string) => {
    const inputs = {
      ...{ from: 'staging', record: { ...recorded, cosignKey }, pinned: pinOf(recorded), floors: [] },
      ...{ expectedKey: 'A'.repeat(40), expectedCosignKey: fingerprintOf(expected), namespace: 'sample' },
      ...{ bucket: path.join(images.work, 'bucket'), channel: 'release', stack: 'prod' },
    };
    return promotion.check!(inputs, undefined) as Promise<typeof inputs>;
  };

  before(async () => {
    images = await startSignedImages(['staging']);
    image = await images.push();
    const { repository, digest } = image;
    recorded = {
      ...{ ...record, systems: {}, images: { sample: { repository, digest } } },
      gates: { ...record.gates, 'image-sample': [digest], 'signature-sample': [digest] },
    };
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const prefix = path.join(images.work, 'foreign');
    await fs.writeFile(`${prefix}.pem`, pair.privateKey.export({ type: 'pkcs1', format: 'pem' }));
    const made = ['import-key-pair', '--key', `${prefix}.pem`, '--output-key-prefix', prefix];
    execFileSync('cosign', made, { env: { ...process.env, COSIGN_PASSWORD: '' }, stdio: 'pipe' });
    foreign = pair.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    foreignKey = { key: `${prefix}.key`, password: '' };
    await sign(image.reference, foreignKey);
  });
  after(() => images?.stop());

  it('is one, not the first of two whose second was agreed to', async () => {
    const { publicKey } = images.keys.staging;
    for (const both of [foreign + publicKey, publicKey + foreign, `${publicKey}text`]) {
      await assert.rejects(check(both, publicKey), {
        message:
          /^sample:expectedCosignKey: the key of images in the record of the stack staging cannot be taken: this is not one public key in PEM form and nothing else; find out who wrote it/,
      });
      assert.throws(() => normalized(both), /not one public key/);
      assert.throws(() => fingerprintOf(both), /not one public key/);
      await assert.rejects(verify(image.reference, both), /not one public key/);
    }
    await assert.rejects(check(publicKey, publicKey), /do not have all that/);
  });

  it('is not said to have signed nothing while the registry does not answer', async () => {
    const { publicKey } = images.keys.staging;
    const before = recorded;
    const at = (repository: string) => {
      recorded = { ...before, images: { sample: { ...before.images.sample, repository } } };
      return check(publicKey, publicKey);
    };
    try {
      await assert.rejects(at(`127.0.0.1:${await freePort()}/ns/image`), {
        message:
          /^whether \S+ is signed cannot be found out: .*connection refused\. Nothing was changed; run it again when/,
      });
      await assert.rejects(at(`${images.host}/ns/lost`), {
        message:
          /^sample:expectedCosignKey: images of staging do not have all that [0-9a-f]{64} is to sign: .*Repair it there/,
      });
    } finally {
      recorded = before;
    }
  });

  it('has to have signed SBOM and provenance, too', async () => {
    const lacks = (what: string) => ({
      message: new RegExp(`: images of staging do not have all that .*@sha256:\\S+ has no ${what}\\. Repair`),
    });
    await assert.rejects(check(foreign, foreign), lacks('SBOM and no provenance'));
    await attest(image.reference, { type: SPDX, predicate: {} }, foreignKey);
    await assert.rejects(check(foreign, foreign), lacks('provenance'));
    await attest(image.reference, { type: PROVENANCE, predicate: {} }, foreignKey);
    await check(foreign, foreign);
  });

  it('is kept in one form, however the record spells it', async () => {
    const checked = await check(foreign, foreign);
    assert.match(checked.record.cosignKey, /^-----BEGIN PUBLIC KEY-----\n/);
    assert.equal(checked.record.cosignKey, normalized(foreign));
    assert.equal(
      (await check(foreign.replace(/\n/g, '\r\n'), foreign)).record.cosignKey,
      normalized(foreign),
    );
  });
});
