import assert from 'node:assert/strict';
import { catalog } from '../../catalog';
import { Catalog } from '../../model';
import { checkVersion, fileNames, namingViolations, packageVersion, usageText } from '../../names';

const amd64 = catalog.architectures[0];
const row = (key: string) => catalog.packages.find((one) => one.key === key)!;
const names = (key: string, version = '0.24.0') => fileNames(catalog.product, row(key), version, amd64);

describe('names', () => {
  it('gives every package the names of the specification and the legacy ones', () => {
    assert.deepEqual(Object.fromEntries(catalog.packages.map(({ key }) => [key, names(key)])), {
      'deb-module': {
        fileName: 'falco-0.24.0-module-amd64.deb',
        aliases: ['falco-0.24.0-amd64.deb', 'falco-0.24.0-x86_64.deb'],
        latestAliases: [],
      },
      'deb-bpf': { fileName: 'falco-0.24.0-bpf-amd64.deb', aliases: [], latestAliases: [] },
      'rpm-module': {
        fileName: 'falco-0.24.0-module-x86_64.rpm',
        aliases: ['falco-0.24.0-x86_64.rpm'],
        latestAliases: [],
      },
      'rpm-bpf': { fileName: 'falco-0.24.0-bpf-x86_64.rpm', aliases: [], latestAliases: [] },
      bin: {
        fileName: 'falco-bin-0.24.0-x86.tar.gz',
        aliases: ['falco-0.24.0-x86_64.tar.gz'],
        latestAliases: ['falco-bin-x86.tar.gz'],
      },
      src: { fileName: 'falco-src-0.24.0-x86.tar.gz', aliases: [], latestAliases: ['falco-src-x86.tar.gz'] },
      'module-src': {
        fileName: 'falco-module-src-0.24.0-x86.tar.gz',
        aliases: [],
        latestAliases: ['falco-module-src-x86.tar.gz'],
      },
      'bpf-src': {
        fileName: 'falco-bpf-src-0.24.0-x86.tar.gz',
        aliases: [],
        latestAliases: ['falco-bpf-src-x86.tar.gz'],
      },
      debug: { fileName: 'falco-0.24.0-x86.debug', aliases: [], latestAliases: ['falco.debug'] },
    });
  });

  it('sorts a pre-release before its release', () => {
    assert.equal(packageVersion('0.24.0-rc1'), '0.24.0~rc1');
    assert.equal(names('deb-bpf', '0.24.0-rc1').fileName, 'falco-0.24.0-rc1-bpf-amd64.deb');
  });

  for (const bad of [
    '',
    '1',
    '0.24',
    'v0.24.0',
    '0.24.0+build',
    '0.24.0-',
    '0.024.0',
    ' 0.24.0',
    '0.24.0-rc-1',
  ]) {
    it(`refuses the version "${bad}", naming the setting`, () => {
      assert.throws(
        () => checkVersion(bad, 'falco:version'),
        /^Error: falco:version: ".*" is no version; (give x\.y\.z|leave out the v)/,
      );
    });
  }

  it('finds nothing wrong with the catalog', () => {
    assert.deepEqual(namingViolations(catalog), []);
  });

  const broken = (change: (copy: Catalog) => void) => {
    const copy = structuredClone(catalog);
    change(copy);
    return namingViolations(copy);
  };

  it('finds a package name without a version', () => {
    assert.deepEqual(
      broken((copy) => (copy.packages[0].fileName = '{name}-module-{arch}.deb')),
      ['deb-module: "{name}-module-{arch}.deb" has no {version}'],
    );
  });

  it('finds a package that installs a driver whose word its name lacks', () => {
    assert.deepEqual(
      broken((copy) => (copy.packages[1].fileName = '{name}-{version}-{arch}.deb')),
      ['deb-bpf: installs a driver but "{name}-{version}-{arch}.deb" lacks "bpf"'],
    );
  });

  it('finds a character that object stores refuse, and an image before its parent', () => {
    assert.deepEqual(
      broken((copy) => copy.packages[0].aliases.push('a+{version}.deb')),
      ['deb-module: "a+{version}.deb" has a character that object stores or zypper refuse'],
    );
    assert.deepEqual(
      broken((copy) => copy.images.reverse()),
      ['image falco-driver-loader: "falco" must stand before it in the catalog'],
    );
  });

  it('finds an image whose system is another image, or has the name of a base', () => {
    const loader = catalog.images.findIndex(({ name }) => name === 'falco-driver-loader');
    assert.deepEqual(
      broken((copy) => (copy.images[loader].system = 'packages')),
      ['image falco-driver-loader: "falco" has what it takes from the distribution'],
    );
    assert.deepEqual(
      broken((copy) => (copy.images[loader].name = 'debian')),
      ['image debian: a base has that name'],
    );
  });

  it("renders an image's usage with its reference", () => {
    const image = catalog.images.find(({ name }) => name === 'falco-tester')!;
    assert.equal(
      usageText(catalog.product, image, '0.24.0'),
      'Runs the integration suite against the packages (deb, rpm, tar.gz) found in /packages.\n\n' +
        '  docker run --rm --privileged -v "$PWD":/packages:ro falcosecurity/falco-tester:0.24.0 test',
    );
  });
});
