/** What is attached to an image: signed, kept, told from what others attached, and copied. On a real registry. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { signedBundles } from '../../../provider/attest/bundles';
import {
  attest,
  makeKey,
  PrivateKey,
  sign,
  SIGNATURE,
  verify,
  verifyAttestation,
} from '../../../provider/attest/cosign';
import { attachedReferences, attachments, digest, pushFiles, remove, tags } from '../../../provider/oci';
import { attestation, AttestationInputs } from '../../../provider/resources/attestation';
import { imageCopy } from '../../../provider/resources/imageCopy';
import { startRegistry, TestRegistry } from '../registryServer';
import { attestDocuments, bundlesAt } from './signedImages';

const NOTE = { type: 'https://example.org/note', predicate: { list: [1, 'two'], of: { what: null } } };

describe('what is attached to an image', function () {
  this.timeout(60_000);
  let work: string;
  let registry: TestRegistry;
  const keys: Record<string, { home: string; publicKey: string; private: PrivateKey }> = {};
  let count = 0;

  /** An image of its own, in a repository of its own. */
  async function push(): Promise<{ repository: string; digest: string; reference: string }> {
    const folder = path.join(work, `image-${++count}`);
    await fs.mkdir(folder);
    await fs.writeFile(path.join(folder, 'file'), `${count}`);
    execFileSync('tar', ['-C', folder, '-cf', `${folder}.tar`, 'file']);
    const repository = `${registry.host}/ns/image-${count}`;
    const pushed = await pushFiles(repository, `${folder}.tar`);
    return { repository, digest: pushed, reference: `${repository}@${pushed}` };
  }
  const inputsOf = (
    { repository, digest: pushed }: { repository: string; digest: string },
    { home, publicKey } = keys.own,
  ): AttestationInputs => ({ repository, digest: pushed, key: { home }, publicKey });

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'attestation-'));
    registry = await startRegistry(work, true);
    for (const name of ['own', 'other']) {
      const home = path.join(work, name);
      const prefix = path.join(home, 'cosign-not-for-release');
      const publicKey = await makeKey(prefix, '');
      keys[name] = { home, publicKey, private: { key: `${prefix}.key`, password: '' } };
    }
  });
  after(async () => {
    await registry?.stop();
    await fs.rm(work, { recursive: true });
  });

  it('is a signature by its digest, verified, and not doubled where it is there', async () => {
    const image = await push();
    const { id, outs } = await attestation.create(inputsOf(image));
    assert.equal(id, image.repository);
    assert.deepEqual(outs.attachments, await attachments(image.reference));
    assert.equal(outs.attachments.length, 1);
    assert.deepEqual(await verify(image.reference, keys.own.publicKey), [SIGNATURE]);
    await assert.rejects(verify(image.reference, keys.other.publicKey), /no matching attestations/);
    assert.deepEqual(await attestation.create(inputsOf(image)), { id, outs });
    const state = { ...inputsOf(image), ...outs };
    assert.deepEqual(await attestation.read!(state), state);
  });

  it('is made beside what another key has attached, which counts as nothing', async () => {
    const image = await push();
    await sign(image.reference, keys.other.private);
    const { outs } = await attestation.create(inputsOf(image));
    assert.equal((await attachments(image.reference)).length, 2);
    assert.deepEqual(
      outs.attachments,
      (await signedBundles(image.reference, keys.own.publicKey)).map((one) => one.digest),
    );
  });

  it('is missed where it is gone, where the key is another one, and where the image is gone', async () => {
    const image = await push();
    const { outs } = await attestation.create(inputsOf(image));
    const state = { ...inputsOf(image), ...outs };
    assert.equal(await attestation.read!({ ...state, publicKey: keys.other.publicKey }), undefined);
    for (const one of await attachedReferences(image.reference)) await remove(one);
    assert.equal(await attestation.read!(state), undefined);
    await remove(image.reference);
    assert.equal(await attestation.read!(state), undefined);
    await assert.rejects(attestation.create(inputsOf(image)));
  });

  it('is no signature where it is an attestation alone, though cosign verifies the image', async () => {
    const image = await push();
    await attest(image.reference, NOTE, keys.own.private);
    assert.deepEqual(await verify(image.reference, keys.own.publicKey), [NOTE.type]);
    assert.deepEqual(await verifyAttestation(image.reference, NOTE.type, keys.own.publicKey), [
      NOTE.predicate,
    ]);
    await attestation.create(inputsOf(image));
    assert.deepEqual(await verify(image.reference, keys.own.publicKey), [NOTE.type, SIGNATURE].sort());
  });

  it('is a reason for a change where image, key or what came along differs, and no path of a key', () => {
    const state = { ...inputsOf({ repository: 'r', digest: 'd' }), attachments: ['a'] };
    const changes = (news: object) => attestation.diff(state, { ...inputsOf(state), ...news }).changes;
    assert.deepEqual(changes({}), []);
    assert.deepEqual(changes({ key: { home: 'elsewhere' } }), []);
    assert.deepEqual(changes({ digest: 'e' }), ['digest']);
    assert.deepEqual(changes({ publicKey: 'p' }), ['publicKey']);
    assert.deepEqual(changes({ carried: ['b'] }), ['carried']);
  });

  it('of another image of the same key is none of this one', async () => {
    const [one, two] = [await push(), await push()];
    await sign(one.reference, keys.own.private);
    const [bundle] = await bundlesAt(one.reference);
    const layer = path.join(work, 'bundle.json');
    await fs.writeFile(layer, bundle.text);
    const host = `reg=${registry.host},tls=disabled`;
    const put = ['artifact', 'put', '--artifact-type', 'application/vnd.dev.sigstore.bundle.v0.3+json'];
    const type = ['--annotation', `dev.sigstore.bundle.predicateType=${bundle.type}`];
    execFileSync('regctl', ['--host', host, ...put, ...type, '--subject', two.reference, '--file', layer], {
      cwd: work,
    });
    assert.equal((await bundlesAt(two.reference)).length, 1);
    assert.deepEqual(await signedBundles(two.reference, keys.own.publicKey), []);
    await assert.rejects(verify(two.reference, keys.own.publicKey));
  });

  it('comes along with a promoted image as far as its signer signed it, and is signed anew there', async () => {
    const image = await push();
    await sign(image.reference, keys.other.private);
    await attest(image.reference, NOTE, keys.other.private);
    await attestDocuments(image.reference, keys.other.private);
    await attest(image.reference, { ...NOTE, predicate: { forged: true } }, keys.own.private);
    execFileSync('crane', ['tag', image.reference, 'v1']);
    const repository = `${registry.host}/prod/image`;
    const copied = { image: image.repository, digest: image.digest, repository, tag: 'v1' };
    const checked = (await imageCopy.check!(
      { ...copied, signer: keys.other.publicKey },
      undefined,
    )) as typeof copied & { attachments: string[] };
    assert.equal(checked.attachments.length, 4);
    await imageCopy.create(checked);
    const there = `${repository}@${image.digest}`;
    assert.deepEqual(await attachments(there), checked.attachments);
    assert.deepEqual(await imageCopy.read!(checked), checked);

    const carriedSigner = keys.other.publicKey;
    const came = { carried: checked.attachments, carriedSigner };
    const inputs = { ...inputsOf({ repository, digest: image.digest }), ...came };
    const { outs } = await attestation.create(inputs);
    assert.equal(outs.attachments.length, 8);
    assert.deepEqual(await verifyAttestation(there, NOTE.type, keys.own.publicKey), [NOTE.predicate]);
    assert.deepEqual((await attestation.create(inputs)).outs, outs, 'nothing is doubled');

    const mirror = { image: repository, digest: image.digest, repository: `${registry.host}/mirror/image` };
    const further = { ...mirror, tag: '', attachments: outs.attachments };
    await imageCopy.create(further);
    assert.deepEqual(await attachments(`${mirror.repository}@${image.digest}`), outs.attachments);
    // Gone itself, or from the list alone: both are drift that is repaired.
    // Repairing the first writes another list, so its digest is asked for when its turn comes.
    const list = `${mirror.repository}:${image.digest.replace(':', '-')}`;
    for (const find of [() => Promise.resolve(outs.attachments[0]), () => digest(list)]) {
      const lost = await find();
      assert.equal(await remove(`${mirror.repository}@${lost}`), 'removed');
      assert.equal(await imageCopy.read!(further), undefined);
      await imageCopy.create(further);
      assert.deepEqual(await attachments(`${mirror.repository}@${image.digest}`), outs.attachments);
      assert.deepEqual(await imageCopy.read!(further), further);
    }
  });

  it('goes before the image does, with the tag that lists it', async () => {
    const image = await push();
    await attestation.create(inputsOf(image));
    assert.deepEqual(await tags(image.repository), [image.digest.replace(':', '-')]);
    for (const one of await attachedReferences(image.reference)) assert.equal(await remove(one), 'removed');
    assert.deepEqual([await tags(image.repository), await attachments(image.reference)], [[], []]);
    assert.equal(await digest(image.reference), image.digest);
    assert.deepEqual(await attachedReferences(`${image.repository}@sha256:${'0'.repeat(64)}`), []);
  });
});
