import assert from 'node:assert/strict';
import { TagInputs, tag } from '../../provider/resources/tag';
import { UNKNOWN } from '../../provider/wire';

describe('a tag', () => {
  const inputs: TagInputs = {
    bucket: 'bucket',
    channel: 'release',
    stack: 'local',
    repository: 'r.io/n/a',
    tag: '1.0.0',
    image: 'r.io/n/a',
    digest: `sha256:${'a'.repeat(64)}`,
    version: '1.0.0',
    withdrawn: [],
    newest: false,
  };

  it('of a version points at the image of that release', async () => {
    const checked = await tag.check?.(inputs, undefined);
    assert.deepEqual(checked, { ...inputs, target: inputs.digest, targetVersion: '1.0.0' });
  });

  it('of an image that docker-build previews without a digest is not known, which is not: removed', async () => {
    const checked = await tag.check?.({ ...inputs, digest: '' }, undefined);
    assert.deepEqual(checked, { ...inputs, digest: UNKNOWN, target: UNKNOWN, targetVersion: '1.0.0' });
  });
});
