import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { provenance, statementText, withSubject } from '../../../provider/attest/provenance';
import { sbomText, spdxDocument } from '../../../provider/attest/spdx';
import { sha256 } from '../../../provider/formats/compress';
import { rpmContents, rpmSignature } from '../../../provider/formats/rpmHeader';
import { createLocalKey, openSigner, Signer, signRpm } from '../../../provider/gpg';
import { signersOf } from '../../../provider/gpgVerify';
import { updateLedger } from '../../../provider/ledger';
import { RecordedPackage, statementKeys } from '../../../provider/promotion/record';
import { publishApt } from '../../../provider/publish/apt';
import { PublishedPackage, Statement } from '../../../provider/publish/published';
import { publishYum } from '../../../provider/publish/yum';
import { promotedPackage, PromotedPackageInputs } from '../../../provider/resources/promotedPackage';
import { openStore } from '../../../provider/store/open';
import { Store } from '../../../provider/store/store';
import { product } from '../attest/sampleProduct';
import { debIn, rpmIn, settingsFor } from '../publish/bench';

const DATE = new Date('2026-01-02T03:04:05Z');
const EPOCH = DATE.getTime() / 1000;
const [deb, rpm] = [settingsFor('packages/deb'), settingsFor('packages/rpm')];

describe('a promoted package', function () {
  this.timeout(60_000);
  let work: string;
  let home: string;
  let staging: Store;
  let theirs: Signer;
  let other: Signer;
  let inputs: { deb: PromotedPackageInputs; rpm: PromotedPackageInputs };

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'promoted-'));
    home = path.join(work, 'keys');
    const open = async (uid: string, publishedKeys: string[] = []) => {
      const { fingerprint } = await createLocalKey({ home, uid });
      return openSigner({ home, key: fingerprint, setting: 'test:key', publishedKeys });
    };
    other = await open('Other');
    // Both keys stand in staging's key file: which one signed is what counts.
    theirs = await open('Theirs', [other.fingerprint]);
    await createLocalKey({ home: path.join(work, 'own'), uid: 'Own' });
  });
  after(() => fs.rm(work, { recursive: true, force: true }));
  beforeEach(async () => {
    const folder = await fs.mkdtemp(path.join(work, 'buckets-'));
    staging = openStore(path.join(folder, 'staging'));
    const sample = { name: 'sample', version: '1.0.0' };
    const sign = (file: string) => signRpm(file, theirs, EPOCH);
    const [one, two] = [await debIn(staging, work, sample), await rpmIn(staging, work, sample, sign)];
    await publishApt(staging, deb, [one], theirs, DATE);
    await publishYum(staging, rpm, [two], theirs, DATE);
    const own = await openSigner({ home: path.join(work, 'own'), setting: 'test:key' });
    const common = {
      ...{ bucket: path.join(folder, 'prod'), channel: 'release', stack: 'prod' },
      version: '1.0.0',
      epoch: EPOCH,
      from: { bucket: path.join(folder, 'staging'), publicKey: deb.publicKey, stack: 'staging' },
      expectedKey: theirs.fingerprint,
    };
    const recorded = (of: PublishedPackage, plain: string, identity = ''): RecordedPackage => {
      const { fileName, key, sha256, size } = of;
      return { fileName, key, plain, sha256, size, identity, proved: sha256 };
    };
    const file = path.join(folder, 'staging', two.key);
    inputs = {
      deb: {
        ...{ ...common, prefix: 'build/prod/deb', fileName: one.fileName },
        source: recorded(one, `packages/deb/stable/${one.fileName}`),
      },
      rpm: {
        ...{ ...common, prefix: 'build/prod/rpm', fileName: two.fileName },
        source: recorded(two, `packages/rpm/${two.fileName}`, await rpmContents(file)),
        signing: { home: own.home, fingerprint: own.fingerprint, setting: 'test:key' },
      },
    };
  });

  it('is the same bytes; an rpm has the same header and payload, and the own key inside', async () => {
    const { outs: plain } = await promotedPackage.create(inputs.deb);
    assert.equal(plain.sha256, inputs.deb.source.sha256);
    const prod = openStore(inputs.deb.bucket);
    assert.equal((await prod.head(plain.key))?.sha256, plain.sha256);

    const { outs: signed } = await promotedPackage.create(inputs.rpm);
    const file = path.join(inputs.rpm.bucket, signed.key);
    assert.equal(await rpmContents(file), inputs.rpm.source.identity);
    const inside = await rpmSignature(file);
    const own = await openSigner({ home: path.join(work, 'own'), setting: 'test:key' });
    assert.deepEqual(await signersOf(inside!.signed, inside!.packet, await own.keyring()), [own.fingerprint]);
    const again = await promotedPackage.update({ ...inputs.rpm, ...signed }, inputs.rpm);
    assert.deepEqual(again, signed, 'another signature would be other bytes');
  });

  const refused = async (of: PromotedPackageInputs, message: RegExp) => {
    await assert.rejects(promotedPackage.create(of), message);
    assert.deepEqual(await openStore(of.bucket).list(''), []);
  };

  it('is refused when its detached signature is of another key, of another file, or gone', async () => {
    const asc = `${inputs.deb.source.plain}.asc`;
    const file = path.join(inputs.deb.from.bucket, inputs.deb.source.key);
    await staging.put(asc, await other.detach({ file }));
    await refused(
      inputs.deb,
      /sample-1\.0\.0-amd64\.deb is not signed by [0-9A-F]{40}, the key that staging/,
    );
    await staging.put(asc, await theirs.detach(Buffer.from('another file')));
    await refused(inputs.deb, /is not signed by/);
    await staging.delete(asc);
    await refused(inputs.deb, /is not signed by/);
  });

  it('is refused when an rpm is signed inside by another key of the key file', async () => {
    const { source, from } = inputs.rpm;
    const file = path.join(work, 'resigned.rpm');
    await fs.copyFile(path.join(from.bucket, source.key), file);
    await signRpm(file, other, EPOCH);
    const body = await fs.readFile(file);
    const key = source.key.replace(/pool\/.*/, 'pool/resigned.rpm');
    await staging.put(key, body);
    await staging.put(`${source.plain}.asc`, await theirs.detach(body));
    const { createHash } = await import('node:crypto');
    const sha256 = createHash('sha256').update(body).digest('hex');
    await refused(
      { ...inputs.rpm, source: { ...source, key, sha256, size: body.length } },
      /\(inside of the rpm\) is not signed by/,
    );
  });

  it('is refused when its bytes are not those of its digest, or an rpm is another package', async () => {
    const { source } = inputs.deb;
    await staging.put(source.key.replace(/pool\/.*/, 'pool/swapped'), Buffer.alloc(source.size, 'x'));
    const swapped = { ...source, key: source.key.replace(/pool\/.*/, 'pool/swapped') };
    await refused({ ...inputs.deb, source: swapped }, /does not have the digest that was agreed to/);
    const another = { ...inputs.rpm.source, identity: `${'0'.repeat(64)}:${'0'.repeat(64)}` };
    await refused({ ...inputs.rpm, source: another }, /has another header or payload than was agreed to/);
  });

  it('that is published here does without the other stack, also when this stack changes its key', async () => {
    const [oneDeb, oneRpm] = [
      (await promotedPackage.create(inputs.deb)).outs,
      (await promotedPackage.create(inputs.rpm)).outs,
    ];
    for (const key of await staging.list('')) await staging.delete(key);
    const later = { expectedKey: 'B'.repeat(40), isPublished: true };
    assert.deepEqual(
      promotedPackage.diff({ ...inputs.deb, ...oneDeb }, { ...inputs.deb, ...later }).changes,
      [],
    );
    const { fingerprint } = await createLocalKey({ home: path.join(work, 'next'), uid: 'Next' });
    const signing = { home: path.join(work, 'next'), fingerprint, setting: 'test:key' };
    const news = { ...inputs.rpm, ...later, signing };
    assert.deepEqual(promotedPackage.diff({ ...inputs.rpm, ...oneRpm }, news).changes, ['signing']);
    const signed = await promotedPackage.update({ ...inputs.rpm, ...oneRpm }, news);
    const inside = await rpmSignature(path.join(inputs.rpm.bucket, signed.key));
    const next = await openSigner({ home: signing.home, setting: 'test:key' });
    assert.deepEqual(await signersOf(inside!.signed, inside!.packet, await next.keyring()), [fingerprint]);
    assert.equal(signed.identity, inputs.rpm.source.identity);
    const moved = await promotedPackage.update(
      { ...inputs.deb, ...oneDeb },
      { ...inputs.deb, ...later, prefix: 'build/prod/other' },
    );
    assert.equal(moved.sha256, oneDeb.sha256);
    assert.equal((await openStore(inputs.deb.bucket).head(moved.key))?.sha256, oneDeb.sha256);
  });

  describe('with documents beside it', () => {
    const told = (one: { fileName: string; sha256: string }) =>
      statementText(
        provenance(
          {
            ...{
              builder: 'https://example.org/b',
              version: '1.0.0',
              commit: 'abc',
              epoch: EPOCH,
              images: {},
            },
            build: { source: '', extra: {}, libraries: 'bundled', cmakeArgs: [], inputs: {} },
          },
          { artifact: 'sample', name: one.fileName, sha256: one.sha256 },
          '',
        ),
      );
    const sbomOf = ({ fileName, sha256: file, identity }: RecordedPackage) =>
      sbomText(
        spdxDocument(
          {},
          {
            ...{ name: fileName, version: '1.0.0', kind: 'package', epoch: EPOCH, product },
            ...(identity === '' ? { identity: file, sha256: file } : { identity }),
          },
        ),
      );
    /** Publishes documents of a package as the other stack does, and tells of them in its record. */
    async function withStatements(
      of: PromotedPackageInputs,
      signer = theirs,
      sbom = sbomOf(of.source),
    ): Promise<PromotedPackageInputs> {
      const texts = { 'spdx.json': sbom, 'provenance.json': told(of.source) };
      const statements: NonNullable<RecordedPackage['statements']> = {};
      for (const [document, text] of Object.entries(texts)) {
        const body = Buffer.from(text);
        statements[document] = { sha256: sha256(body), size: body.length };
        const keys = statementKeys(of.source, document, sha256(body));
        await staging.put(keys.key, body);
        await staging.put(keys.plain, body);
        await staging.put(`${keys.plain}.asc`, await signer.detach(body));
      }
      return { ...of, source: { ...of.source, statements } };
    }
    const texts = async (of: PromotedPackageInputs, { statements }: { statements: Statement[] }) =>
      Promise.all(
        statements.map(async ({ document, key }) => [
          document,
          (await openStore(of.bucket).get(key))?.body.toString(),
        ]),
      );

    it('comes with them; those of an rpm that is signed anew name the new file', async () => {
      const one = await withStatements(inputs.deb);
      const { outs } = await promotedPackage.create(one);
      assert.deepEqual(await texts(one, outs), [
        ['spdx.json', sbomOf(one.source)],
        ['provenance.json', told(one.source)],
      ]);
      const two = await withStatements(inputs.rpm);
      const { outs: signed } = await promotedPackage.create(two);
      assert.notEqual(signed.sha256, two.source.sha256);
      assert.deepEqual(await texts(two, signed), [
        ['spdx.json', sbomOf(two.source)],
        ['provenance.json', told({ ...two.source, sha256: signed.sha256 })],
      ]);
      const own = { ...two, isPublished: true };
      for (const key of await staging.list('')) await staging.delete(key);
      assert.deepEqual(await promotedPackage.update({ ...two, ...signed }, own), signed);
    });

    it('comes without any where the other stack has none, as from before there were some', async () => {
      assert.deepEqual((await promotedPackage.create(inputs.deb)).outs.statements, []);
    });

    it('is refused when one of them is gone, edited, of another key, or of another file', async () => {
      const signedByOther = await withStatements(inputs.deb, other);
      await refused(signedByOther, /\.spdx\.json is not signed by [0-9A-F]{40}, the key that staging/);
      const { deb, rpm } = inputs;
      const sboms = [
        { of: deb, sbom: sbomOf(rpm.source) },
        { of: deb, sbom: sbomOf({ ...deb.source, sha256: '0'.repeat(64) }) },
        { of: deb, sbom: sbomOf({ ...deb.source, fileName: 'sample-0.9.0-amd64.deb' }) },
        { of: rpm, sbom: sbomOf({ ...rpm.source, identity: `${'0'.repeat(64)}:${'1'.repeat(64)}` }) },
        { of: rpm, sbom: '{"spdx":1}\n' },
      ];
      for (const { of, sbom } of sboms)
        await refused(
          await withStatements(of, theirs, sbom),
          /\.spdx\.json tells of another file than sample-/,
        );
      const good = await withStatements(inputs.deb);
      const { key, plain } = statementKeys(
        good.source,
        'provenance.json',
        good.source.statements!['provenance.json'].sha256,
      );
      const body = (await staging.get(key))!.body;
      await staging.put(key, Buffer.from('edited'));
      await refused(good, /\.provenance\.json is missing or not what was agreed to/);
      await staging.delete(key);
      await refused(good, /\.provenance\.json is missing or not what was agreed to/);
      const others = Buffer.from(withSubject(body.toString(), '0'.repeat(64)));
      const keys = statementKeys(good.source, 'provenance.json', sha256(others));
      await staging.put(keys.key, others);
      await staging.put(`${plain}.asc`, await theirs.detach(others));
      const statements = {
        ...good.source.statements,
        'provenance.json': { sha256: sha256(others), size: others.length },
      };
      await refused(
        { ...good, source: { ...good.source, statements } },
        /tells of another file than sample-1\.0\.0-amd64\.deb/,
      );
    });
  });

  it('is missed by a preview already, until it is published here', async () => {
    await staging.delete(inputs.deb.source.key);
    await assert.rejects(
      Promise.resolve(promotedPackage.check!(inputs.deb, undefined)),
      /of staging is missing or damaged; repair it there/,
    );
    await assert.rejects(Promise.resolve(promotedPackage.check!(inputs.deb, inputs.deb)), /is missing/);
    await updateLedger(inputs.deb.bucket, 'release', (ledger) => {
      ledger.releases['1.0.0'] = { stack: 'prod', images: {}, tags: [], manifests: [] };
    });
    const published = { ...inputs.deb, isPublished: true };
    assert.deepEqual(await promotedPackage.check!(inputs.deb, inputs.deb), published);
    const before = { ...inputs.deb.source, size: 1 };
    await assert.rejects(
      Promise.resolve(promotedPackage.check!(published, { ...inputs.deb, source: before })),
      /is missing/,
    );
  });
});
