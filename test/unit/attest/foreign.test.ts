/** What others attached to an image does not stop it. On a real registry, with the real cosign. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { mock } from 'node:test';
import { LARGEST, signedBundles } from '../../../provider/attest/bundles';
import { sign, SIGNATURE } from '../../../provider/attest/cosign';
import { sha256 } from '../../../provider/formats/compress';
import { attachments, blob, remove, RegistryError } from '../../../provider/oci';
import { freePort } from '../freePort';
import { bundlesAt, SignedImages, startSignedImages, TestImage } from './signedImages';

const TYPED = ['--annotation', `dev.sigstore.bundle.predicateType=${SIGNATURE}`];
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

describe('what others attached to an image', function () {
  this.timeout(60_000);
  let images: SignedImages;
  let image: TestImage;
  let signature: string;

  /** Attaches a file of this text and resolves to the manifest's digest. */
  async function put(text: string, ...more: string[]): Promise<string> {
    const before = await attachments(image.reference);
    await fs.writeFile(path.join(images.work, 'layer'), text);
    const what = ['--artifact-type', BUNDLE, '--subject', image.reference, '--file', 'layer'];
    images.regctl('artifact', 'put', ...TYPED, ...what, ...more);
    const [added] = (await attachments(image.reference)).filter((one) => !before.includes(one));
    return added;
  }
  /** The image's signature is found, and nothing else. */
  async function isAlone(): Promise<void> {
    const found = await signedBundles(image.reference, images.keys.own.publicKey);
    assert.deepEqual(
      found.map((one) => one.digest),
      [signature],
    );
  }

  before(async () => {
    images = await startSignedImages(['own']);
  });
  after(() => images?.stop());
  beforeEach(async () => {
    image = await images.push();
    await sign(image.reference, images.keys.own.private);
    [signature] = await attachments(image.reference);
  });

  it('and took away again is left out', async () => {
    const gone = await put('{}');
    assert.equal(await remove(`${image.repository}@${gone}`), 'removed');
    assert.ok((await attachments(image.reference)).includes(gone), 'it is listed');
    await isAlone();
  });

  it('is left out where it is no bundle, or its content is gone', async () => {
    await put('no JSON');
    await put('{"dsseEnvelope":7}');
    // cosign crashes on it.
    for (const text of ['null', ' null\n', '[]']) await put(text);
    const lost = 'content that is lost';
    await put(lost);
    const digest = sha256(Buffer.from(lost));
    const files = path.join(images.work, 'true', 'docker', 'registry', 'v2', 'blobs', 'sha256');
    await fs.rm(path.join(files, digest.slice(0, 2), digest), { recursive: true });
    await assert.rejects(
      blob(`${image.repository}@sha256:${digest}`),
      (error: unknown) => error instanceof RegistryError && error.kind === 'absent',
    );
    assert.equal((await attachments(image.reference)).length, 7);
    await isAlone();
  });

  it('is left out where it wraps a true bundle in another type, configuration or image', async () => {
    const [{ text }] = await bundlesAt(image.reference);
    const other = await images.push();
    await fs.writeFile(path.join(images.work, 'config'), '#!/bin/sh');
    await put(text, '--artifact-type', `${BUNDLE}.other`);
    await put(text, '--config-file', 'config');
    await put(text, '--config-file', 'config', '--config-type', 'application/x-sh');
    // Of another image, or of none, and in this one's list.
    const list = `${image.repository}:${image.digest.replace(':', '-')}`;
    const file = [...TYPED, '--artifact-type', BUNDLE, '--file', 'layer'];
    images.regctl('artifact', 'put', ...file, `${image.repository}:none`);
    execFileSync('crane', ['copy', other.reference, `${image.repository}@${other.digest}`], {
      stdio: 'pipe',
    });
    images.regctl('artifact', 'put', ...file, '--subject', `${image.repository}@${other.digest}`);
    const [ofOther] = await attachments(`${image.repository}@${other.digest}`);
    for (const ref of [`${image.repository}:none`, `${image.repository}@${ofOther}`])
      images.regctl('index', 'add', '--ref', ref, list);
    assert.equal((await attachments(image.reference)).length, 6);
    await isAlone();
    await put(text);
    assert.equal((await bundlesAt(image.reference)).length, 2, 'as cosign attaches it');
  });

  it('is left out where it is larger than we read', async () => {
    const file = path.join(images.work, 'large');
    await fs.writeFile(file, '');
    await fs.truncate(file, LARGEST + 1);
    const what = [...TYPED, '--artifact-type', BUNDLE, '--subject', image.reference, '--file', 'large'];
    images.regctl('artifact', 'put', ...what);
    assert.equal((await attachments(image.reference)).length, 2);
    await isAlone();
    await fs.rm(file);
  });

  it('is left out where it claims no type, or one that is none, and costs no more than its bytes', async () => {
    const [{ text }] = await bundlesAt(image.reference);
    for (const type of ['', '-', 'a b', 'x'.repeat(1001)])
      await put(text, '--annotation', `dev.sigstore.bundle.predicateType=${type}`);
    // Two million objects, which would take half a gigabyte.
    const predicate = Array.from({ length: 2_000_000 }, () => '{}').join(',');
    const statement = `{"predicateType":"${SIGNATURE}","predicate":[${predicate}]}`;
    const bundle = JSON.parse(text) as { dsseEnvelope: object };
    const payload = Buffer.from(statement).toString('base64');
    await put(JSON.stringify({ ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload } }));
    assert.equal((await attachments(image.reference)).length, 6);
    const parse = mock.method(JSON, 'parse');
    try {
      await isAlone();
      assert.ok(parse.mock.callCount() > 0);
      assert.ok(
        parse.mock.calls.every((call) => String(call.arguments[0]).length < 1e6),
        'it was parsed',
      );
    } finally {
      parse.mock.restore();
    }
  });

  it('is not told from our own by a cosign that was killed or crashed', async () => {
    const { PATH } = process.env;
    const programs = path.join(images.work, 'programs');
    await fs.mkdir(programs);
    process.env.PATH = `${programs}:${PATH}`;
    try {
      for (const [script, end] of [
        ['kill -9 $$', /cosign was ended by SIGKILL/],
        ['echo "fatal error: out of memory" >&2; exit 2', /cosign ended with 2: fatal error: out of memory/],
      ] as const) {
        await fs.writeFile(path.join(programs, 'cosign'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
        await assert.rejects(signedBundles(image.reference, images.keys.own.publicKey), end);
      }
    } finally {
      process.env.PATH = PATH;
    }
  });

  it('is no excuse for a registry that does not answer', async () => {
    const silent = `127.0.0.1:${await freePort()}/ns/image@${image.digest}`;
    await assert.rejects(bundlesAt(silent), /127\.0\.0\.1:\d+/);
  });
});
