/** What was attached to an image and is gone, signatures first. On a real registry, with the real cosign. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { attest, SIGNATURE, verify, verifyAttestation } from '../../../provider/attest/cosign';
import { attachments, copyAttached, dropLostAttachments, remove, tags } from '../../../provider/oci';
import { attestation } from '../../../provider/resources/attestation';
import { NOTE, SignedImages, startSignedImages } from './signedImages';

describe('what was attached to an image and is gone', function () {
  this.timeout(60_000);
  let images: SignedImages;

  before(async () => {
    images = await startSignedImages(['own', 'foreign']);
  });
  after(() => images?.stop());

  it('is missed and made again where the registry goes on listing it', async () => {
    const { keys, inputsOf } = images;
    const image = await images.push();
    const inputs = inputsOf(image, 'own');
    const { outs } = await attestation.create(inputs);
    await attest(image.reference, NOTE, keys.foreign.private);
    const [signature] = outs.attachments;
    assert.equal(await remove(`${image.repository}@${signature}`), 'removed');
    assert.ok((await attachments(image.reference)).includes(signature), 'it is listed');
    const state = { ...inputs, ...outs };
    assert.equal(await attestation.read!(state), undefined);

    const again = await attestation.create(inputs);
    assert.deepEqual(await verify(image.reference, keys.own.publicKey), [SIGNATURE]);
    assert.deepEqual(await attestation.read!({ ...inputs, ...again.outs }), { ...inputs, ...again.outs });
    assert.deepEqual(
      await verifyAttestation(image.reference, NOTE.type, keys.foreign.publicKey),
      [NOTE.predicate],
      'what else is listed stays',
    );
    assert.equal((await attachments(image.reference)).length, 2);
  });

  it('is not missed while cosign cannot find out', async () => {
    const image = await images.push();
    const inputs = images.inputsOf(image, 'own');
    const { outs } = await attestation.create(inputs);
    const state = { ...inputs, ...outs };
    const { PATH } = process.env;
    const programs = await fs.mkdtemp(path.join(images.work, 'programs-'));
    const script = '#!/bin/sh\necho "Error: GET https://r/v2/: 503 Service Unavailable" >&2\nexit 1\n';
    await fs.writeFile(path.join(programs, 'cosign'), script, { mode: 0o755 });
    process.env.PATH = `${programs}:${PATH}`;
    try {
      await assert.rejects(attestation.read!(state), /503 Service Unavailable/);
    } finally {
      process.env.PATH = PATH;
    }
    assert.deepEqual(await attestation.read!(state), state);
  });

  it('is copied again, though more of it is gone there', async () => {
    const { keys, host } = images;
    const image = await images.push();
    for (const predicate of [{ a: 1 }, { a: 2 }]) {
      await attest(image.reference, { ...NOTE, predicate }, keys.own.private);
    }
    const all = await attachments(image.reference);
    const to = `${host}/copies/image`;
    await copyAttached(image.repository, image.digest, all, to);
    for (const one of all) await remove(`${to}@${one}`);
    await copyAttached(image.repository, image.digest, all.slice(0, 1), to);
    assert.deepEqual(await attachments(`${to}@${image.digest}`), all.slice(0, 1));
  });

  it('leaves a list alone that names only what is there, and makes none', async () => {
    const { keys } = images;
    const image = await images.push();
    await dropLostAttachments(image.reference);
    assert.deepEqual(await tags(image.repository), []);
    await attest(image.reference, NOTE, keys.own.private);
    const before = await attachments(image.reference);
    await dropLostAttachments(image.reference);
    assert.deepEqual(await attachments(image.reference), before);
  });
});
