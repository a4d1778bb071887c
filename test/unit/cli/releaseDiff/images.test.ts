import assert from 'node:assert/strict';
import { imageChanges, latestStays, tagChanges } from '../../../../cli/releaseDiff/images';
import { seen, sha, Step, UNKNOWN } from './previewed';

const A = `sha256:${sha('a')}`;
const B = `sha256:${sha('b')}`;

describe('images of a release diff', () => {
  const image = (step: Step) => imageChanges(seen({ 'docker-build:index:Image::image-falco': step }));
  const named = (location: string) => ({
    named: { artifacts: { location }, base: { location: 'base' }, falco: { location } },
  });

  it('are rebuilt from a digest to one that nobody knows, with the reasons', () => {
    const step = {
      old: { digest: A, buildArgs: { VERSION: '1', USAGE: 'u', X: 1 }, context: named('a') },
      new: { buildArgs: { VERSION: '2', USAGE: 'u', X: 2 }, context: named(UNKNOWN) },
      diffs: ['buildArgs', 'contextHash'],
    };
    assert.deepEqual(image(step), [
      {
        resource: 'image-falco',
        kind: 'image',
        name: 'falco',
        status: 'rebuilt',
        digest: { from: A, to: undefined },
        because: ['Dockerfile', 'X', 'contents', 'image falco', 'version'],
      },
    ]);
  });

  it('that differ in something else name what the provider names', () => {
    const [row] = image({ old: { digest: A, buildArgs: {} }, new: { buildArgs: {} }, diffs: ['labels'] });
    assert.deepEqual(row?.because, ['labels']);
  });

  it('are new, or left out; bases and systems are told from images', () => {
    const rows = imageChanges(
      seen({
        'docker-build:index:Image::image-a': { op: 'create', new: {} },
        'docker-build:index:Image::image-b': { op: 'delete', old: { digest: A } },
        'Base::base-debian': { old: { digest: B, row: 1 }, new: { row: 2 } },
        'System::system-a': { old: { digest: A, from: 1, pinned: 1 }, new: { from: 2, pinned: 2 } },
        'docker-build:index:Image::image-c': { op: 'same', old: {}, new: {} },
      }),
    );
    assert.deepEqual(
      rows.map(({ kind, name, status, digest, because }) => [kind, name, status, digest.from, because]),
      [
        ['base', 'debian', 'rebuilt', B, ['base']],
        ['system', 'a', 'rebuilt', A, ['base', 'packages of the distribution']],
        ['image', 'a', 'new', undefined, []],
        ['image', 'b', 'left out', A, []],
      ],
    );
  });
});

describe('tags of a release diff', () => {
  const tag = (tag: string, digest: string, target: string, version: string) => ({
    repository: '127.0.0.1:5050/falcosecurity/falco',
    tag,
    digest,
    target,
    targetVersion: version,
    version,
  });
  const change = (step: Step) => tagChanges(seen({ 'Tag::tag-falco': step }));
  const row = { resource: 'tag-falco', registry: '127.0.0.1:5050' };

  it('of a new version are further ones', () => {
    assert.deepEqual(change({ old: tag('1', A, A, '1'), new: tag('2', UNKNOWN, UNKNOWN, '2') }), [
      { ...row, status: 'new', name: 'falcosecurity/falco:2', to: { digest: undefined, version: '2' } },
    ]);
  });

  it('move from a digest to a digest where it is known, and to one that is not where it is not', () => {
    const name = 'falcosecurity/falco:latest';
    const from = { digest: A, version: '1' };
    assert.deepEqual(change({ old: tag('latest', A, A, '1'), new: tag('latest', B, B, '2') }), [
      { ...row, status: 'moves', name, from, to: { digest: B, version: '2' } },
    ]);
    assert.deepEqual(change({ old: tag('latest', A, A, '1'), new: tag('latest', UNKNOWN, UNKNOWN, '1') }), [
      { ...row, status: 'moves', name, from, to: { digest: undefined, version: '1' } },
    ]);
  });

  it('of a release that is out are rebuilt, not moved; latest and master move', () => {
    const statusOf = (name: string, channel: string, newest: boolean) => {
      const [old, after] = [tag(name, A, A, '1'), tag(name, B, B, '1')];
      return change({ old: { ...old, channel, newest }, new: { ...after, channel, newest } })[0]?.status;
    };
    assert.equal(statusOf('1', 'release', false), 'rebuilt');
    assert.equal(statusOf('latest', 'release', true), 'moves');
    assert.equal(statusOf('master', 'master', false), 'moves');
  });

  it('that somebody moved or removed are put back', () => {
    const name = 'falcosecurity/falco:1';
    assert.deepEqual(change({ old: tag('1', A, B, '1'), new: tag('1', A, A, '1') }), [
      {
        ...row,
        status: 'put back',
        name,
        from: { digest: B, version: '1' },
        to: { digest: A, version: '1' },
      },
    ]);
    const lost = seen({
      'Tag::tag-falco': { op: 'create', new: tag('1', A, A, '1') },
      'Release::tag-ledger': {
        op: 'same',
        old: { tags: [{ repository: '127.0.0.1:5050/falcosecurity/falco', tag: '1' }] },
        new: {},
      },
    });
    assert.deepEqual(tagChanges(lost), [
      { ...row, status: 'put back', name, to: { digest: A, version: '1' } },
    ]);
  });

  it('that no release is left for are removed', () => {
    const removed = {
      ...row,
      status: 'removed',
      name: 'falcosecurity/falco:latest',
      from: { digest: A, version: '1' },
    };
    assert.deepEqual(change({ old: tag('latest', A, A, '1'), new: tag('latest', A, '', '') }), [removed]);
    assert.deepEqual(change({ op: 'delete', old: tag('latest', A, A, '1') }), [removed]);
  });

  it('of a registry without a port or dot have no host', () => {
    const old = { ...tag('1', A, A, '1'), repository: 'falcosecurity/falco' };
    const [found] = change({ op: 'delete', old });
    assert.deepEqual([found?.registry, found?.name], ['', 'falcosecurity/falco:1']);
  });

  it('say which release latest stays with', () => {
    const stays = (version: string, targetVersion: string) => ({
      op: 'same',
      old: {},
      new: { newest: true, version, targetVersion },
    });
    assert.deepEqual(latestStays(seen({ 'Tag::a': stays('0.9', '1.0'), 'Tag::b': stays('0.9', '1.0') })), [
      '1.0',
    ]);
    assert.deepEqual(latestStays(seen({ 'Tag::a': stays('1.0', '1.0') })), []);
  });
});
