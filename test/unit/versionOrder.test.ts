import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { packageVersion } from '../../names';
import { compareVersions } from '../../provider/formats/versionOrder';

const VERSIONS = [
  '0.9.0',
  '0.24.0-rc1',
  '0.24.0-rc9',
  '0.24.0-rc10',
  '0.24.0-rc.2',
  '0.24.0-dev.12',
  '0.24.0-alpha',
  '0.24.0',
  '0.24.1',
  '0.100.0',
];

describe('the order of package versions', () => {
  it('is that of dpkg, for every pair', () => {
    for (const a of VERSIONS) {
      for (const b of VERSIONS) {
        const found = compareVersions(a, b);
        const operator = found < 0 ? 'lt' : found > 0 ? 'gt' : 'eq';
        execFileSync('dpkg', ['--compare-versions', packageVersion(a), operator, packageVersion(b)]);
      }
    }
  });

  it('has rc10 after rc9, and both before the release', () => {
    const sorted = ['0.24.0', '0.24.0-rc10', '0.24.0-rc9'].sort(compareVersions);
    assert.deepEqual(sorted, ['0.24.0-rc9', '0.24.0-rc10', '0.24.0']);
  });
});
