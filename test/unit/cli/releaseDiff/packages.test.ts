import assert from 'node:assert/strict';
import { packageChanges } from '../../../../cli/releaseDiff/packages';
import { seen, sha, UNKNOWN } from './previewed';

const before = {
  fileName: 'a-1.deb',
  version: '1',
  sha256: sha('1'),
  recipe: 'r',
  parts: { rules: 'x', binary: 'b' },
};

describe('packages of a release diff', () => {
  it('of a new version are new files, which no digest is known of', () => {
    const after = { fileName: 'a-2.deb', version: '2', recipe: 'r', parts: UNKNOWN };
    assert.deepEqual(packageChanges(seen({ 'Package::package-a': { old: before, new: after } })), [
      {
        resource: 'package-a',
        status: 'new',
        file: 'a-2.deb',
        version: { from: '1', to: '2' },
        sha256: { from: undefined, to: undefined },
        isPromoted: false,
        because: ['version'],
      },
    ]);
  });

  it('of a version before the last, which is out, are rebuilt, not new', () => {
    const rebuilt = { 'a-1.deb': `${sha('1')} => to be built` };
    const now = { ...before, fileName: 'a-2.deb', version: '2', sha256: sha('2') };
    const [row] = packageChanges(
      seen({
        'Package::package-a': { old: now, new: { ...before, sha256: undefined } },
        'AptRepository::apt': { old: {}, new: { packages: [{ fileName: 'a-1.deb' }], rebuilt } },
      }),
    );
    assert.deepEqual(
      [row?.status, row?.file, row?.version, row?.sha256],
      ['rebuilt', 'a-1.deb', { from: '2', to: '1' }, { from: sha('1'), to: undefined }],
    );
  });

  it('of the same version are rebuilt, with the reasons', () => {
    const after = { ...before, sha256: undefined, recipe: 's', parts: { rules: 'y', binary: 'b' } };
    const [row] = packageChanges(seen({ 'Package::package-a': { old: before, new: after } }));
    assert.deepEqual(row, {
      resource: 'package-a',
      status: 'rebuilt',
      file: 'a-1.deb',
      version: { from: '1', to: '1' },
      sha256: { from: sha('1'), to: undefined },
      isPromoted: false,
      because: ['packaging', 'rules'],
    });
  });

  it('say contents where only the build knows, and the signing key where it is another', () => {
    const signed = (fingerprint: string) => ({ ...before, signing: { fingerprint } });
    const changed = (old: object, after: object) =>
      packageChanges(seen({ 'Package::a': { old: { ...old }, new: { ...after } } })).map((row) => [
        row.status,
        ...row.because,
      ]);
    assert.deepEqual(changed(before, { ...before, parts: UNKNOWN }), [['rebuilt', 'contents']]);
    assert.deepEqual(changed(signed('A'), signed('B')), [['signed anew', 'signing key']]);
    assert.deepEqual(changed(signed('A'), { ...signed(UNKNOWN), recipe: 's' }), [
      ['rebuilt', 'packaging', 'signing key'],
    ]);
  });

  it('that a repository has listed are lost ones, made again', () => {
    const rows = packageChanges(
      seen({
        'Package::package-a': { op: 'create', new: { fileName: 'a-1.deb', version: '1' } },
        'Package::package-b': { op: 'create', new: { fileName: 'b-1.deb', version: '1' } },
        'AptRepository::repository-apt': {
          op: 'same',
          old: { packages: [{ fileName: 'a-1.deb' }] },
          new: {},
        },
      }),
    );
    assert.deepEqual(
      rows.map(({ file, status, because }) => [file, status, because]),
      [
        ['a-1.deb', 'again', []],
        ['b-1.deb', 'new', []],
      ],
    );
  });

  it('that are taken over have the digest that they have there; an rpm is signed anew', () => {
    const promoted = (more: object) =>
      seen({
        'PromotedPackage::package-a': {
          op: 'create',
          new: { fileName: 'a-1', version: '1', source: { sha256: sha('7') }, ...more },
        },
      });
    const shown = (more: object) =>
      packageChanges(promoted(more)).map(({ sha256, isPromoted }) => [sha256.to, isPromoted]);
    assert.deepEqual(shown({}), [[sha('7'), true]]);
    assert.deepEqual(shown({ signing: { fingerprint: 'A' } }), [[undefined, true]]);
  });

  it('that are no longer made are left out; what stays is not spoken of', () => {
    const rows = packageChanges(
      seen({
        'Package::package-a': { op: 'delete', old: before },
        'Package::package-b': { op: 'same', old: before, new: before },
      }),
    );
    assert.deepEqual(rows, [
      {
        resource: 'package-a',
        status: 'left out',
        file: 'a-1.deb',
        version: { from: '1', to: undefined },
        sha256: { from: sha('1'), to: undefined },
        isPromoted: false,
        because: [],
      },
    ]);
  });
});
