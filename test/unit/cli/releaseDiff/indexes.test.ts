import assert from 'node:assert/strict';
import { indexChanges } from '../../../../cli/releaseDiff/indexes';
import { keyChanges } from '../../../../cli/releaseDiff/keys';
import { seen, sha, Step, UNKNOWN } from './previewed';

const state = {
  prefix: 'packages/deb',
  packages: [{ fileName: 'a-1.deb' }, { fileName: 'b-1.deb' }],
  latest: { 'a.deb': 'a-1.deb', 'b.deb': 'b-1.deb' },
  expired: [],
  rebuilt: {},
  withdrawn: [],
  problems: [],
  signing: { fingerprint: 'A' },
  indexKeys: [],
};
const nothing = {
  resource: 'repository-apt',
  kind: 'apt',
  prefix: { from: 'packages/deb', to: 'packages/deb' },
  status: 'changed',
  added: [],
  rebuilt: [],
  kept: [],
  expired: [],
  latest: [],
  withdrawn: [],
  restored: [],
  problems: [],
  isSignedAnew: false,
  unknown: [],
};
const change = (step: Step) => indexChanges(seen({ 'AptRepository::repository-apt': step }));
const to = (after: object, old: object = {}) =>
  change({ old: { ...state, ...old }, new: { ...state, ...after } });

describe('indexes of a release diff', () => {
  it('say which files come, which unversioned names move, and which version is withdrawn', () => {
    const after = {
      packages: [{ fileName: 'a-2.deb', aliases: ['a-2-x.deb'] }, { fileName: 'b-1.deb' }],
      latest: { 'a.deb': 'a-2.deb', 'c.deb': 'c-1.deb' },
      withdrawn: ['1'],
    };
    assert.deepEqual(to(after, { withdrawn: ['0'] }), [
      {
        ...nothing,
        added: [{ file: 'a-2.deb', aliases: ['a-2-x.deb'] }],
        latest: [
          { name: 'a.deb', from: 'a-1.deb', to: 'a-2.deb' },
          { name: 'b.deb', from: 'b-1.deb', to: undefined },
          { name: 'c.deb', from: undefined, to: 'c-1.deb' },
        ],
        withdrawn: ['1'],
        restored: ['0'],
      },
    ]);
  });

  it('say which files get other bytes, with a digest only where there is one, and which are taken away', () => {
    const rebuilt = { 'b-1.deb': `${sha('1')} => ${sha('2')}`, 'a-1.deb': `${sha('3')} => to be built` };
    assert.deepEqual(to({ rebuilt, expired: ['z-0.deb', 'y-0.deb'] }), [
      {
        ...nothing,
        rebuilt: [
          { file: 'a-1.deb', from: sha('3'), to: undefined },
          { file: 'b-1.deb', from: sha('1'), to: sha('2') },
        ],
        expired: ['y-0.deb', 'z-0.deb'],
      },
    ]);
  });

  it('add no file that was out before, of a version before the last', () => {
    const rebuilt = { 'a-0.deb': `${sha('1')} => to be built` };
    assert.deepEqual(to({ rebuilt, packages: [{ fileName: 'a-0.deb' }, { fileName: 'b-0.deb' }] }), [
      {
        ...nothing,
        added: [{ file: 'b-0.deb', aliases: [] }],
        rebuilt: [{ file: 'a-0.deb', from: sha('1'), to: undefined }],
      },
    ]);
  });

  it('keep the published file where another signature is all that differs', () => {
    const rebuilt = { 'a-1.deb': `${sha('1')} => to be built`, 'b-1.deb': `${sha('2')} => to be built` };
    const resources = seen({
      'AptRepository::repository-apt': { old: state, new: { ...state, rebuilt } },
    });
    assert.deepEqual(indexChanges(resources, ['b-1.deb']), [
      { ...nothing, rebuilt: [{ file: 'a-1.deb', from: sha('1'), to: undefined }], kept: ['b-1.deb'] },
    ]);
  });

  it('say what a refresh found, that other keys sign, and what is not known yet', () => {
    assert.deepEqual(to({}, { problems: ['x is missing'] }), [{ ...nothing, problems: ['x is missing'] }]);
    assert.deepEqual(to({ signing: { fingerprint: 'B' } }), [{ ...nothing, isSignedAnew: true }]);
    assert.deepEqual(to({ indexKeys: ['B'] }), [{ ...nothing, isSignedAnew: true }]);
    assert.deepEqual(to({ latest: UNKNOWN, expired: UNKNOWN }), [
      { ...nothing, unknown: ['latest', 'expired'] },
    ]);
  });

  it('that stay are not spoken of; one that goes says so and nothing else', () => {
    assert.deepEqual(change({ op: 'same', old: state, new: state }), []);
    const problems = ['x'];
    assert.deepEqual(change({ op: 'delete', old: { ...state, problems } }), [
      { ...nothing, prefix: { from: 'packages/deb', to: undefined }, status: 'removed' },
    ]);
  });
});

describe('keys of a release diff', () => {
  const key = (fingerprint: string, indexKeys: string[], publishedKeys: string[]) => ({
    fingerprint,
    indexKeys,
    publishedKeys,
  });

  it('are the one that signs, those that sign indexes, and those that repositories publish', () => {
    const found = keyChanges(
      seen({
        'SigningKey::signing-key': { old: key('A', ['D'], []), new: key('B', ['A'], []) },
        'YumRepository::repository-yum': { old: { publishedKeys: ['C'] }, new: { publishedKeys: ['A'] } },
      }),
    );
    assert.deepEqual(found, {
      signing: { from: 'A', to: 'B' },
      index: { added: ['A'], removed: ['D'] },
      published: { added: ['A'], removed: ['C'] },
    });
  });

  it('that is still to be made has no fingerprint', () => {
    const found = keyChanges(seen({ 'SigningKey::signing-key': { op: 'create', new: { indexKeys: [] } } }));
    assert.deepEqual(found, {
      index: { added: [], removed: [] },
      published: { added: [], removed: [] },
      signing: { from: undefined, to: undefined },
    });
  });
});
