import assert from 'node:assert/strict';
import { EngineEvent } from '../../../../cli/releaseDiff/events';
import { releaseDiff } from '../../../../cli/releaseDiff/diff';
import { releaseMarkdown } from '../../../../cli/releaseDiff/markdown';
import { Picture } from '../../../../picture';
import { previewed, sha, Step, UNKNOWN } from './previewed';

const picture: Picture = {
  nodes: [
    { resource: 'package-a', kind: 'package', label: ['a-2.deb'] },
    { resource: 'repository-apt', kind: 'repository', label: ['apt', 'packages/deb'] },
    { resource: 'tag-a-version', kind: 'tag', label: ['a:2'] },
  ],
  edges: [['package-a', 'repository-apt']],
};
const textOf = (steps: Record<string, Step>, ...more: EngineEvent[]) =>
  releaseMarkdown({ diff: releaseDiff(previewed(steps, ...more)), stack: 'local' });

const source = { source: 'src', version: '1', revision: sha('c').slice(0, 40), parts: { rules: 'a' } };
const tag = { repository: 'r.io/n/a', digest: `sha256:${sha('a')}`, target: `sha256:${sha('a')}` };
/** A release of one package and one tag, and what becomes of them with the next version. */
const bump: Record<string, Step> = {
  'Source::source': { old: source, new: { ...source, version: '2', parts: { rules: 'b' } } },
  'Package::package-a': {
    old: { fileName: 'a-1.deb', version: '1', sha256: sha('1') },
    new: { fileName: 'a-2.deb', version: '2' },
  },
  'AptRepository::repository-apt': {
    old: { prefix: 'packages/deb', packages: [{ fileName: 'a-1.deb' }], problems: ['x|y is missing'] },
    new: {
      prefix: 'packages/deb',
      packages: [{ fileName: 'a-2.deb', aliases: ['a-2-x.deb'] }],
      expired: ['a-0.deb'],
    },
  },
  'Tag::tag-a-version': {
    old: { ...tag, tag: '1', targetVersion: '1' },
    new: { ...tag, tag: '2', digest: UNKNOWN, target: UNKNOWN, targetVersion: '2' },
  },
  'Gate::gate-a': { old: {}, new: { gate: 'a' } },
  'Gate::gate-b': { op: 'same', old: {}, new: { gate: 'b' } },
};

describe('a release diff in Markdown', () => {
  it('says from which version to which, what comes and goes, and draws it', () => {
    const warning = { diagnosticEvent: { severity: 'warning', message: 'the key <b> ends' } };
    const diff = releaseDiff(previewed(bump, warning));
    assert.equal(
      releaseMarkdown({ diff, stack: 'prod', picture }),
      `## Release diff of \`prod\`: \`1\` → \`2\`

1 package · 1 index · 1 tag · 1 of 2 gates run · 1 **deletion**

Source \`src\`, commit \`cccccccccccc\`; changed: rules.

### Deletions

- **\`a-0.deb\` is taken out of apt and deleted**

### Repairs

- apt: x&#124;y is missing

### Warnings

- the key &#60;b&#62; ends

### Packages

|  | file | version | sha256 | because |
| --- | --- | --- | --- | --- |
| new | \`a-2.deb\` | \`1\` → \`2\` | will be built | version |

### Indexes

**apt** \`packages/deb\`

- added: \`a-2.deb\` = \`a-2-x.deb\`
- **removed: \`a-0.deb\`**
- repaired: 1 (see Repairs)

### Tags

|  | tag | from | to |
| --- | --- | --- | --- |
| new | \`r.io/n/a:2\` |  | will be built (\`2\`) |

### Gates

1 of 2 run, before anything is published: \`a\`.

### Picture

Green is new, yellow changes, red goes, grey stays.

\`\`\`mermaid
flowchart LR
  n0["a-2.deb"]:::added
  n1[("apt<br>packages/deb")]:::changed
  n2>"a:2"]:::added
  n0 --> n1
  classDef added fill:#dafbe1,stroke:#1a7f37,stroke-width:2px,color:#1f2328
  classDef changed fill:#fff8c5,stroke:#9a6700,stroke-width:2px,color:#1f2328
\`\`\`
`,
    );
  });

  it('draws a source as it was, of which the version alone is another', () => {
    const drawn = (after: object) => {
      const diff = releaseDiff(
        previewed({ 'Source::source': { old: source, new: { ...source, ...after } } }),
      );
      const alone: Picture = {
        nodes: [{ resource: 'source', kind: 'source', label: ['source'] }],
        edges: [],
      };
      return /"\]\):::(\w+)/.exec(releaseMarkdown({ diff, stack: 'prod', picture: alone }))?.[1];
    };
    assert.equal(drawn({ version: '2' }), 'same');
    assert.equal(drawn({ version: '2', parts: { rules: 'b' } }), 'changed');
    assert.equal(drawn({ version: '2', source: 'other' }), 'changed');
    assert.equal(drawn({ version: '2', epoch: 1600000000 }), 'changed');
    assert.equal(drawn({ version: '2', revision: sha('d').slice(0, 40) }), 'changed');
  });

  it('of nothing is one line, with the warnings', () => {
    const steps = { 'Source::source': { op: 'same', old: source, new: source } };
    assert.equal(textOf(steps), '## Release diff of `local`: nothing changes (`1`)\n');
    const warning = { diagnosticEvent: { severity: 'warning', message: 'w' } };
    assert.equal(
      textOf(steps, warning),
      '## Release diff of `local`: nothing changes (`1`)\n\n### Warnings\n\n- w\n',
    );
  });

  it('of a failed preview has its reasons', () => {
    const error = { diagnosticEvent: { severity: 'error', message: 'falco:version: "v1" is no version' } };
    assert.equal(
      textOf({}, error),
      '## Release diff of `local`: the preview failed\n\n- falco:version: "v1" is no version\n\n' +
        'What follows is what it saw until then.\n',
    );
  });

  it('says in bold what is deleted, whatever it is', () => {
    const text = textOf({
      'Source::source': { op: 'delete', old: source },
      'Package::package-a': { op: 'delete', old: { fileName: 'a-1.deb', version: '1', sha256: sha('1') } },
      'YumRepository::repository-yum': { op: 'delete', old: { prefix: 'packages/rpm' } },
      'docker-build:index:Image::image-a': { op: 'delete', old: { digest: `sha256:${sha('a')}` } },
      'Tag::tag-a-latest': { op: 'delete', old: { ...tag, tag: 'latest', targetVersion: '1' } },
      'Release::tag-ledger': { new: { expired: ['0.9.0'] } },
      'aws:s3/bucket:Bucket::bucket': { op: 'replace', old: {}, new: {}, diffs: ['bucket'] },
      'aws:s3/bucket:Bucket::logs': { op: 'delete', old: {} },
    });
    assert.equal(
      text.slice(0, text.indexOf('### Packages')),
      `## Release diff of \`local\`: **everything is taken away**

1 package · 1 index · 1 image · 1 tag · 2 other resources · 8 **deletions**

### Deletions

- **package \`a-1.deb\` is no longer made**
- **yum repository \`packages/rpm\` is taken away**
- **images and tags of \`0.9.0\` are deleted**
- **image \`a\` is no longer made**
- **tag \`r.io/n/a:latest\` is removed**
- **\`source\` (\`artifacts:index:Source\`) is deleted**
- **\`logs\` (\`aws:s3/bucket:Bucket\`) is deleted**
- **\`bucket\` (\`aws:s3/bucket:Bucket\`) is deleted and made anew**

`,
    );
    assert.equal(
      text.slice(text.indexOf('### Other resources')),
      `### Other resources

|  | name | type | what differs |
| --- | --- | --- | --- |
| **replace** | \`bucket\` | \`aws:s3/bucket:Bucket\` | \`bucket\` |
| **delete** | \`logs\` | \`aws:s3/bucket:Bucket\` |  |
`,
    );
  });

  it('of a stack without a release has what changes there', () => {
    assert.equal(
      textOf({ 'aws:s3/bucket:Bucket::bucket': { diffs: ['tags'], old: {}, new: {} } }),
      `## Release diff of \`local\`: changes

1 other resource

### Other resources

|  | name | type | what differs |
| --- | --- | --- | --- |
| update | \`bucket\` | \`aws:s3/bucket:Bucket\` | \`tags\` |
`,
    );
  });

  it('says at its head what a version number does not: a back-port, a withdrawal, a version that is back', () => {
    const text = textOf({
      'Source::source': { old: source, new: { ...source, version: '0.9' } },
      'Downloads::repository-downloads': {
        old: { prefix: 'bin', withdrawn: ['0.7'], latest: { 'a.tgz': 'a-1.tgz', 'b.tgz': 'b-1.tgz' } },
        new: { prefix: 'bin', withdrawn: ['0.8'], latest: { 'a.tgz': 'a-0.9.tgz' } },
      },
      'Tag::tag-a-latest': { op: 'same', old: {}, new: { newest: true, version: '0.9', targetVersion: '1' } },
    });
    assert.equal(
      text,
      `## Release diff of \`local\`: \`1\` → \`0.9\`

1 index

Source \`src\`, commit \`cccccccccccc\`; its files are the same.

**\`0.8\` is withdrawn.**

\`0.7\` is offered again.

\`0.9\` stands beside \`1\`, which \`latest\` stays with.

### Indexes

**downloads** \`bin\`

- \`a.tgz\`: \`a-1.tgz\` → \`a-0.9.tgz\`
- \`b.tgz\`: \`b-1.tgz\` → **no file**
- withdrawn: \`0.8\`; the files stay, with a notice
- offered again: \`0.7\`
`,
    );
  });

  it('says that a folder has changes that no commit has', () => {
    const text = textOf({
      'Source::source': { old: source, new: { ...source, parts: { rules: 'b' }, isEdited: true } },
    });
    assert.match(text, /^Source `src`, commit `c{12}` with changes that no commit has; changed: rules\.$/m);
  });

  it('says at its head that a version is out already, and how much of it gets other bytes', () => {
    const released = (name: string, target: string) => ({
      ...tag,
      tag: name,
      channel: 'release',
      digest: target,
      target,
      targetVersion: '1',
    });
    const text = textOf({
      'Source::source': { old: source, new: { ...source, parts: { rules: 'b' } } },
      'YumRepository::repository-yum': {
        old: { prefix: 'rpm' },
        new: { prefix: 'rpm', rebuilt: { 'a.rpm': `${sha('1')} => to be built` } },
      },
      'Tag::tag-a': { old: released('1', `sha256:${sha('a')}`), new: released('1', `sha256:${sha('b')}`) },
    });
    assert.ok(
      text.includes(
        '\n\n**`1` is out already: 1 file and 1 tag of it may get other bytes under the same name.**\n\n',
      ),
      text,
    );
    assert.match(
      text,
      /^\| rebuilt \| `r\.io\/n\/a:1` \| `sha256:a{12}` \(`1`\) \| `sha256:b{12}` \(`1`\) \|$/m,
    );
  });

  it('says which keys sign and are published', () => {
    const keys = (fingerprint: string, indexKeys: string[]) => ({
      fingerprint,
      indexKeys,
      publishedKeys: [],
    });
    const text = textOf({ 'SigningKey::signing-key': { old: keys('A', ['C']), new: keys('B', ['A']) } });
    assert.equal(
      text.slice(text.indexOf('### Keys')),
      '### Keys\n\n- signing key: `A` → `B`\n- signs indexes, too: `A` is added\n' +
        '- signs indexes, too: **`C` is removed**\n',
    );
  });

  it('says in bold that another key signs images, and not each signature', () => {
    const [old, after] = [{ fingerprint: 'a' }, { fingerprint: 'b' }];
    const signed = (publicKey: string) => ({ repository: 'r/a', digest: 'sha256:1', publicKey });
    const text = textOf({
      'CosignKey::cosign-key': { old, new: after },
      'Attestation::attestation-a': { old: signed('A'), new: signed('B') },
    });
    assert.equal(text.slice(text.indexOf('### ')), '### Keys\n\n- **key of images**: `a` → `b`\n');
    const made = textOf({ 'CosignKey::cosign-key': { op: 'create', new: {} } });
    assert.equal(made.slice(made.indexOf('### ')), '### Keys\n\n- key of images: will be made\n');
  });

  it('says which signature was lost, and nothing of those that come with their image', () => {
    const text = textOf({
      'docker-build:index:Image::image-b': { op: 'create', new: {} },
      'Attestation::attestation-a': { op: 'create', new: { repository: 'r/a', digest: 'sha256:1' } },
      'Attestation::attestation-b': { op: 'create', new: { repository: 'r/b' } },
    });
    assert.match(text, /^\| create \| `attestation-a` \| `artifacts:index:Attestation` \|/m);
    assert.doesNotMatch(text, /attestation-b/);
  });

  it('says whom a promotion trusts where that changes', () => {
    const trust = (from: string, expectedKey: string, expectedCosignKey = 'c') => ({
      from,
      expectedKey,
      expectedCosignKey,
      pinned: { version: '1.0.0' },
    });
    const text = textOf({ 'Promotion::promotion': { old: trust('staging', 'A'), new: trust('evil', 'B') } });
    assert.equal(
      text.slice(text.indexOf('### Keys')),
      '### Keys\n\n- **taken from**: `staging` → `evil`\n- **expected key**: `A` → `B`\n',
    );
    const images = textOf({
      'Promotion::promotion': { old: trust('staging', 'A'), new: trust('staging', 'A', 'd') },
    });
    assert.equal(
      images.slice(images.indexOf('### Keys')),
      '### Keys\n\n- **expected key of images**: `c` → `d`\n',
    );
    const same = textOf({
      'Promotion::promotion': { old: trust('staging', 'A'), new: trust('staging', 'A') },
    });
    assert.doesNotMatch(same, /Keys/);
  });

  it('stays one table whatever the names are', () => {
    const evil = 'a`|<b>\n```\n|x|';
    const text = textOf({
      'Source::source': { op: 'create', new: { source: evil, version: evil } },
      'Package::package-a': { op: 'create', new: { fileName: evil, version: evil } },
    });
    const shown = '<code>a&#96;&#124;&#60;b&#62; &#96;&#96;&#96; &#124;x&#124;</code>';
    assert.ok(text.startsWith(`## Release diff of \`local\`: ${shown}, the first release\n`));
    assert.ok(text.includes(`\nSource ${shown}.\n`));
    assert.ok(text.includes(`\n| new | ${shown} | ${shown} | will be built |  |\n`));
    assert.doesNotMatch(text, /<b>|```/);
  });

  it('stays below the longest comment, and says what was cut', () => {
    const many = (count: number): Record<string, Step> =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [
          `Package::package-${i}`,
          { op: 'create', new: { fileName: `${'ü'.repeat(200)}-${i}.deb`, version: '1' } },
        ]),
      );
    const cut = (count: number, longest?: number) =>
      releaseMarkdown({ diff: releaseDiff(previewed(many(count))), stack: 'local', picture }, longest);
    const text = cut(3000);
    assert.ok(Buffer.byteLength(text) <= 65_000);
    assert.match(text, /\n… and 29\d\d more, cut to keep this short\n/);
    assert.match(text, /```mermaid/);
    assert.doesNotMatch(cut(3), /cut to keep/);
    const short = cut(3000, 3000);
    assert.ok(Buffer.byteLength(short) <= 3000);
    assert.ok(short.endsWith('\n… the rest was cut to keep this short\n'));
  });
});
