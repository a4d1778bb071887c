import assert from 'node:assert/strict';
import {
  BuildFacts,
  provenance,
  statementText,
  subjectOf,
  withSubject,
} from '../../../provider/attest/provenance';

const hex = (digit: string) => digit.repeat(64);

const facts: BuildFacts = {
  builder: 'https://example.org/artifacts',
  version: '1.0.0',
  commit: 'c'.repeat(40),
  epoch: 1589302426,
  build: {
    source: 'https://git.example.org/sample#1.0.0',
    extra: { libs: 'https://git.example.org/libs#abc' },
    libraries: 'bundled',
    cmakeArgs: ['-DX=1'],
    inputs: { source: hex('1'), libs: hex('2') },
  },
  images: { builder: `sha256:${hex('3')}`, debian: `sha256:${hex('4')}` },
  packages: { 'sample-1.0.0-amd64.deb': hex('5') },
};
const subject = { artifact: 'image-sample', name: 'ns/sample', sha256: hex('6') };

describe('the provenance of an artifact', () => {
  it('tells of its sources, settings and what it was made in, and of nothing that a second run has otherwise', () => {
    assert.deepEqual(provenance(facts, subject, ''), {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'ns/sample', digest: { sha256: hex('6') } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {
        buildDefinition: {
          buildType: 'https://example.org/artifacts/release/v1',
          externalParameters: {
            artifact: 'image-sample',
            version: '1.0.0',
            source: 'https://git.example.org/sample#1.0.0',
            extra: { libs: 'https://git.example.org/libs#abc' },
            libraries: 'bundled',
            cmakeArgs: ['-DX=1'],
          },
          internalParameters: { date: '2020-05-12T16:53:46Z' },
          resolvedDependencies: [
            { uri: 'git+https://git.example.org/sample', digest: { gitCommit: 'c'.repeat(40) } },
            { name: 'archive of libs', digest: { sha256: hex('2') } },
            { name: 'archive of source', digest: { sha256: hex('1') } },
            { name: 'image builder', digest: { sha256: hex('3') } },
            { name: 'image debian', digest: { sha256: hex('4') } },
            { name: 'sample-1.0.0-amd64.deb', digest: { sha256: hex('5') } },
          ],
        },
        runDetails: { builder: { id: 'https://example.org/artifacts/builder' } },
      },
    });
  });

  it('of sources in a folder claims no address of them, and no commit where there is none', () => {
    const build = { ...facts.build, source: '' };
    const commits = (given: BuildFacts) =>
      (
        provenance(given, subject, '').predicate as {
          buildDefinition: { resolvedDependencies: { digest: { gitCommit?: string } }[] };
        }
      ).buildDefinition.resolvedDependencies.filter(({ digest }) => digest.gitCommit);
    assert.deepEqual(commits({ ...facts, build }), [
      { name: 'sources', digest: { gitCommit: 'c'.repeat(40) } },
    ]);
    assert.deepEqual(commits({ ...facts, build, commit: '' }), []);
  });

  it('names the commit of the project that built it', () => {
    const { runDetails } = provenance(facts, subject, 'd'.repeat(40)).predicate as { runDetails: object };
    assert.deepEqual(runDetails, {
      builder: { id: 'https://example.org/artifacts/builder', version: { artifacts: 'd'.repeat(40) } },
    });
  });

  it('of an rpm that is signed anew is the same of another file', () => {
    const text = statementText(provenance(facts, subject, ''));
    assert.equal(subjectOf(text), hex('6'));
    const other = withSubject(text, hex('7'));
    assert.equal(subjectOf(other), hex('7'));
    assert.equal(other, text.replace(hex('6'), hex('7')));
  });

  it('is refused where it is of no file', () => {
    assert.throws(() => subjectOf('{"subject":[]}'), /it is no in-toto statement of one file/);
  });
});
