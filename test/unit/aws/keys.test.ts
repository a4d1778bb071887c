import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { bucketKeys } from '../../../bucketKeys';
import { catalog } from '../../../catalog';
import { openStore } from '../../../provider/store/open';
import { digestInKey } from '../../../provider/store/store';
import { repositories } from '../../publishing/repositories';
import { testSigner } from '../publish/bench';
import { S3Server, startS3 } from '../store/versitygw';
import { matches } from './policies';

describe('the keys of a bucket', () => {
  it('are told apart by the prefixes of the catalog', () => {
    assert.deepEqual(bucketKeys(catalog), {
      served: ['packages/', 'build/*/record/'],
      release: ['packages/deb/', 'packages/rpm/', 'packages/bin/x86_64/'],
      dev: ['packages/deb-dev/', 'packages/rpm-dev/', 'packages/bin-dev/x86_64/', 'packages/cosign-dev/'],
      publicKeys: [
        'packages/falcosecurity-packages.asc',
        'packages/falco-archive-keyring.gpg',
        'packages/cosign/',
      ],
      immutable: [
        'packages/*/pool/*',
        'packages/*/by-hash/*',
        'packages/*/generations/*',
        'packages/*/repodata/*-*',
        'packages/*/manifests/*.json.gz',
      ],
    });
  });

  it('follow another product', () => {
    const product = { ...catalog.product, name: 'kestrel', imageNamespace: 'birds' };
    assert.deepEqual(bucketKeys({ ...catalog, product }).publicKeys, [
      'packages/birds-packages.asc',
      'packages/kestrel-archive-keyring.gpg',
      'packages/cosign/',
    ]);
  });

  describe('as the real publisher writes them on an S3 server', function () {
    this.timeout(60_000);
    let server: S3Server;
    let work: string;
    const written: { key: string; cache: string }[] = [];

    before(async () => {
      server = await startS3();
      work = await fs.mkdtemp(path.join(os.tmpdir(), 'keys-'));
      const store = openStore(server.bucket('keys'), 'https://download.example.org');
      // Two publications: what moves, and what stays of the first.
      for (const version of ['1.0.0', '1.1.0'])
        for (const repository of repositories(await testSigner())) {
          const one = await repository.build(store, work, { name: 'sample', version });
          await repository.publish(store, [one]);
        }
      const client = new S3Client({ endpoint: server.endpoint, forcePathStyle: true, region: 'us-east-1' });
      for (const key of await store.list('packages/')) {
        const { CacheControl } = await client.send(new HeadObjectCommand({ Bucket: 'keys', Key: key }));
        written.push({ key, cache: CacheControl ?? '' });
      }
      client.destroy();
    });
    after(async () => {
      await server.stop();
      await fs.rm(work, { recursive: true, force: true });
    });

    const { immutable } = bucketKeys(catalog);
    const isImmutable = (key: string) => immutable.some((pattern) => matches(pattern, key));

    it('never have a fixed name among those that the CDN keeps', () => {
      assert.ok(written.length > 30, `${written.length} keys`);
      for (const { key } of written) if (isImmutable(key)) assert.notEqual(digestInKey(key), undefined, key);
      const fixed = written.map(({ key }) => key).filter((key) => !isImmutable(key));
      for (const name of [
        'packages/deb/dists/stable/InRelease',
        'packages/deb/dists/stable/main/binary-amd64/Packages.gz',
        'packages/deb/stable/sample-1.1.0-amd64.deb',
        'packages/rpm/mirrorlist',
        'packages/rpm/repodata/repomd.xml',
        'packages/rpm/repodata/repomd.xml.asc',
        'packages/bin/SHA256SUMS.asc',
        'packages/bin/manifests/SHA256SUMS.asc',
        'packages/bin/sample-x86.tar.gz',
        'packages/sample-packages.asc',
      ])
        assert.ok(fixed.includes(name), name);
    });

    it('are all kept that the store says never change', () => {
      const forEver = written.filter(({ cache }) => cache === 'public, max-age=31536000, immutable');
      assert.ok(forEver.length > 10, `${forEver.length} keys`);
      for (const { key } of forEver) assert.equal(isImmutable(key), true, key);
      // Signed indexes in a generation may be signed anew: there the object's own word holds, for no floor is set.
      for (const { key, cache } of written)
        if (!forEver.some((one) => one.key === key)) assert.equal(cache, 'no-cache', key);
    });
  });
});
