import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { pinOf, unlike, unproved, untold } from '../../../provider/promotion/record';
import { updateLedger } from '../../../provider/ledger';
import { promotion } from '../../../provider/resources/promotion';
import { cosignFingerprint, hex, packageOf, record } from './sampleRecord';

const pinned = pinOf(record);

describe('a release that is to be promoted', () => {
  it('is pinned by the bytes of a file, by header and payload of an rpm, and by the digest of an image', () => {
    assert.deepEqual(pinned, {
      version: '1.0.0',
      commit: 'abc',
      packages: { deb: hex('1'), rpm: `${hex('3')}:${hex('4')}` },
      images: { sample: `sha256:${hex('5')}` },
      systems: { base: `sha256:${hex('a')}` },
    });
  });

  it('is unlike what was agreed to where a digest, a name or the version differs', () => {
    assert.deepEqual(unlike(pinned, record), []);
    const other = {
      ...record,
      version: '1.0.1',
      packages: { deb: packageOf('6'), extra: packageOf('7') },
      images: {},
      systems: {},
    };
    assert.deepEqual(unlike(pinned, other), [
      'version is 1.0.1, agreed was 1.0.0',
      `package deb is ${hex('6')}, agreed was ${hex('1')}`,
      `package extra is ${hex('7')}, agreed was none`,
      `package rpm is not there, agreed was ${hex('3')}:${hex('4')}`,
      `image sample is not there, agreed was sha256:${hex('5')}`,
      `system base is not there, agreed was sha256:${hex('a')}`,
    ]);
  });

  it('is equal under another signature of an rpm', () => {
    const resigned = { ...record.packages.rpm, sha256: hex('9'), proved: hex('2') };
    assert.deepEqual(unlike(pinned, { ...record, packages: { ...record.packages, rpm: resigned } }), []);
  });

  it('is unproved where no gate looked at the very file or image first', () => {
    assert.deepEqual(unproved(record), []);
    assert.deepEqual(unproved({ ...record, gates: { deb: [hex('8'), hex('1')] } }), [
      'package rpm',
      'package deb',
      'image sample',
    ]);
    const others = { other: [hex('1')], 'floor-rpm': [hex('2')], sample: [`sha256:${hex('5')}`] };
    assert.deepEqual(unproved({ ...record, gates: others }), ['package rpm', 'package deb', 'image sample']);
    assert.deepEqual(unproved(record, ['deb']), ['package deb']);
    const unsigned = { ...record.gates, 'signature-sample': [] };
    assert.deepEqual(unproved({ ...record, gates: unsigned }), ['image sample']);
    assert.deepEqual(unproved({ ...record, gates: unsigned, cosignKey: undefined }), []);
    assert.deepEqual(
      unproved({ ...record, gates: { ...record.gates, 'floor-deb': [hex('1')] } }, ['deb']),
      [],
    );
  });

  it('is untold where a package has no SBOM or no provenance beside it', () => {
    const { deb, rpm } = record.packages;
    const { statements, ...bare } = rpm;
    const half = { 'spdx.json': statements!['spdx.json'] };
    assert.deepEqual(untold(record), []);
    assert.deepEqual(untold({ ...record, packages: { deb: { ...deb, statements: half }, rpm: bare } }), [
      'deb',
      'rpm',
    ]);
  });

  it('is left as it is once it is published here, whatever the other stack does next', async () => {
    const bucket = await fs.mkdtemp(path.join(os.tmpdir(), 'promotion-'));
    try {
      const place = { bucket, channel: 'release', stack: 'prod' };
      const key = { expectedKey: 'A'.repeat(40), expectedCosignKey: cosignFingerprint, namespace: 'sample' };
      const inputs = { from: 'staging', record, pinned, floors: [], ...key, ...place };
      const next = { ...record, version: '1.1.0', signingKey: 'B'.repeat(40), gates: {} };
      const check = (news: object, olds: object | null = inputs) =>
        promotion.check!({ ...inputs, record: next, ...news }, (olds ?? undefined) as never);
      await assert.rejects(
        check({}),
        /does not have what was agreed to/,
        'it was copied, and is not published',
      );
      const images = {};
      await updateLedger(bucket, 'release', (ledger) => {
        ledger.releases['1.0.0'] = { stack: 'prod', images, tags: [], manifests: [] };
      });
      const checked = (await check({})) as unknown as { record: unknown };
      assert.deepEqual(checked.record, record);
      const another = (await check({ expectedKey: 'B'.repeat(40) })) as unknown as { record: unknown };
      assert.deepEqual(another.record, record, 'a new key of the other stack is for what is agreed to next');
      const unsigned = { ...record };
      delete unsigned.cosignKey;
      const unset = { expectedCosignKey: undefined };
      const before = { ...inputs, ...unset, record: unsigned };
      const old = (await check(unset, before)) as unknown as { record: unknown };
      assert.deepEqual(old.record, unsigned, 'published before images were signed, and with no key of them');
      assert.deepEqual(promotion.diff(before, { ...before, ...old } as never), { changes: [] });
      await assert.rejects(check({}, null), 'another state knows nothing of it');
      await assert.rejects(check({ pinned: { ...pinned, version: '1.1.0' } }));
      await assert.rejects(check({ stack: 'other' }));
    } finally {
      await fs.rm(bucket, { recursive: true });
    }
  });

  it('is refused by check with a reason that names the setting, before anything is touched', async () => {
    const floors: string[] = [];
    const key = { expectedKey: 'A'.repeat(40), expectedCosignKey: cosignFingerprint, namespace: 'sample' };
    const place = { bucket: '/nowhere', channel: 'release', stack: 'prod' };
    // Whether systems are still there and images are signed, the registry is asked: test/engine/promotion.test.ts.
    const stored = { ...record, systems: {}, images: {} };
    const agreed = pinOf(stored);
    const { packages } = stored;
    const inputs = { from: 'staging', record: stored, pinned: agreed, floors, ...key, ...place };
    const check = (more: object) => promotion.check!({ ...inputs, ...more }, undefined);
    await check({});
    for (const [more, message] of [
      [{ record: undefined }, /^sample:from: the stack staging has no release/],
      [{ pinned: { ...agreed, commit: 'def' } }, /^sample:release: .* commit is abc, agreed was def\./],
      [
        { expectedKey: 'B'.repeat(40) },
        /^sample:expectedKey: the stack staging signs with A{40}, expected was B{40}/,
      ],
      [
        { record: { ...stored, gates: {} } },
        /^sample:from: .* published without a gate: package rpm, package deb; publish/,
      ],
      [
        { record: { ...stored, packages: { ...packages, deb: { ...packages.deb, statements: undefined } } } },
        /^sample:from: .* published without SBOM or provenance: package deb; publish it there again/,
      ],
      [
        { record: { ...stored, cosignKey: undefined } },
        /^sample:expectedCosignKey: the stack staging has published 1\.0\.0 without signatures of its images; publish it there again/,
      ],
      [
        { expectedCosignKey: undefined },
        /^sample:expectedCosignKey: is not set, and 1\.0\.0 is not out yet: npm run propose -- --stack prod$/,
      ],
      [
        { expectedCosignKey: 'b'.repeat(64) },
        /^sample:expectedCosignKey: the stack staging signs images with f73beb45[0-9a-f]{56}, expected was b{64}: find out who/,
      ],
    ] as const)
      await assert.rejects(Promise.resolve(check(more)), { message });
  });
});
