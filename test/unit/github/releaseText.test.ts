import assert from 'node:assert/strict';
import { changelogSection } from '../../../components/github/changelog';
import { releaseBody } from '../../../components/github/releaseBody';

const CHANGELOG = `# Change Log

## v0.24.0

Released on 2020-07-16

### Major Changes

* new: a thing

\`\`\`sh
# 0.23.0 is no heading here
\`\`\`

## v0.23.0

* older

## [0.22.1] - 2020-04-01
* a fix
## 0.24.0-rc1
`;

describe('the section of a changelog', () => {
  const section = (version: string) => changelogSection(CHANGELOG, version, 'CHANGELOG.md');

  it('ends at the next heading of its level, and keeps headings below it and code', () => {
    assert.equal(
      section('0.24.0'),
      'Released on 2020-07-16\n\n### Major Changes\n\n* new: a thing\n\n```sh\n# 0.23.0 is no heading here\n```',
    );
    assert.equal(section('0.23.0'), '* older');
  });

  it('may be headed by a link with a date behind it', () => {
    assert.equal(section('0.22.1'), '* a fix');
  });

  it('is refused when it is empty or missing, with the remedy', () => {
    assert.throws(() => section('0.24.0-rc1'), {
      message:
        'CHANGELOG.md: is empty below the heading of 0.24.0-rc1; add a section "## 0.24.0-rc1" with the notes of the release',
    });
    assert.throws(() => section('0.22'), {
      message: 'CHANGELOG.md: has no heading of 0.22; add a section "## 0.22" with the notes of the release',
    });
  });
});

describe('the text of a release', () => {
  const sha = (digit: string) => digit.repeat(64);
  const release = {
    version: '0.24.0',
    commit: 'c'.repeat(40),
    packages: {
      'b.deb': { url: 'https://d.example.org/b.deb', sha256: sha('b'), size: 12_345_678 },
      'a.deb': { url: 'https://d.example.org/a.deb', sha256: sha('b'), size: 12_345_678, aliasOf: 'b.deb' },
      'B.rpm': { url: 'https://d.example.org/B.rpm', sha256: sha('a'), size: 1_000 },
    },
    images: {
      'birds/b:latest': `docker.io/birds/b@sha256:${sha('2')}`,
      'birds/a:0.24.0': `docker.io/birds/a@sha256:${sha('1')}`,
    },
    notes: '\nFaster.\n',
    isLatest: true,
    isWithdrawn: false,
  };

  it('has the notes, a table of files and one of images, checksums and the commit', () => {
    assert.equal(
      releaseBody(release),
      `Faster.

## Packages

| file | size | SHA-256 |
| --- | --- | --- |
| [B.rpm](https://d.example.org/B.rpm) | 1.0 kB | \`${sha('a')}\` |
| [b.deb](https://d.example.org/b.deb) | 12.3 MB | \`${sha('b')}\` |

The same bytes under further names:

| file | is |
| --- | --- |
| [a.deb](https://d.example.org/a.deb) | b.deb |

## Images

| tag | by digest |
| --- | --- |
| \`birds/a:0.24.0\` | \`docker.io/birds/a@sha256:${sha('1')}\` |
| \`birds/b:latest\` | \`docker.io/birds/b@sha256:${sha('2')}\` |

## Checksums

For \`sha256sum --check --ignore-missing\`:

\`\`\`
${sha('a')}  B.rpm
${sha('b')}  a.deb
${sha('b')}  b.deb
\`\`\`

Built from commit ${'c'.repeat(40)}.
`,
    );
  });

  it('has no table of images where there are none', () => {
    assert.doesNotMatch(releaseBody({ ...release, images: {} }), /Images|by digest/);
  });

  it('does not depend on the order in which files and images are given', () => {
    const reversed = <T>(record: Record<string, T>) =>
      Object.fromEntries(Object.entries(record).reverse()) as Record<string, T>;
    const other = { ...release, packages: reversed(release.packages), images: reversed(release.images) };
    assert.equal(releaseBody(other), releaseBody(release));
  });

  it('of a back-port says that a newer one is out; that of a candidate does not', () => {
    const line = 'A newer release than 0.24.0 is out: [the latest](../latest).\n\nFaster.';
    assert.ok(releaseBody({ ...release, isLatest: false }).startsWith(line));
    const candidate = releaseBody({ ...release, version: '0.24.0-rc1', isLatest: false });
    assert.ok(candidate.startsWith('Faster.'));
  });

  it('of a withdrawn one says so, and nothing of newer ones', () => {
    for (const isLatest of [true, false])
      assert.ok(
        releaseBody({ ...release, isLatest, isWithdrawn: true }).startsWith(
          '**0.24.0 was withdrawn: use another release.**\n\nFaster.',
        ),
      );
  });

  it('is refused when it is longer than GitHub takes', () => {
    assert.throws(() => releaseBody({ ...release, notes: 'x'.repeat(125_000) }), {
      message:
        /^notes of the release: the page of 0\.24\.0 has \d+ characters, and GitHub takes 125000; shorten the section of the changelog$/,
    });
  });
});
