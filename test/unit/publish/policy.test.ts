import * as assert from 'node:assert/strict';
import { downloadsPage } from '../../../provider/formats/downloadsPage';
import { newestRelease, withWithdrawn } from '../../../provider/ledger';
import { applyPolicy, expiredVersions } from '../../../provider/publish/policy';
import { expiredReleases } from '../../../provider/resources/release';
import { planned } from '../../../provider/resources/repository';

const entry = (version: string, stack = 'mine', withdrawn?: boolean) => ({
  name: 'sample',
  fileName: `sample-${version}.deb`,
  version,
  stack,
  latestAliases: ['sample.deb'],
  sha256: version,
  size: 1,
  ...(withdrawn && { withdrawn }),
});
const versionsOf = (entries: { version: string }[]) => entries.map(({ version }) => version);

describe('what becomes of earlier releases', () => {
  it('withdraws versions of the own stack, and takes those off the list back in', () => {
    const before = [entry('1.0.0', 'mine', true), entry('1.1.0'), entry('1.1.0', 'other')];
    assert.deepEqual(applyPolicy(before, { stack: 'mine', withdrawn: ['1.1.0'] }), [
      entry('1.0.0'),
      entry('1.1.0', 'mine', true),
      entry('1.1.0', 'other'),
    ]);
  });

  it('keeps the newest versions by number, of the own stack alone', () => {
    const all = [entry('1.9.0'), entry('1.10.0'), entry('1.2.0'), entry('1.1.0', 'other')];
    assert.deepEqual(expiredVersions(all, { stack: 'mine', keep: 2 }), ['1.2.0']);
    assert.deepEqual(versionsOf(applyPolicy(all, { stack: 'mine', keep: 2 })), ['1.9.0', '1.10.0', '1.1.0']);
    assert.deepEqual(expiredVersions(all, { stack: 'mine' }), []);
  });

  it('never lets a version expire that an unversioned name stands for', () => {
    const all = [entry('1.0.0'), entry('1.1.0-rc1'), entry('1.1.0-rc2')];
    assert.deepEqual(expiredVersions(all, { stack: 'mine', keep: 1 }), ['1.1.0-rc1']);
  });

  it('never lets the version expire that is being published, however old', () => {
    const all = [entry('1.0.0-2'), entry('1.0.0-1')];
    assert.deepEqual(expiredVersions(all, { stack: 'mine', keep: 1, current: '1.0.0-1' }), []);
  });

  it('is planned before anything is built', () => {
    const file = (version: string, sha256: string) => ({
      ...entry(version),
      aliases: [],
      key: '',
      sha256,
    });
    const listed = [entry('1.0.0'), entry('1.1.0')];
    const common = { stack: 'mine', withdrawn: [], keep: 0 };
    assert.deepEqual(planned(listed, { ...common, packages: [file('1.2.0', '')] }), {
      latest: { 'sample.deb': 'sample-1.2.0.deb' },
      expired: [],
      rebuilt: {},
    });
    assert.deepEqual(
      planned(listed, { ...common, keep: 1, packages: [file('1.1.0', '')], withdrawn: ['1.1.0'] }),
      {
        latest: { 'sample.deb': 'sample-1.0.0.deb' },
        expired: [],
        rebuilt: { 'sample-1.1.0.deb': '1.1.0 => to be built' },
      },
    );
    assert.deepEqual(planned(listed, { ...common, keep: 1, packages: [file('1.1.0', '1.1.0')] }), {
      latest: { 'sample.deb': 'sample-1.1.0.deb' },
      expired: ['sample-1.0.0.deb'],
      rebuilt: {},
    });
  });
});

describe('the ledger', () => {
  const release = (stack: string, withdrawn?: boolean) => ({
    stack,
    images: {},
    tags: [],
    manifests: [],
    ...(withdrawn && { withdrawn }),
  });

  it('gives latest to the newest release that is neither a candidate nor withdrawn', () => {
    assert.equal(
      newestRelease({ '1.9.0': {}, '1.10.0': {}, '1.11.0-rc1': {}, '1.12.0': { withdrawn: true } }),
      '1.10.0',
    );
    assert.equal(newestRelease({ '1.0.0-rc1': {}, '0.9.0': { withdrawn: true } }), undefined);
  });

  it("marks the own stack's releases by its list and leaves others as they are", () => {
    const releases = {
      '1.0.0': release('mine', true),
      '1.1.0': release('mine'),
      '1.2.0': release('other', true),
    };
    assert.deepEqual(withWithdrawn({ format: 1, releases }, 'mine', ['1.1.0', '1.2.0']), {
      '1.0.0': release('mine'),
      '1.1.0': release('mine', true),
      '1.2.0': release('other', true),
    });
  });

  it('lets the oldest of the own releases expire, counting the one that comes', () => {
    const releases = { '1.0.0': release('mine'), '1.1.0': release('mine'), '0.9.0': release('other') };
    const coming = { stack: 'mine', version: '1.2.0' };
    assert.deepEqual(expiredReleases(releases, { ...coming, keep: 0 }), []);
    assert.deepEqual(expiredReleases(releases, { ...coming, keep: 3 }), []);
    assert.deepEqual(expiredReleases(releases, { ...coming, keep: 1 }), ['1.1.0', '1.0.0']);
  });
});

describe('the page of the downloads', () => {
  it('marks a withdrawn release, and says how to get the newest', () => {
    const row = (version: string, withdrawn?: boolean) => ({
      ...entry(version, 'mine', withdrawn),
      fileName: `sample-${version}.tar.gz`,
      aliases: [],
      date: '2026-01-02',
    });
    const text = downloadsPage({
      title: 'Sample',
      entries: [row('1.0.0'), row('1.1.0', true)],
      latest: new Map([['sample.tar.gz', 'sample-1.0.0.tar.gz']]),
      publicKey: 'packages/sample.asc',
      fingerprint: 'A'.repeat(40),
      prefix: 'packages/bin',
      url: 'https://packages.example.org',
    });
    assert.match(text, /<h2>1\.1\.0<\/h2>\n<p><strong>Withdrawn\.<\/strong>[^]*<h2>1\.0\.0<\/h2>\n<ul>/);
    assert.match(
      text,
      /curl -fsSLO https:\/\/packages\.example\.org\/packages\/bin\/sample\.tar\.gz {2}# check it, then tar -xzf sample\.tar\.gz/,
    );
  });
});
