/** What a stack takes over with an image from the stack that built it. On a real registry, with the real cosign. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { attest, sign, SIGNATURE, verify, verifyAttestation } from '../../../provider/attest/cosign';
import { updateLedger } from '../../../provider/ledger';
import { attachments } from '../../../provider/oci';
import { attestation } from '../../../provider/resources/attestation';
import { imageCopy, ImageCopyInputs } from '../../../provider/resources/imageCopy';
import { attestDocuments, NOTE, SignedImages, startSignedImages } from './signedImages';

const FORGED = { ...NOTE, predicate: { forged: true } };

describe('what comes with an image of another stack', function () {
  this.timeout(60_000);
  let images: SignedImages;
  const check = async (news: ImageCopyInputs, olds?: ImageCopyInputs) =>
    (await imageCopy.check!(news, olds)) as ImageCopyInputs;

  before(async () => {
    images = await startSignedImages(['own', 'staging', 'foreign']);
  });
  after(() => images?.stop());

  it('is claimed anew only as far as that stack signed it', async () => {
    const { keys, inputsOf } = images;
    const image = await images.push();
    await attest(image.reference, FORGED, keys.foreign.private);
    await attest(image.reference, NOTE, keys.staging.private);
    const carried = await attachments(image.reference);
    const inputs = { ...inputsOf(image, 'own'), carried };
    await attestation.create(inputs);
    assert.deepEqual(await verify(image.reference, keys.own.publicKey), [SIGNATURE], 'nobody signed it');
    await attestation.create({ ...inputs, carriedSigner: '' });
    assert.deepEqual(await verify(image.reference, keys.own.publicKey), [SIGNATURE]);
    const bySigner = { ...inputs, carriedSigner: keys.staging.publicKey };
    for (const some of [carried, []])
      await assert.rejects(
        attestation.create({ ...bySigner, carried: some }),
        /came without https:\/\/spdx\.dev\/Document and https:\/\/slsa\.dev\/provenance\/v1 by [0-9a-f]{64}; repair it/,
      );
    await attestDocuments(image.reference, keys.staging.private);
    await attestation.create({ ...bySigner, carried: await attachments(image.reference) });
    assert.deepEqual(await verifyAttestation(image.reference, NOTE.type, keys.own.publicKey), [
      NOTE.predicate,
    ]);
  });

  it('and was taken over before anything was verified is looked at again, here', async () => {
    const { keys, host } = images;
    const image = await images.push();
    await sign(image.reference, keys.staging.private);
    const [signature] = await attachments(image.reference);
    await attest(image.reference, FORGED, keys.foreign.private);
    const all = await attachments(image.reference);
    // The other stack has let it go since.
    const gone = {
      image: `${host}/gone/image`,
      digest: image.digest,
      repository: image.repository,
      tag: 'v1',
    };
    const before = { ...gone, attachments: all };
    const staging = keys.staging.publicKey;
    const place = { bucket: path.join(images.work, 'bucket'), channel: 'release', stack: 'prod' };
    const publisher = { ...place, version: '1' };
    await assert.rejects(
      check({ ...gone, signer: '', publisher }, before),
      'it was copied, and is not published',
    );
    await updateLedger(place.bucket, place.channel, (ledger) => {
      ledger.releases['1'] = { stack: 'prod', images: {}, tags: [], manifests: [] };
    });
    const now = (signer: string, olds: ImageCopyInputs = before) =>
      check({ ...gone, signer, publisher }, olds).then((checked) => checked.attachments);
    assert.deepEqual(await now(''), []);
    assert.deepEqual(await now(staging), [signature]);
    assert.deepEqual(await now(staging, { ...before, signer: keys.foreign.publicKey }), [signature]);
    assert.deepEqual(await now(staging, { ...before, signer: staging, attachments: ['kept'] }), ['kept']);
  });

  it('and is signed by another key now is taken from where it is, though the image is published here', async () => {
    const { keys, host } = images;
    const image = await images.push();
    const copy = {
      image: image.repository,
      digest: image.digest,
      repository: `${host}/rotated/image`,
      tag: 'v1',
    };
    execFileSync('crane', ['tag', image.reference, 'v1']);
    await sign(image.reference, keys.staging.private);
    const place = { bucket: path.join(images.work, 'rotated'), channel: 'release', stack: 'prod' };
    const before = await check({ ...copy, signer: keys.staging.publicKey });
    await imageCopy.create(before);
    await updateLedger(place.bucket, place.channel, (ledger) => {
      ledger.releases['1'] = { stack: 'prod', images: {}, tags: [], manifests: [] };
    });
    await sign(image.reference, keys.foreign.private);
    const [next] = (await attachments(image.reference)).filter((one) => !before.attachments?.includes(one));
    const now = { ...copy, signer: keys.foreign.publicKey, publisher: { ...place, version: '1' } };
    assert.deepEqual((await check(now, before)).attachments, [next]);
  });

  it('of which none is wanted any more stays, and is no reason for a change', () => {
    const old = { image: 'a', digest: 'b', repository: 'c', tag: '' };
    assert.deepEqual(imageCopy.diff(old, { ...old, attachments: [] }).changes, []);
    assert.deepEqual(imageCopy.diff(old, { ...old, attachments: ['d'] }).changes, ['attachments']);
    const some = { ...old, attachments: ['d'] };
    assert.deepEqual(imageCopy.diff(some, { ...old, attachments: [] }).changes, ['attachments']);
  });

  it('is copied again where another writer lost it from the list, and told where that goes on', async () => {
    const { keys, host } = images;
    const image = await images.push();
    await sign(image.reference, keys.own.private);
    const [signature] = await attachments(image.reference);
    const inputs = {
      ...{ image: image.repository, digest: image.digest, repository: `${host}/copies/raced` },
      ...{ tag: '', attachments: [signature] },
    };
    const list = `${inputs.repository}:${image.digest.replace(':', '-')}`;
    const { PATH } = process.env;
    const programs = path.join(images.work, 'programs');
    await fs.mkdir(programs);
    const real = execFileSync('which', ['regctl'], { encoding: 'utf8' }).trim();
    /** A regctl after whose copies another writer takes the list away, that many times. */
    const lose = (times: number) =>
      fs.writeFile(
        path.join(programs, 'regctl'),
        `#!/bin/sh\n"${real}" "$@" || exit\ncase "$*" in *--force-recursive*) echo >>"${programs}/copies"\n` +
          `[ $(wc -l <"${programs}/copies") -gt ${times} ] || crane delete "${list}" >&2;; esac\n`,
        { mode: 0o755 },
      );
    process.env.PATH = `${programs}:${PATH}`;
    try {
      await lose(1);
      await imageCopy.create(inputs);
      assert.deepEqual(await attachments(`${inputs.repository}@${image.digest}`), [signature]);
      assert.equal((await fs.readFile(path.join(programs, 'copies'), 'utf8')).length, 2);
      await lose(100);
      await assert.rejects(imageCopy.create(inputs), {
        message: /copies\/raced@sha256:\S+ does not keep what belongs to it \(sha256:\S+\), tried 4 times/,
      });
    } finally {
      process.env.PATH = PATH;
    }
  });
});
