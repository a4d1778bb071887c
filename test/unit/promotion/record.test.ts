import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { proposal, withRelease } from '../../../cli/propose';
import { pinOf, ReleaseRecord, unlike, unproved } from '../../../provider/promotion/record';
import { updateLedger } from '../../../provider/ledger';
import { promotion } from '../../../provider/resources/promotion';

const hex = (digit: string) => digit.repeat(64);
const packageOf = (digit: string, identity = '') => ({
  fileName: `sample-${digit}`,
  key: `pool/${hex(digit)}/sample-${digit}`,
  plain: `sample-${digit}`,
  sha256: hex(digit),
  size: 1,
  identity,
  proved: hex(digit),
});
const record: ReleaseRecord = {
  format: 1,
  version: '1.0.0',
  commit: 'abc',
  epoch: 1589302426,
  bucket: '/bucket',
  publicKey: 'packages/key.asc',
  signingKey: 'A'.repeat(40),
  packages: { rpm: packageOf('2', `${hex('3')}:${hex('4')}`), deb: packageOf('1') },
  images: { sample: { repository: 'registry/sample', digest: `sha256:${hex('5')}` } },
  gates: { deb: [hex('1')], rpm: [hex('2')], 'image-sample': [`sha256:${hex('5')}`] },
};
const pinned = pinOf(record);

describe('a release that is to be promoted', () => {
  it('is pinned by the bytes of a file, by header and payload of an rpm, and by the digest of an image', () => {
    assert.deepEqual(pinned, {
      version: '1.0.0',
      commit: 'abc',
      packages: { deb: hex('1'), rpm: `${hex('3')}:${hex('4')}` },
      images: { sample: `sha256:${hex('5')}` },
    });
  });

  it('is unlike what was agreed to where a digest, a name or the version differs', () => {
    assert.deepEqual(unlike(pinned, record), []);
    const other = {
      ...record,
      version: '1.0.1',
      packages: { deb: packageOf('6'), extra: packageOf('7') },
      images: {},
    };
    assert.deepEqual(unlike(pinned, other), [
      'version is 1.0.1, agreed was 1.0.0',
      `package deb is ${hex('6')}, agreed was ${hex('1')}`,
      `package extra is ${hex('7')}, agreed was none`,
      `package rpm is not there, agreed was ${hex('3')}:${hex('4')}`,
      `image sample is not there, agreed was sha256:${hex('5')}`,
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
    assert.deepEqual(
      unproved({ ...record, gates: { ...record.gates, 'floor-deb': [hex('1')] } }, ['deb']),
      [],
    );
  });

  it('is left as it is once it is published here, whatever the other stack does next', async () => {
    const bucket = await fs.mkdtemp(path.join(os.tmpdir(), 'promotion-'));
    try {
      const place = { bucket, channel: 'release', stack: 'prod' };
      const key = { expectedKey: 'A'.repeat(40), namespace: 'sample' };
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
      const checked = (await check({})) as unknown as { record: unknown; isPublished: boolean };
      assert.deepEqual([checked.record, checked.isPublished], [record, true]);
      await assert.rejects(check({}, null), 'another state knows nothing of it');
      await assert.rejects(check({ pinned: { ...pinned, version: '1.1.0' } }));
      await assert.rejects(check({ stack: 'other' }));
    } finally {
      await fs.rm(bucket, { recursive: true });
    }
  });

  it('is refused by check with a reason that names the setting, before anything is touched', async () => {
    const floors: string[] = [];
    const key = { expectedKey: 'A'.repeat(40), namespace: 'sample' };
    const place = { bucket: '/nowhere', channel: 'release', stack: 'prod' };
    const inputs = { from: 'staging', record, pinned, floors, ...key, ...place };
    const check = (more: object) => promotion.check!({ ...inputs, ...more }, undefined);
    await check({});
    for (const [more, message] of [
      [{ record: undefined }, /^sample:from: the stack staging has no release/],
      [{ pinned: { ...pinned, commit: 'def' } }, /^sample:release: .* commit is abc, agreed was def\./],
      [
        { expectedKey: 'B'.repeat(40) },
        /^sample:expectedKey: the stack staging signs with A{40}, expected was B{40}/,
      ],
      [
        { record: { ...record, gates: {} } },
        /^sample:from: .* published without a gate: package rpm, package deb, image sample/,
      ],
    ] as const)
      await assert.rejects(Promise.resolve(check(more)), { message });
  });
});

describe('npm run propose', () => {
  const file = [
    '# Releases.',
    'config:',
    '  falco:program: promotion # not built here',
    '  falco:immutable: true',
    '',
  ].join('\n');

  it('writes the release into the stack file and leaves comments and settings as they are', () => {
    const { text, before } = withRelease(file, 'staging', pinned, record.signingKey);
    assert.deepEqual(before, {});
    assert.match(
      text,
      /^# Releases\.\nconfig:\n {2}falco:program: promotion # not built here\n {2}falco:immutable: true\n/,
    );
    assert.match(text, new RegExp(`^ {2}falco:expectedKey: ${record.signingKey}$`, 'm'));
    assert.match(text, new RegExp(`^ {6}deb: "${hex('1')}"$`, 'm'), 'a number in YAML would be another text');
    const again = withRelease(text, 'staging', pinned, 'B'.repeat(40));
    assert.equal(again.text, text, 'a key that is expected already is not replaced');
    assert.deepEqual(again.before, pinned);
  });

  it('says what a reviewer will see', () => {
    assert.deepEqual(proposal({}, pinned), [
      'version none => 1.0.0',
      'commit none => abc',
      '  + package deb 111111111111',
      '  + package rpm 333333333333',
      '  + image sample 555555555555',
    ]);
    const after = { ...pinned, version: '1.0.1', packages: { deb: hex('6') } };
    assert.deepEqual(proposal(pinned, after), [
      'version 1.0.0 => 1.0.1',
      'commit abc',
      '  ~ package deb 111111111111 => 666666666666',
      '  - package rpm 333333333333',
    ]);
    assert.deepEqual(proposal(pinned, pinned), [
      'version 1.0.0',
      'commit abc',
      '  the same packages and images',
    ]);
  });
});
