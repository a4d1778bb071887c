import assert from 'node:assert/strict';
import * as path from 'node:path';
import {
  bucketAddress,
  bucketUrl,
  builderAddress,
  repositoryAddress,
  withoutCredentials,
} from '../../location';

const address = (text: string) => bucketAddress(text, 'falco:bucket');

describe('the address of a bucket', () => {
  it('is a folder', () => {
    assert.deepEqual(address('.local/bucket'), { kind: 'folder', folder: '.local/bucket' });
    assert.deepEqual(address('file:///a%20b'), { kind: 'folder', folder: '/a b' });
    assert.equal(bucketUrl(address('.local/x')), `file://${path.resolve('.local/x')}`);
    assert.equal(bucketUrl(address('file:///a%20b/')), 'file:///a%20b');
  });

  it('is a bucket of AWS or of another server, and a prefix', () => {
    assert.deepEqual(address('s3://packages'), { kind: 's3', bucket: 'packages', prefix: '' });
    assert.deepEqual(address('s3://packages/a/b/?endpoint=http://127.0.0.1:7070/&region=eu-west-1'), {
      kind: 's3',
      bucket: 'packages',
      prefix: 'a/b',
      endpoint: 'http://127.0.0.1:7070',
      region: 'eu-west-1',
    });
    assert.equal(
      bucketUrl(address('s3://packages/a?region=eu-west-1')),
      'https://packages.s3.eu-west-1.amazonaws.com/a',
    );
    assert.equal(
      bucketUrl(address('s3://packages?endpoint=http://127.0.0.1:1')),
      'http://127.0.0.1:1/packages',
    );
  });

  const wrong: [string, RegExp][] = [
    [
      'https://host/x',
      /^falco:bucket: "https:\/\/host\/x" is no bucket; give a folder, or s3:\/\/BUCKET\[\/PREFIX\]$/,
    ],
    ['s3://', /is no bucket|is no name of a bucket/],
    ['s3://ab', /^falco:bucket: "ab" is no name of a bucket; give 3 to 63 of a-z, 0-9, \. and -$/],
    [
      's3://id:secret@packages',
      /^falco:bucket: credentials do not belong into the address[^]*AWS_PROFILE\)$/,
    ],
    ['s3://packages?endpoit=x', /there is no parameter endpoit; known are endpoint and region$/],
    ['s3://packages?endpoint=127.0.0.1:7070', /the endpoint "127\.0\.0\.1:7070" is no http/],
  ];
  for (const [text, message] of wrong) {
    it(`is not ${text}`, () => {
      assert.throws(
        () => address(text),
        (error: Error) => {
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /secret/);
          return true;
        },
      );
    });
  }
});

describe('the address of a builder', () => {
  it('is a socket, a host with perhaps a folder of certificates, or what BuildKit has a helper for', () => {
    const read = (text: string) => builderAddress(text, 'falco:buildkit');
    const cases: [string, string, string | undefined, boolean][] = [
      ['unix:///run/b.sock', 'unix:///run/b.sock', undefined, false],
      ['tcp://127.0.0.1:1234', 'tcp://127.0.0.1:1234', undefined, false],
      ['tcp://builder.example.org:1234', 'tcp://builder.example.org:1234', undefined, true],
      ['tcp://builder:1234?tls=.local/tls', 'tcp://builder:1234', '.local/tls', true],
      ['kube-pod://buildkitd-0?namespace=ci', 'kube-pod://buildkitd-0?namespace=ci', undefined, true],
      ['docker-container://buildkitd', 'docker-container://buildkitd', undefined, false],
    ];
    for (const [text, endpoint, certificates, isElsewhere] of cases)
      assert.deepEqual(read(text), { endpoint, certificates, isElsewhere });
    for (const text of ['', 'builder:1234', 'http://builder:1234', 'unix://'])
      assert.throws(() => read(text), {
        message: `falco:buildkit: "${text}" is no address of buildkitd; give one such as tcp://builder.example.org:1234?tls=FOLDER`,
      });
    for (const text of ['tcp://builder', 'tcp://builder:70000', 'tcp://user:secret@builder:1'])
      assert.throws(() => read(text), {
        message: `falco:buildkit: "${text}" has no host:port; give one such as tcp://builder.example.org:1234?tls=FOLDER`,
      });
    assert.throws(() => read('tcp://builder:1?key=x'), {
      message: 'falco:buildkit: "tcp://builder:1?key=x": there is no parameter key; known is tls',
    });
  });
});

describe('the repository of a build cache', () => {
  it('is a host and a path, without a tag', () => {
    const good = [
      'registry.example.org/cache',
      '127.0.0.1:5050/a/b',
      'localhost/c',
      'docker.io/ns/build-cache',
    ];
    for (const text of good) assert.equal(repositoryAddress(text, 'falco:cache'), text);
    for (const text of [
      'cache',
      'ns/cache',
      'host.example/cache:tag',
      'https://host.example/cache',
      'host.example/',
    ])
      assert.throws(() => repositoryAddress(text, 'falco:cache'), {
        message: `falco:cache: "${text}" is no repository; give host/path without a tag, such as registry.example.org/build-cache`,
      });
  });
});

describe('an address with credentials', () => {
  const SECRETS = [
    'https://user:secret@packages.example.org',
    'https://secret@git.example.org/falco#main',
    'ssh://git:secret@git.example.org/falco#main',
    'tcp://user:secret@builder:1234?tls=tls',
    'user:secret@registry.example.org/mirror',
    'user:sec/ret@127.0.0.1:5000',
    '["registry.example.org","user:secret@other.example.org/x"]',
    '{"libs":"https://user:secret@git.example.org/libs#1"}',
    '["-DMIRROR=https://user:secret@git.example.org"]',
  ];
  for (const text of SECRETS)
    it(`is refused: ${text}`, () => {
      assert.throws(() => withoutCredentials(text, 'falco:url'), {
        message: /^falco:url: has a password or token in an address(?![^]*sec\/?ret@)/,
      });
    });
  const PLAIN = [
    '',
    'https://packages.example.org:8443/a',
    '127.0.0.1:5050/falcosecurity',
    '["docker.io/falcosecurity","registry.example.org:5000/x"]',
    'git@git.example.org:team/falco#main',
    'ssh://git@git.example.org/falco#main',
    '{"a":"file:///x","b":"git@git.example.org:libs#1"}',
    'ssh://builder@host',
    'registry.example.org:5000/cache:tag@sha256:abc',
  ];
  for (const text of PLAIN) it(`is not what has none: ${text}`, () => withoutCredentials(text, 'falco:url'));
});
