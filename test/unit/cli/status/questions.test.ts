import assert from 'node:assert/strict';
import { catalog } from '../../../../catalog';
import { readOptions } from '../../../../cli/options';
import { movingTag, questionsOf, repositoryUrl } from '../../../../cli/status/questions';

const FINGERPRINT = '0123456789ABCDEF0123456789ABCDEF01234567';

describe('what `npm run status` is asked', () => {
  const questions = (...args: string[]) => questionsOf(readOptions('status', args));

  it('is read off the arguments: URLs of buckets, registries, expectations', () => {
    assert.deepEqual(
      questions(
        'https://packages.example.org/',
        '127.0.0.1:5050/falcosecurity',
        'file:///srv/bucket',
        'docker.io/falcosecurity',
        'https://packages.example.org',
        '--version=0.24.0',
        '--key',
        FINGERPRINT.toLowerCase().replace(/(.{4})/g, '$1 '),
        '--deep',
      ),
      {
        buckets: ['https://packages.example.org', 'file:///srv/bucket'],
        registries: ['127.0.0.1:5050/falcosecurity', 'docker.io/falcosecurity'],
        version: '0.24.0',
        channel: 'release',
        keys: [FINGERPRINT],
        deep: true,
      },
    );
  });

  it('is of the -dev repositories for the master channel and for a pre-release', () => {
    const all = [['--channel=master'], ['--version=0.24.0-rc1'], ['--version=0.24.0'], []].map((args) =>
      questions('https://example.org', ...args),
    );
    assert.deepEqual(
      all.map((one) => repositoryUrl('https://example.org', catalog, 'apt', one)),
      ['deb-dev', 'deb-dev', 'deb', 'deb'].map((name) => `https://example.org/packages/${name}`),
    );
    assert.deepEqual(all.map(movingTag), ['master', undefined, 'latest', 'latest']);
  });

  const wrong: [string[], RegExp][] = [
    [[], /^npm run status: nothing to ask; give the URL of the bucket's root/],
    [['ftp://example.org'], /^npm run status: "ftp:\/\/example.org" is not what clients are given; give/],
    [['https://example.org/?a=b'], /is not what clients are given/],
    [
      ['https://jane:secret@example.org'],
      /^npm run status: a URL with a password in it would be seen by others; give example.org without$/,
    ],
    [['https://'], /^npm run status: "https:\/\/" is no URL/],
    [['falcosecurity'], /^npm run status: "falcosecurity" is neither a URL nor a registry; give/],
    [['falcosecurity/falco'], /is neither a URL nor a registry/],
    [['.local/bucket'], /is neither a URL nor a registry/],
    [['docker.io/Falco:latest'], /is neither a URL nor a registry/],
    [['docker.io'], /is neither a URL nor a registry/],
    [['docker.io/x', '--key=ABCD'], /^--key: "ABCD" is no fingerprint; give 40 hex digits/],
    [['docker.io/x', '--version=v1.2.3'], /^--version: "v1.2.3" is no version; leave out the v: 1.2.3$/],
    [['docker.io/x', '--channel=dev'], /^--channel: "dev" is no channel; give release or master$/],
  ];
  for (const [args, message] of wrong)
    it(`is refused: ${args.join(' ') || 'nothing'}`, () => {
      assert.throws(() => questions(...args), { message });
    });
});
