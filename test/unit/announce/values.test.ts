import assert from 'node:assert/strict';
import { servedImages } from '../../../announce/names';
import { changeValues, chartVariants, overrideValues, valuesPatch } from '../../../announce/values';
import { catalog } from '../../../catalog';
import { imagesOf, plain, templates, withLoader } from './charts';

const served = new Set(servedImages(catalog, '0.24.0').map((name) => `docker.io/${name}`));
const change = (text: string) => changeValues(catalog, '0.24.0', { file: 'values.yaml', text });

describe('values of the Helm chart', () => {
  it('name the image without driver beside an init container that loads it, changed in place', () => {
    assert.equal(
      change(withLoader).text,
      withLoader
        .replace('falcosecurity/falco\n', 'falcosecurity/falco-no-driver\n')
        .replace('tag: ""', 'tag: "0.24.0"')
        .replace("tag: ''", "tag: '0.24.0'"),
    );
  });

  it('name the image that loads the driver in a chart without such a container', () => {
    assert.equal(change(plain).text, plain.replace('0.23.0', '0.24.0'));
  });

  it('make references that the release serves: patched, and as values of a user', () => {
    const [loader, other] = chartVariants(catalog, '0.24.0').map(({ images }) =>
      overrideValues(images, '0.24.0'),
    );
    const expected = [
      'docker.io/falcosecurity/falco-no-driver:0.24.0',
      'docker.io/falcosecurity/falco-driver-loader:0.24.0',
    ];
    assert.deepEqual(imagesOf(templates.withLoader, '0.44.1', change(withLoader).text), expected);
    assert.deepEqual(imagesOf(templates.withLoader, '0.44.1', withLoader, loader ?? ''), expected);
    const alone = ['docker.io/falcosecurity/falco:0.24.0'];
    assert.deepEqual(imagesOf(templates.plain, '0.23.0', change(plain).text), alone);
    assert.deepEqual(imagesOf(templates.plain, '0.23.0', plain, other ?? ''), alone);
    for (const reference of [...expected, ...alone]) assert.ok(served.has(reference), reference);
    // Without the change they are those of before.
    assert.deepEqual(imagesOf(templates.plain, '0.23.0', plain), ['docker.io/falcosecurity/falco:0.23.0']);
    assert.ok(!served.has('docker.io/falcosecurity/falco:0.23.0'));
  });

  it('become a patch with their path, and none where nothing changes', () => {
    assert.equal(
      valuesPatch('charts/falco/values.yaml', plain, change(plain).text),
      [
        '--- a/charts/falco/values.yaml',
        '+++ b/charts/falco/values.yaml',
        '@@ -1,5 +1,5 @@',
        ' image:',
        '   registry: docker.io',
        '   repository: falcosecurity/falco',
        '-  tag: 0.23.0',
        '+  tag: 0.24.0',
        '   pullPolicy: IfNotPresent',
        '',
      ].join('\n'),
    );
    const after = change(plain).text;
    assert.equal(change(after).text, after);
    assert.equal(valuesPatch('values.yaml', after, after), '');
  });

  it('are left alone where the chart has a newer version, in the tag or as appVersion', () => {
    const newer = plain.replace('0.23.0', '0.25.0');
    const { text, remark } = change(newer);
    assert.equal(text, newer);
    assert.equal(remark, 'values.yaml has 0.25.0 at image, which is newer; it is left alone');
    const current = { file: 'values.yaml', text: withLoader, appVersion: '0.44.1' };
    assert.equal(changeValues(catalog, '0.24.0', current).text, withLoader);
  });

  it('keep a registry that stands in the repository, and fill in an empty tag', () => {
    const text = 'image:\n  repository: mirror.example/falcosecurity/falco\n  tag:\n';
    assert.equal(
      change(text).text,
      'image:\n  repository: mirror.example/falcosecurity/falco\n  tag: 0.24.0\n',
    );
  });

  const wrong: [string, RegExp][] = [
    ['a: [', /^values\.yaml: is no YAML: /],
    [
      'replicas: 1\n',
      /^values\.yaml: has none of image, driver\.loader\.initContainer\.image; mend announcement\.ts$/,
    ],
    ['image:\n  repository: x/y\n', /^values\.yaml: has no image\.tag; mend announcement\.ts, or the file$/],
  ];
  for (const [text, message] of wrong)
    it(`are refused: ${JSON.stringify(text)}`, () => assert.throws(() => change(text), { message }));
});
