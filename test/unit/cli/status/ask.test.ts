import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { Asker } from '../../../../cli/status/ask';
import { freePort } from '../../freePort';

describe('a question from outside', () => {
  const body = Buffer.from('the bytes');
  const sha256 = createHash('sha256').update(body).digest('hex');
  let folder: string;
  let server: http.Server;
  let url: string;
  let asker: Asker;
  let requests: string[];
  let answer: (request: http.IncomingMessage, response: http.ServerResponse) => void;

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ask-'));
    server = http.createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    fs.rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    requests = [];
    asker = new Asker({ silence: 300, total: 1500, atOnce: 2, pause: 1 });
    answer = (_, response) => response.writeHead(200, { etag: 'W/"tag"', 'content-length': 9 }).end(body);
  });
  afterEach(() => asker.close());

  it('gives a file, its size and digest, or that it is not there', async () => {
    assert.deepEqual(await asker.document(`${url}/a`, 9), {
      kind: 'there',
      value: { body, size: 9, etag: 'tag' },
    });
    assert.deepEqual(await asker.look(`${url}/a`), { kind: 'there', value: { size: 9, etag: 'tag' } });
    const copy = path.join(folder, 'copy');
    assert.deepEqual(await asker.whole(`${url}/a`, 9, copy), {
      kind: 'there',
      value: { size: 9, etag: 'tag', sha256 },
    });
    assert.deepEqual(fs.readFileSync(copy), body);
    assert.deepEqual(requests, ['GET /a', 'HEAD /a', 'GET /a']);
    answer = (_, response) => response.writeHead(404).end('no');
    assert.deepEqual(await asker.look(`${url}/a`), { kind: 'absent' });
    assert.deepEqual(await asker.document(`${url}/a`, 9), { kind: 'absent' });
  });

  it('does the same by file://', async () => {
    const file = path.join(folder, 'a b');
    fs.writeFileSync(file, body);
    const address = `file://${folder}/a%20b`;
    assert.deepEqual(await asker.document(address, 9), { kind: 'there', value: { body, size: 9 } });
    assert.deepEqual(await asker.look(address), { kind: 'there', value: { size: 9, etag: undefined } });
    assert.deepEqual(await asker.look(`file://${folder}/none`), { kind: 'absent' });
    assert.deepEqual(await asker.look(`file://${folder}`), { kind: 'absent' });
    assert.deepEqual(await asker.look(`${address}/below`), { kind: 'absent' });
  });

  it('asks for the size by GET where HEAD is refused or does not say it', async () => {
    answer = ({ method }, response) =>
      method === 'HEAD'
        ? response.writeHead(405).end()
        : response.writeHead(200, { 'content-length': 9 }).end(body);
    assert.deepEqual(await asker.look(`${url}/a`), { kind: 'there', value: { size: 9, etag: undefined } });
    answer = ({ method }, response) =>
      method === 'HEAD' ? response.end() : response.writeHead(200, { 'content-length': 9 }).end(body);
    assert.deepEqual(await asker.look(`${url}/a`), { kind: 'there', value: { size: 9, etag: undefined } });
  });

  it('is asked twice where the server fails or cuts the line, and once where it refuses', async () => {
    answer = (_, response) => response.writeHead(500).end();
    assert.deepEqual(await asker.document(`${url}/a`, 9), { kind: 'failed', why: 'HTTP 500' });
    answer = ({ socket }) => socket.destroy();
    assert.deepEqual(await asker.document(`${url}/b`, 9), { kind: 'failed', why: 'the connection was cut' });
    answer = (_, response) => response.writeHead(403).end();
    assert.deepEqual(await asker.document(`${url}/c`, 9), { kind: 'failed', why: 'HTTP 403' });
    assert.deepEqual(requests, ['GET /a', 'GET /a', 'GET /b', 'GET /b', 'GET /c']);
    answer = (_, response) =>
      requests.length === 6 ? response.writeHead(503).end() : response.writeHead(200).end(body);
    assert.equal((await asker.document(`${url}/d`, 9)).kind, 'there');
    assert.deepEqual(requests.slice(5), ['GET /d', 'GET /d']);
  });

  it('takes a body that ends too early for a failure', async () => {
    answer = ({ socket }, response) => {
      response.writeHead(200, { 'content-length': 9 }).write('the');
      setTimeout(() => socket.destroy(), 20);
    };
    assert.deepEqual(await asker.document(`${url}/a`, 9), { kind: 'failed', why: 'the connection was cut' });
  });

  it('reads no more than its limit', async () => {
    assert.deepEqual(await asker.document(`${url}/a`, 8), { kind: 'failed', why: 'more than 8 bytes' });
    assert.deepEqual(await asker.whole(`${url}/a`, 8), { kind: 'failed', why: 'more than 8 bytes' });
  });

  it('gives up a silent server, and after three times asks it no more', async () => {
    answer = () => {};
    for (let i = 0; i < 5; i++)
      assert.deepEqual(await asker.look(`${url}/a`), { kind: 'failed', why: 'no answer within 0.3 s' });
    assert.equal(requests.length, 3);
  });

  it('gives up an answer that trickles without end', async () => {
    answer = (_, response) => {
      response.writeHead(200);
      const trickle = setInterval(() => response.write('.'), 50);
      response.on('close', () => clearInterval(trickle));
    };
    const found = await asker.document(`${url}/a`, 1e6);
    assert.deepEqual(found, { kind: 'failed', why: 'not all of it within 1.5 s' });
  });

  it('follows redirections, but not for ever and not to a file', async () => {
    answer = ({ url: asked }, response) =>
      asked === '/a'
        ? response.writeHead(302, { location: '/b' }).end()
        : response.writeHead(200, { 'content-length': 9 }).end(body);
    assert.deepEqual(await asker.look(`${url}/a`), { kind: 'there', value: { size: 9, etag: undefined } });
    answer = (_, response) => response.writeHead(301, { location: '/a' }).end();
    assert.deepEqual(await asker.look(`${url}/a`), { kind: 'failed', why: 'too many redirections' });
    answer = (_, response) => response.writeHead(301, { location: 'file:///etc/hostname' }).end();
    assert.deepEqual(await asker.look(`${url}/a`), { kind: 'failed', why: 'redirected to file:' });
  });

  it('says why where nobody listens, and where a certificate is nobody’s', async () => {
    const port = await freePort();
    assert.deepEqual(await asker.look(`http://127.0.0.1:${port}/a`), {
      kind: 'failed',
      why: `connect ECONNREFUSED 127.0.0.1:${port}`,
    });
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
    const args = ['-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=127.0.0.1', '-keyout', key, '-out', cert];
    execFileSync('openssl', ['req', '-x509', ...args], { stdio: 'ignore' });
    const tls = https.createServer(
      { key: fs.readFileSync(key), cert: fs.readFileSync(cert) },
      (_, response) => response.end(body),
    );
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const address = `https://127.0.0.1:${(tls.address() as AddressInfo).port}/a`;
    assert.deepEqual(await asker.look(address), { kind: 'failed', why: 'self-signed certificate' });
    await new Promise((resolve) => tls.close(resolve));
  });
});
