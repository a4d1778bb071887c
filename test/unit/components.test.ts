import assert from 'node:assert/strict';
import * as pulumi from '@pulumi/pulumi';
import { catalog } from '../../catalog';
import { Declared, MOCKED_VERSION, mocksInto } from '../../cli/mocks';
import { Catalog } from '../../model';
import type { ReleaseRecord } from '../../provider/promotion/record';

/** Declares a whole release of the given catalog and returns every resource. */
async function declare(which: Catalog, channel: 'release' | 'master' = 'release'): Promise<Declared[]> {
  const declared: Declared[] = [];
  await pulumi.runtime.setMocks(mocksInto(declared), 'falco-artifacts', 'local');
  const { declareRelease } = await import('../../release');
  const outputs = declareRelease(
    {
      catalog: which,
      architecture: which.architectures[0],
      namespace: 'falco',
      stack: 'local',
      channel,
      bucket: '.local/bucket',
      url: 'file:///bucket',
      registry: `127.0.0.1:5050/${which.product.imageNamespace}`,
      mirrors: [],
      buildkit: 'unix:///b.sock',
      builder: 'builder',
      cmakeArgs: [],
      libraries: 'distribution',
      gateLimit: 300,
      immutable: false,
      withdrawn: [],
      keep: 0,
      hasSource: true,
      systems: {},
    },
    { source: 'examples/falco-mini', extra: {}, indexKeys: [], publishedKeys: [], gnupgHome: '.local/gnupg' },
  );
  await new Promise((resolve) => pulumi.output(outputs).apply(resolve));
  return declared;
}

const namesOf = (declared: Declared[], type: string) =>
  declared.filter((one) => one.type === type).map(({ name }) => name);
const find = (declared: Declared[], name: string) =>
  declared.find((one) => one.name === name && !one.type.startsWith('artifacts:components:'))!;

describe('components', () => {
  it('declare every row of the catalog, named by what it is and never by a version', async () => {
    const declared = await declare(catalog);
    assert.deepEqual(
      namesOf(declared, 'artifacts:index:Package').sort(),
      catalog.packages.map(({ key }) => `package-${key}`).sort(),
    );
    assert.deepEqual(
      namesOf(declared, 'docker-build:index:Image').sort(),
      catalog.images.map(({ name }) => `image-${name}`).sort(),
    );
    assert.deepEqual(namesOf(declared, 'artifacts:index:Tag').sort(), [
      'tag-falco-builder-latest',
      'tag-falco-builder-version',
      'tag-falco-driver-loader-latest',
      'tag-falco-driver-loader-version',
      'tag-falco-latest',
      'tag-falco-no-driver-latest',
      'tag-falco-no-driver-version',
      'tag-falco-slim-latest',
      'tag-falco-slim-version',
      'tag-falco-tester-latest',
      'tag-falco-tester-version',
      'tag-falco-version',
    ]);
    assert.deepEqual(
      declared.filter(({ name }) => name.includes(MOCKED_VERSION)),
      [],
    );
  });

  it('give the master channel the master tag and the -dev repositories', async () => {
    const declared = await declare(catalog, 'master');
    assert.equal(find(declared, 'source').inputs.channel, 'master');
    assert.deepEqual(
      namesOf(declared, 'artifacts:index:Tag').sort(),
      [
        'builder-master',
        'driver-loader-master',
        'master',
        'no-driver-master',
        'slim-master',
        'tester-master',
      ].map((n) => `tag-falco-${n}`),
    );
    assert.equal(find(declared, 'repository-apt').inputs.prefix, 'packages/deb-dev');
    assert.equal(find(declared, 'repository-downloads').inputs.prefix, 'packages/bin-dev/x86_64');
  });

  it('have a gate for every package and image, and one that reads the binaries of those that have some', async () => {
    const declared = await declare(catalog);
    assert.deepEqual(namesOf(declared, 'artifacts:index:Gate').sort(), [
      'gate-bin',
      'gate-bpf-src',
      'gate-deb-bpf',
      'gate-deb-module',
      'gate-debug',
      'gate-floor-bin',
      'gate-floor-deb-bpf',
      'gate-floor-deb-module',
      'gate-floor-rpm-bpf',
      'gate-floor-rpm-module',
      'gate-image-falco',
      'gate-image-falco-builder',
      'gate-image-falco-driver-loader',
      'gate-image-falco-no-driver',
      'gate-image-falco-tester',
      'gate-module-src',
      'gate-rpm-bpf',
      'gate-rpm-module',
      'gate-src',
    ]);
    const { inputs } = find(declared, 'gate-deb-bpf');
    assert.deepEqual(inputs.files, [
      {
        key: 'key-package-deb-bpf',
        sha256: 'sha256-package-deb-bpf',
        size: 1,
        fileName: `falco-${MOCKED_VERSION}-bpf-amd64.deb`,
      },
    ]);
    assert.deepEqual(inputs.settings, {
      PRODUCT: 'falco',
      PACKAGE: 'falco-bpf',
      PACKAGE_VERSION: MOCKED_VERSION,
      NAMES: ['falco'],
      STAND_INS: [],
    });
    assert.deepEqual((inputs.checks as object[])[0], {
      run: ['/usr/bin/falco', '--version'],
      says: MOCKED_VERSION,
    });
  });

  it('push each image by digest with the OCI labels, building nothing in a preview', async () => {
    const { inputs } = find(await declare(catalog), 'image-falco');
    assert.deepEqual(inputs.exports, [
      {
        raw: 'type=image,name=127.0.0.1:5050/falcosecurity/falco,push=true,push-by-digest=true,name-canonical=true,oci-mediatypes=true,compression=gzip,force-compression=true',
      },
    ]);
    assert.equal(inputs.buildOnPreview, false);
    assert.deepEqual(inputs.context, {
      location: 'dockerfiles/falco',
      named: {
        system: { location: 'docker-image://system-falco@sha256:system-falco' },
        artifacts: { location: 'docker-image://image-falco-context@sha256:image-falco-context' },
      },
    });
    const labels = inputs.labels as Record<string, string>;
    assert.equal(labels['org.opencontainers.image.created'], '2020-05-12T16:53:46.000Z');
    assert.equal(labels['org.opencontainers.image.version'], MOCKED_VERSION);
  });

  it('sign every image in its own repository, and copy it with what belongs to it then', async () => {
    const declared = await declare(catalog);
    assert.deepEqual(
      namesOf(declared, 'artifacts:index:Attestation').sort(),
      catalog.images.map(({ name }) => `attestation-${name}`).sort(),
    );
    assert.deepEqual(find(declared, 'cosign-key').inputs, {
      home: '.local/gnupg',
      setting: 'falco:cosignKey',
      isPublic: false,
      signs: true,
    });
    assert.deepEqual(find(declared, 'attestation-falco').inputs, {
      repository: '127.0.0.1:5050/falcosecurity/falco',
      digest: 'sha256:image-falco',
      key: { home: '.local/gnupg' },
      publicKey: 'public key',
      bucket: '.local/bucket',
    });
    assert.deepEqual(find(declared, 'copy-falco-slim').inputs, {
      image: '127.0.0.1:5050/falcosecurity/falco-no-driver',
      digest: 'sha256:image-falco-no-driver',
      repository: '127.0.0.1:5050/falcosecurity/falco',
      tag: '',
      attachments: ['sha256:attestation-falco-no-driver'],
    });
    const { record } = find(declared, 'record').inputs as { record: ReleaseRecord };
    assert.equal(record.cosignKey, 'public key');
    assert.deepEqual(record.gates['signature-falco'], ['sha256:image-falco', 'f'.repeat(64)]);
  });

  it('publish the key of images of each channel in a folder of its own', async () => {
    const file = async (channel: 'release' | 'master') =>
      find(await declare(catalog, channel), 'cosign-key-file').inputs;
    const common = { bucket: '.local/bucket', publicKey: 'public key' };
    assert.deepEqual(await file('release'), { ...common, file: 'packages/cosign/cosign.pub' });
    assert.deepEqual(await file('master'), { ...common, file: 'packages/cosign-dev/cosign.pub' });
  });

  it('take a further row and a second product from the catalog alone', async () => {
    const second: Catalog = structuredClone(catalog);
    second.product = { ...second.product, name: 'kestrel', title: 'Kestrel', imageNamespace: 'birds' };
    second.packages.push({
      ...second.packages.find(({ key }) => key === 'bin')!,
      key: 'tools',
      fileName: '{name}-tools-{version}-{arch}.tar.gz',
      aliases: [],
    });
    const declared = await declare(second);
    assert.equal(
      find(declared, 'package-tools').inputs.fileName,
      `kestrel-tools-${MOCKED_VERSION}-x86.tar.gz`,
    );
    assert.equal(
      (find(declared, 'package-deb-bpf').inputs.row as { package: string }).package,
      'kestrel-bpf',
    );
    assert.equal(find(declared, 'tag-falco-version').inputs.repository, '127.0.0.1:5050/birds/falco');
  });
});
