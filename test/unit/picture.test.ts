import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { pictureDot } from '../../docs/dot';
import { releaseSvg } from '../../docs/releaseSvg';
import { mermaid } from '../../cli/releaseDiff/mermaid';
import { only, Picture, releasePicture } from '../../picture';

const architecture = catalog.architectures[0];

describe('the picture of a release', () => {
  const { nodes, edges } = releasePicture(catalog, architecture, '1.2.3');
  const labels = (kind: string) =>
    nodes.filter((node) => node.kind === kind).map(({ label }) => label.join(' '));

  it('has the source, every package, repository, image and tag of the catalog', () => {
    assert.deepEqual(labels('source'), ['source']);
    assert.equal(labels('package').length, catalog.packages.length);
    assert.equal(labels('package')[0], 'falco-1.2.3-module-amd64.deb');
    assert.deepEqual(labels('repository'), [
      'apt packages/deb',
      'yum packages/rpm',
      'downloads packages/bin/x86_64',
    ]);
    assert.deepEqual(
      labels('image'),
      catalog.images.map(({ name }) => name),
    );
    assert.deepEqual(labels('tag').slice(6, 12), [
      'falco-no-driver:1.2.3',
      'falco-no-driver:latest',
      'falco-no-driver:master',
      'falco:1.2.3-slim',
      'falco:latest-slim',
      'falco:master-slim',
    ]);
  });

  it('says what goes into what', () => {
    const into = (to: string) => edges.filter(([, one]) => one === to).map(([from]) => from);
    assert.deepEqual(into('package-tree'), ['source', 'image-falco-builder']);
    assert.deepEqual(into('package-src'), ['source']);
    assert.deepEqual(into('repository-apt'), ['package-deb-module', 'package-deb-bpf']);
    assert.deepEqual(into('image-falco'), ['package-deb-module', 'package-tree']);
    assert.deepEqual(into('image-falco-driver-loader'), ['image-falco']);
    assert.deepEqual(into('tag-falco-slim-latest'), ['image-falco-no-driver']);
  });

  it('has no line to or from what is left out', () => {
    const found = only({ nodes, edges }, ({ kind }) => kind !== 'package');
    assert.deepEqual(found.nodes.length, nodes.length - catalog.packages.length);
    assert.deepEqual(
      found.edges.filter((edge) => edge.some((one) => one === 'package-deb-module')),
      [],
    );
  });

  it('keeps its lines and labels whatever the names are', () => {
    const evil: Picture = {
      nodes: [{ resource: 'a"b\\', kind: 'image', label: ['x"]; y\n```', '<b>'] }],
      edges: [['a"b\\', 'a"b\\']],
    };
    assert.equal(
      mermaid(evil, () => 'removed'),
      'flowchart LR\n  n0{{"x#34;#93;#59; y#10;#96;#96;#96;<br>#60;b#62;"}}:::removed\n  n0 --> n0\n' +
        '  classDef removed fill:#ffebe9,stroke:#cf222e,stroke-width:2px,stroke-dasharray:4,color:#1f2328\n',
    );
    assert.match(pictureDot(evil), /^ {2}"a\\"b\\\\" \[label="x\\"\]; y\n```\\n<b>" shape=component /m);
    assert.match(pictureDot(evil), /^ {2}"a\\"b\\\\" -> "a\\"b\\\\"$/m);
  });

  it('in docs/release.svg is what the catalog says (mended by: npm run graph)', async () => {
    const written = fs.readFileSync(path.resolve(__dirname, '../../docs/release.svg'), 'utf8');
    assert.equal(written, await releaseSvg(catalog));
    assert.equal(await releaseSvg(catalog), written);
    assert.doesNotMatch(written, /master/);
  });
});
