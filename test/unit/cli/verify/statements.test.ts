import assert from 'node:assert/strict';
import { comparison } from '../../../../cli/verify/compare';
import { compareStatements, unlikeStatements } from '../../../../cli/verify/statements';
import { provenance, statementText, withSubject } from '../../../../provider/attest/provenance';
import { sbomText, withNamespace } from '../../../../provider/attest/spdx';
import { sha256 } from '../../../../provider/formats/compress';
import type { ReleaseRecord } from '../../../../provider/promotion/record';

const hex = (digit: string) => digit.repeat(64);

describe('the documents of a release that is verified', () => {
  const build = {
    ...{ source: 'https://example.org/a#1.0.0', extra: {}, libraries: 'bundled', cmakeArgs: [] },
    inputs: { source: hex('1') },
  };
  const told = (digest: string, commit = 'abc', source = build.source, project = '') =>
    statementText(
      provenance(
        {
          ...{ builder: 'https://example.org/b', version: '1.0.0', commit, epoch: 1589302426, images: {} },
          build: { ...build, source },
        },
        { artifact: 'a', name: 'a', sha256: digest },
        project,
      ),
    );
  /** As far as it is looked at. */
  const sbomOf = (files: string[], created = '2020-05-12T16:53:46Z') =>
    sbomText(
      withNamespace({ files, creationInfo: { created, creators: [] }, documentNamespace: 'n' } as never),
    );
  const [debTold, rpmTold, sbom] = [told(hex('2')), told(hex('3')), sbomOf(['a'])];
  const recorded = (provenanceText: string) => ({
    'spdx.json': { sha256: sha256(sbom), size: sbom.length },
    'provenance.json': { sha256: sha256(provenanceText), size: provenanceText.length },
  });
  const packageOf = (fileName: string, digest: string, identity: string, text: string) => ({
    ...{ fileName, key: `pool/${digest}/${fileName}`, plain: fileName, sha256: digest, size: 1, identity },
    ...{ proved: digest, statements: recorded(text) },
  });
  const record: ReleaseRecord = {
    ...{ format: 1, version: '1.0.0', commit: 'abc', epoch: 1589302426, build, bucket: '/b', records: 'r' },
    ...{ publicKey: 'key.asc', signingKey: 'A'.repeat(40), images: {}, systems: {}, gates: {} },
    packages: {
      deb: packageOf('a.deb', hex('2'), '', debTold),
      rpm: packageOf('a.rpm', hex('3'), `${hex('4')}:${hex('5')}`, rpmTold),
    },
  };
  const published = {
    'a.deb.spdx.json': sbom,
    'a.deb.provenance.json': debTold,
    'a.rpm.spdx.json': sbom,
    'a.rpm.provenance.json': rpmTold,
  };

  it('are what the record says, or named', () => {
    assert.deepEqual(unlikeStatements(record, published), []);
    const wrong = { ...published, 'a.deb.spdx.json': undefined, 'a.rpm.provenance.json': 'edited' };
    assert.deepEqual(unlikeStatements(record, wrong), [
      `a.deb.spdx.json is not there, the record says ${sha256(sbom)}`,
      `a.rpm.provenance.json is ${sha256('edited')}, the record says ${sha256(rpmTold)}`,
    ]);
  });

  it("are equal but for the commit in the place of a ref, the project's own, and the digest of an rpm's file", () => {
    const rebuilt = {
      ...published,
      'a.deb.provenance.json': told(hex('2'), 'abc', 'https://example.org/a#abc', 'd'.repeat(40)),
      'a.rpm.provenance.json': withSubject(rpmTold, hex('6')),
    };
    assert.deepEqual(
      compareStatements(record, published, rebuilt).map(({ artifact, isEqual }) => [artifact, isEqual]),
      Object.keys(published).map((artifact) => [artifact, true]),
    );
  });

  it('are different where anything else is, or one was not made', () => {
    const rebuilt = {
      'a.deb.spdx.json': sbomOf([]),
      'a.deb.provenance.json': withSubject(debTold, hex('6')),
      'a.rpm.spdx.json': sbom,
    };
    const rows = compareStatements(record, published, rebuilt);
    assert.deepEqual(
      rows.map(({ isEqual, aside }) => [isEqual, aside]),
      [
        [false, undefined],
        [false, undefined],
        [true, undefined],
        [false, undefined],
      ],
    );
    assert.match(
      comparison('Sample', record, rows),
      /3 of 4 artifacts are NOT the same: a\.deb\.spdx\.json, a\.deb\.provenance\.json, a\.rpm\.provenance\.json\n/,
    );
  });

  it('are different where another builder is named', () => {
    const other = debTold.replace('https://example.org/b/builder', 'https://example.org/c/builder');
    const rows = compareStatements(record, published, { ...published, 'a.deb.provenance.json': other });
    assert.deepEqual(
      rows.map(({ artifact, isEqual }) => [artifact, isEqual]),
      Object.keys(published).map((artifact) => [artifact, artifact !== 'a.deb.provenance.json']),
    );
    const isEqual = (version: object) => {
      const statement = JSON.parse(debTold) as { predicate: { runDetails: { builder: object } } };
      Object.assign(statement.predicate.runDetails.builder, { version });
      const text = statementText(statement as never);
      const [, row] = compareStatements(record, { ...published, 'a.deb.provenance.json': text }, published);
      return row.isEqual;
    };
    const commit = 'd'.repeat(40);
    assert.equal(isEqual({ b: commit }), true);
    assert.equal(isEqual({ b: commit, gcc: '9' }), false);
    assert.equal(isEqual({ b: 'main' }), false);
    assert.equal(isEqual({ other: commit }), false);
  });

  it('that tell of an earlier build of the same bytes are set aside, and the reason is told', () => {
    const earlier = told(hex('2'), 'earlier');
    const rows = compareStatements(
      record,
      {
        ...published,
        'a.deb.provenance.json': earlier,
        'a.deb.spdx.json': sbomOf(['a'], '2019-01-01T00:00:00Z'),
      },
      published,
    );
    const reason = 'it tells of the build that these bytes first came from, commit earlier';
    assert.deepEqual(
      rows.map(({ isEqual, aside }) => [isEqual, aside]),
      [
        [true, undefined],
        [false, reason],
        [true, undefined],
        [true, undefined],
      ],
    );
    const text = comparison('Sample', record, rows);
    assert.ok(text.includes(`a.deb.provenance.json is set aside: ${reason}\n`), text);
    assert.match(text, /All 3 artifacts are the same; 1 set aside, which nothing proves\n/);
  });

  it('are different where the earlier build is said to be of other bytes, or to have had other contents', () => {
    const lies = {
      ...published,
      'a.deb.provenance.json': told(hex('7'), 'earlier'),
      'a.deb.spdx.json': sbomOf([]),
    };
    const rows = compareStatements(record, lies, published);
    assert.deepEqual(
      rows.slice(0, 2).map(({ isEqual, aside }) => [isEqual, aside]),
      [
        [false, undefined],
        [false, undefined],
      ],
    );
  });

  it('are different where the sources are said to be elsewhere', () => {
    for (const commit of ['abc', 'earlier']) {
      const lie = told(hex('2'), commit, 'https://evil.example.org/a#1.0.0');
      const rows = compareStatements(record, { ...published, 'a.deb.provenance.json': lie }, published);
      assert.deepEqual([rows[1]?.isEqual, rows[1]?.aside], [false, undefined]);
    }
  });

  it('are different where the earlier build is said to be by another builder', () => {
    const lie = told(hex('2'), 'earlier').replace('example.org/b/builder', 'example.org/c/builder');
    const rows = compareStatements(record, { ...published, 'a.deb.provenance.json': lie }, published);
    assert.deepEqual([rows[1]?.isEqual, rows[1]?.aside], [false, undefined]);
  });
});
