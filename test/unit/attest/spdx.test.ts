import assert from 'node:assert/strict';
import { SbomSubject, spdxDocument, SyftDocument } from '../../../provider/attest/spdx';
import { product } from './sampleProduct';

const subject: SbomSubject = {
  name: 'sample-1.0.0-amd64.deb',
  version: '1.0.0',
  kind: 'package',
  identity: 'a'.repeat(64),
  sha256: 'a'.repeat(64),
  epoch: 1589302426,
  product,
};

/** As syft 1.57 writes it: random names, times, and the scanned folder as a package. */
const found = (random: string): SyftDocument => ({
  creationInfo: {
    licenseListVersion: '3.29',
    creators: ['Organization: Anchore, Inc', 'Tool: syft-1.57.1'],
  },
  packages: [
    {
      SPDXID: `SPDXRef-b-${random}`,
      name: 'libb1',
      versionInfo: '2.0',
      supplier: 'Organization: Debian',
      sourceInfo: 'acquired package info from DPKG DB: /var/lib/dpkg/status',
      licenseDeclared: 'MIT AND LicenseRef-odd',
      copyrightText: '',
      externalRefs: [
        {
          referenceCategory: 'SECURITY',
          referenceType: 'cpe23Type',
          referenceLocator: 'cpe:2.3:a:libb1:libb1:2.0:*:*:*:*:*:*:*',
        },
        {
          referenceCategory: 'PACKAGE-MANAGER',
          referenceType: 'purl',
          referenceLocator: 'pkg:deb/debian/libb1@2.0',
        },
      ],
    },
    { SPDXID: `SPDXRef-a-${random}`, name: 'liba1', versionInfo: '1.0' },
    { SPDXID: 'SPDXRef-DocumentRoot', name: '.' },
  ],
  files: [
    {
      SPDXID: `SPDXRef-f-${random}`,
      fileName: 'usr/bin/sample',
      checksums: [
        { algorithm: 'SHA1', checksumValue: 'b'.repeat(40) },
        { algorithm: 'SHA256', checksumValue: 'c'.repeat(64) },
      ],
    },
    {
      SPDXID: `SPDXRef-d-${random}`,
      fileName: 'usr/bin',
      checksums: [{ algorithm: 'SHA1', checksumValue: '0'.repeat(40) }],
    },
  ],
  hasExtractedLicensingInfos: [
    { licenseId: 'LicenseRef-unused', extractedText: 'x' },
    { licenseId: 'LicenseRef-odd', extractedText: 'Do as you like.', name: 'odd' },
  ],
  relationships: [
    {
      spdxElementId: 'SPDXRef-DOCUMENT',
      relatedSpdxElement: 'SPDXRef-DocumentRoot',
      relationshipType: 'DESCRIBES',
    },
    {
      spdxElementId: `SPDXRef-a-${random}`,
      relatedSpdxElement: `SPDXRef-b-${random}`,
      relationshipType: 'DEPENDENCY_OF',
    },
    {
      spdxElementId: `SPDXRef-b-${random}`,
      relatedSpdxElement: `SPDXRef-f-${random}`,
      relationshipType: 'OTHER',
    },
  ],
});

describe('an SPDX document', () => {
  it('is of the artifact, with every package, every file that has digests, and what depends on what', () => {
    const [a, b, file] = [
      'SPDXRef-Package-liba1-f358d0d636f181db',
      'SPDXRef-Package-libb1-9f0165370f77441b',
      'SPDXRef-File-usr-bin-sample-f19babd8819034c9',
    ];
    assert.deepEqual(spdxDocument(found('1'), subject), {
      spdxVersion: 'SPDX-2.3',
      dataLicense: 'CC0-1.0',
      SPDXID: 'SPDXRef-DOCUMENT',
      name: 'sample-1.0.0-amd64.deb',
      documentNamespace: `https://example.org/spdx/sample-1.0.0-amd64.deb-${'a'.repeat(64)}-contents-1160fc0cc51ad66afa40ba649eccb7a2f587f640f26f6f1cea100e44fd470600`,
      creationInfo: {
        created: '2020-05-12T16:53:46Z',
        creators: ['Organization: Sample', 'Tool: syft-1.57.1'],
        licenseListVersion: '3.29',
      },
      packages: [
        {
          SPDXID: 'SPDXRef-Artifact',
          name: 'sample-1.0.0-amd64.deb',
          versionInfo: '1.0.0',
          packageFileName: 'sample-1.0.0-amd64.deb',
          supplier: 'Organization: Sample',
          downloadLocation: 'NOASSERTION',
          filesAnalyzed: true,
          // SHA-1 of the one file's SHA-1.
          packageVerificationCode: {
            packageVerificationCodeValue: '56e892b750b146f39a486af8c31d555e9c771b3e',
          },
          checksums: [{ algorithm: 'SHA256', checksumValue: 'a'.repeat(64) }],
          homepage: 'https://example.org',
          licenseConcluded: 'NOASSERTION',
          licenseDeclared: 'Apache-2.0',
          copyrightText: 'NOASSERTION',
          primaryPackagePurpose: 'INSTALL',
        },
        {
          SPDXID: a,
          name: 'liba1',
          versionInfo: '1.0',
          downloadLocation: 'NOASSERTION',
          filesAnalyzed: false,
          licenseConcluded: 'NOASSERTION',
          licenseDeclared: 'NOASSERTION',
          copyrightText: 'NOASSERTION',
        },
        {
          SPDXID: b,
          name: 'libb1',
          versionInfo: '2.0',
          supplier: 'Organization: Debian',
          downloadLocation: 'NOASSERTION',
          filesAnalyzed: false,
          sourceInfo: 'acquired package info from DPKG DB: /var/lib/dpkg/status',
          licenseConcluded: 'NOASSERTION',
          licenseDeclared: 'MIT AND LicenseRef-odd',
          copyrightText: 'NOASSERTION',
          externalRefs: [
            {
              referenceCategory: 'PACKAGE-MANAGER',
              referenceType: 'purl',
              referenceLocator: 'pkg:deb/debian/libb1@2.0',
            },
          ],
        },
      ],
      files: [
        {
          SPDXID: file,
          fileName: './usr/bin/sample',
          checksums: [
            { algorithm: 'SHA1', checksumValue: 'b'.repeat(40) },
            { algorithm: 'SHA256', checksumValue: 'c'.repeat(64) },
          ],
          licenseConcluded: 'NOASSERTION',
          copyrightText: 'NOASSERTION',
        },
      ],
      hasExtractedLicensingInfos: [
        { licenseId: 'LicenseRef-odd', extractedText: 'Do as you like.', name: 'odd' },
      ],
      relationships: [
        ['SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-Artifact'],
        ['SPDXRef-Artifact', 'CONTAINS', file],
        ['SPDXRef-Artifact', 'CONTAINS', a],
        ['SPDXRef-Artifact', 'CONTAINS', b],
        [a, 'DEPENDENCY_OF', b],
      ].map(([spdxElementId, relationshipType, relatedSpdxElement]) => ({
        ...{ spdxElementId, relationshipType, relatedSpdxElement },
      })),
    });
  });

  it('is the same whatever order and names syft gave', () => {
    const other = found('2');
    const reversed = Object.fromEntries(
      Object.entries(other).map(([key, value]) => [
        key,
        Array.isArray(value) ? [...(value as unknown[])].reverse() : value,
      ]),
    );
    assert.equal(
      JSON.stringify(spdxDocument(reversed, subject)),
      JSON.stringify(spdxDocument(found('1'), subject)),
    );
  });

  it('is another for other bytes, and for an rpm that of its header and payload, whatever its signature', () => {
    const { sha256, ...unsigned } = subject;
    void sha256;
    const rpm = { ...unsigned, identity: `${'d'.repeat(64)}:${'e'.repeat(64)}` };
    const made = spdxDocument({}, rpm) as { documentNamespace: string; packages: object[] };
    const common = `https://example.org/spdx/sample-1.0.0-amd64.deb-${'d'.repeat(64)}-${'e'.repeat(64)}`;
    assert.equal(made.documentNamespace.replace(/-contents-[0-9a-f]{64}$/, ''), common);
    const later = spdxDocument({}, { ...rpm, epoch: rpm.epoch + 1 });
    assert.notEqual(later.documentNamespace, made.documentNamespace);
    assert.equal('checksums' in made.packages[0], false);
  });

  it("has the product's own packages as its own, not as the distribution's", () => {
    const installed = (name: string, purl: string): SyftDocument => ({
      packages: [
        {
          SPDXID: 'SPDXRef-1',
          name,
          licenseDeclared: 'NOASSERTION',
          supplier: 'Organization: Debian',
          externalRefs: [
            { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl },
          ],
        },
      ],
    });
    const toldOf = (name: string, purl: string) => {
      const { packages } = spdxDocument(installed(name, purl), { ...subject, kind: 'image' }) as unknown as {
        packages: {
          supplier: string;
          licenseDeclared: string;
          externalRefs: { referenceLocator: string }[];
        }[];
      };
      const [, { supplier, licenseDeclared, externalRefs }] = packages;
      return [supplier, licenseDeclared, externalRefs[0].referenceLocator];
    };
    assert.deepEqual(toldOf('sample-bpf', 'pkg:deb/debian/sample-bpf@1.0.0?arch=amd64&distro=debian-12'), [
      'Organization: Sample',
      'Apache-2.0',
      'pkg:deb/samples/sample-bpf@1.0.0?arch=amd64',
    ]);
    assert.deepEqual(toldOf('sample', 'pkg:rpm/rhel/sample@1.0.0-1?distro=rhel-8.10'), [
      'Organization: Sample',
      'Apache-2.0',
      'pkg:rpm/samples/sample@1.0.0-1',
    ]);
    assert.deepEqual(toldOf('sample', 'pkg:pypi/sample@1.0.0'), [
      'Organization: Debian',
      'NOASSERTION',
      'pkg:pypi/sample@1.0.0',
    ]);
    assert.deepEqual(toldOf('samples', 'pkg:deb/debian/samples@1.0.0?distro=debian-12'), [
      'Organization: Debian',
      'NOASSERTION',
      'pkg:deb/debian/samples@1.0.0?distro=debian-12',
    ]);
  });

  it('of an image names it as a container', () => {
    const image = spdxDocument({}, { ...subject, name: 'ns/sample', kind: 'image' }) as {
      packages: Record<string, unknown>[];
    };
    const [{ primaryPackagePurpose, packageFileName, filesAnalyzed }] = image.packages;
    assert.deepEqual(
      [primaryPackagePurpose, packageFileName, filesAnalyzed],
      ['CONTAINER', undefined, false],
    );
  });
});
