import assert from 'node:assert/strict';
import { catalog } from '../../../../catalog';
import { fileVersions, newestOf, wantedPackages } from '../../../../cli/status/expected';

describe('what the catalog expects of a version', () => {
  it('is every package with its names; a pre-release has none without a version', () => {
    const bin = (version: string) =>
      wantedPackages(catalog, 'downloads', version).find(({ name }) => name === 'bin');
    assert.deepEqual(bin('0.24.0'), {
      name: 'bin',
      fileName: 'falco-bin-0.24.0-x86.tar.gz',
      aliases: ['falco-0.24.0-x86_64.tar.gz'],
      latestAliases: ['falco-bin-x86.tar.gz'],
    });
    assert.deepEqual(bin('0.24.0-rc1')?.latestAliases, []);
    assert.deepEqual(
      wantedPackages(catalog, 'yum', '0.24.0').map(({ name, fileName }) => `${name} ${fileName}`),
      ['falco falco-0.24.0-module-x86_64.rpm', 'falco-bpf falco-0.24.0-bpf-x86_64.rpm'],
    );
  });

  it('is found in file names, newest first', () => {
    const names = [
      'falco-bin-0.9.0-x86.tar.gz',
      'falco-0.10.0-x86.debug',
      'falco-bin-x86.tar.gz',
      'other-1.0.0.txt',
    ];
    assert.deepEqual(fileVersions(catalog, names), ['0.10.0', '0.9.0']);
  });

  it('is the newest release on the release channel, the newest build on master', () => {
    const offered = ['0.24.0', '0.25.0-rc10', '0.25.0-rc9', '0.9.0'];
    assert.equal(newestOf(offered, 'release'), '0.24.0');
    assert.equal(newestOf(offered, 'master'), '0.25.0-rc10');
    assert.equal(newestOf(['0.25.0-rc1'], 'release'), undefined);
  });
});
