import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as http from 'node:http';
import { AddressInfo } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { sha256 } from '../../../provider/formats/compress';
import { isIntact } from '../../../provider/publish/blobs';
import { openStore } from '../../../provider/store/open';
import { ConflictError, ImmutableError } from '../../../provider/store/store';
import { storeContract } from './contract';
import { S3Server, startS3 } from './versitygw';

describe('S3 store', () => {
  let server: S3Server;
  let count = 0;
  let address = '';

  before(async () => {
    server = await startS3();
  });
  after(() => server.stop());
  beforeEach(() => {
    address = server.bucket(`bucket-${count++}`);
  });

  storeContract(() => address);

  it('keeps to its prefix of the bucket', async () => {
    const [whole, part] = [openStore(address), openStore(address.replace('?', '/some/part?'))];
    await whole.put('other', Buffer.from('1'));
    await part.put('a/b', Buffer.from('2'));
    assert.deepEqual(await whole.list(''), ['other', 'some/part/a/b']);
    assert.deepEqual(await part.list(''), ['a/b']);
    assert.match(part.url, /^http:\/\/127\.0\.0\.1:\d+\/bucket-\d+\/some\/part$/);
  });

  it('says what an object is, and for how long a cache may keep it', async () => {
    const store = openStore(address);
    const digest = 'f'.repeat(64);
    const { HeadObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
    const { endpoint } = server;
    const client = new S3Client({ endpoint, forcePathStyle: true, region: 'us-east-1' });
    const told = async (Key: string) => {
      const Bucket = /s3:\/\/([^?]+)/.exec(address)?.[1] ?? '';
      const { ContentType, CacheControl } = await client.send(new HeadObjectCommand({ Bucket, Key }));
      return [ContentType, CacheControl];
    };
    await store.put('dists/stable/InRelease', Buffer.from('x'));
    await store.putImmutable('some/primary.xml.gz', Buffer.from('x'));
    await store.compareAndSwap('rpm/mirrorlist', Buffer.from('x'), undefined);
    await store.copy('some/primary.xml.gz', 'falco-1.2.3-amd64.deb');
    await store.copy('some/primary.xml.gz', `pool/${digest}/falco.rpm`);
    const FOR_EVER = 'public, max-age=31536000, immutable';
    assert.deepEqual(await told('dists/stable/InRelease'), ['text/plain; charset=utf-8', 'no-cache']);
    assert.deepEqual(await told('some/primary.xml.gz'), ['application/gzip', FOR_EVER]);
    assert.deepEqual(await told('rpm/mirrorlist'), ['text/plain; charset=utf-8', 'no-cache']);
    assert.deepEqual(await told('falco-1.2.3-amd64.deb'), [
      'application/vnd.debian.binary-package',
      'no-cache',
    ]);
    assert.deepEqual(await told(`pool/${digest}/falco.rpm`), ['application/x-rpm', FOR_EVER]);
    client.destroy();
  });

  it('knows by its bytes what others put there without its sha256', async () => {
    const store = openStore(address);
    const { PutObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
    const client = new S3Client({
      endpoint: server.endpoint,
      forcePathStyle: true,
      region: 'us-east-1',
      requestChecksumCalculation: 'WHEN_REQUIRED',
    });
    const Bucket = /s3:\/\/([^?]+)/.exec(address)?.[1] ?? '';
    await client.send(new PutObjectCommand({ Bucket, Key: 'theirs', Body: 'whole' }));
    client.destroy();
    assert.equal((await store.head('theirs'))?.sha256, undefined);
    await store.putImmutable('theirs', Buffer.from('whole'));
    await assert.rejects(store.putImmutable('theirs', Buffer.from('other')), ImmutableError);
    const intact = (text: string) => isIntact(store, 'theirs', { size: text.length, sha256: sha256(text) });
    assert.deepEqual([await intact('whole'), await intact('other')], [true, false]);
  });

  it('takes files in parts, several at once, and knows what they are', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 's3-parts-'));
    try {
      const store = openStore(address);
      const bodies = ['a', 'b', 'c', 'd'].map((letter) => Buffer.alloc(20e6, letter));
      const keys = bodies.map((body) => `pool/${sha256(body)}/large`);
      const files = bodies.map((body, i) => {
        const file = path.join(folder, String(i));
        fs.writeFileSync(file, body);
        return file;
      });
      await Promise.all(files.map((file, i) => store.putImmutable(keys[i], { file })));
      for (const [i, key] of keys.entries()) {
        const { size, sha256: digest } = (await store.head(key)) ?? {};
        assert.deepEqual({ size, digest }, { size: 20e6, digest: sha256(bodies[i]) });
        await store.download(key, path.join(folder, 'back'));
        assert.ok(fs.readFileSync(path.join(folder, 'back')).equals(bodies[i]));
      }
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  }).timeout(60_000);

  it('takes a bucket that is not there, and a server that does not answer, for errors', async () => {
    const missing = openStore(address.replace(/bucket-\d+/, 'no-such-bucket'));
    const gone = {
      message: `there is no bucket no-such-bucket on ${server.endpoint}; make it, or name another`,
    };
    await assert.rejects(missing.get('a'), gone);
    await assert.rejects(missing.head('a'), gone);
    await assert.rejects(missing.list(''), gone);
    await assert.rejects(missing.put('a', Buffer.from('')), gone);
    const silent = openStore('s3://bucket?endpoint=http://127.0.0.1:1');
    await assert.rejects(
      silent.get('a'),
      /the bucket bucket of http:\/\/127\.0\.0\.1:1: cannot read a: .*ECONNREFUSED/,
    );
  }).timeout(60_000);

  it('does not let a wrong secret pass for an empty bucket, nor tell the secret', async () => {
    const { AWS_SECRET_ACCESS_KEY: right } = process.env;
    process.env.AWS_SECRET_ACCESS_KEY = 'planted-wrong-secret';
    try {
      const store = openStore(`${address}&region=eu-west-1`);
      await assert.rejects(store.list(''), (error: Error) => {
        assert.match(error.message, /the bucket bucket-\d+ of \S+: cannot list : /);
        assert.doesNotMatch(error.message, /planted/);
        return true;
      });
    } finally {
      process.env.AWS_SECRET_ACCESS_KEY = right;
    }
  });

  describe('behind a line that breaks', () => {
    let proxy: http.Server;
    let through: string;
    /** What becomes of a request: passed on, refused with a status, cut before or after the server has done it. */
    let fate: (request: http.IncomingMessage, attempt: number) => 'pass' | 'cut' | 'lose answer' | number;
    let attempts = 0;

    beforeEach(async () => {
      attempts = 0;
      fate = () => 'pass';
      proxy = http.createServer((request, response) => {
        const decision = fate(request, ++attempts);
        if (typeof decision === 'number') return void response.writeHead(decision).end();
        if (decision === 'cut') return void request.socket.destroy();
        const { host } = new URL(server.endpoint);
        const passed = http.request(
          `${server.endpoint}${request.url}`,
          { method: request.method, headers: { ...request.headers, host: request.headers.host ?? host } },
          (answer) => {
            if (decision === 'lose answer')
              return void answer.resume().on('end', () => request.socket.destroy());
            response.writeHead(answer.statusCode ?? 500, answer.headers);
            answer.pipe(response);
          },
        );
        request.pipe(passed);
      });
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      through = address.replace(server.endpoint, endpoint);
    });
    afterEach(() => {
      proxy.closeAllConnections();
      proxy.close();
    });

    for (const [what, decision] of [
      ['a throttled', 503],
      ['a failed', 500],
      ['a cut', 'cut'],
    ] as const) {
      it(`asks again after ${what} request`, async () => {
        fate = (_, attempt) => (attempt <= 2 ? decision : 'pass');
        const store = openStore(through);
        await store.put('a', Buffer.from('1'));
        attempts = 0;
        assert.equal((await store.get('a'))?.body.toString(), '1');
      }).timeout(30_000);
    }

    it('knows its own swap whose answer was lost', async () => {
      const store = openStore(through);
      fate = (_, attempt) => (attempt === 1 ? 'lose answer' : 'pass');
      const etag = await store.compareAndSwap('x', Buffer.from('mine'), undefined);
      assert.equal((await store.get('x'))?.etag, etag);
      attempts = 0;
      const second = await store.compareAndSwap('x', Buffer.from('mine too'), etag);
      assert.equal((await openStore(address).get('x'))?.etag, second);
      attempts = 10;
      await assert.rejects(store.compareAndSwap('x', Buffer.from('late'), etag), ConflictError);
    }).timeout(30_000);

    it("gives up in the end, with the server's reason", async () => {
      fate = () => 503;
      await assert.rejects(openStore(through).put('a', Buffer.from('1')), /cannot write a: .*\(HTTP 503\)$/);
    }).timeout(60_000);
  });
});
