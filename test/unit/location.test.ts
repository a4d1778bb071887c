import assert from 'node:assert/strict';
import * as path from 'node:path';
import { bucketAddress, bucketUrl } from '../../location';

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
