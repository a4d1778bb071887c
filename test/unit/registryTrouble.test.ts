/** A registry that throttles, fails or cuts the line: asked again, and in the end an error, never "gone". */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { copy, digest, pushFiles } from '../../provider/oci';
import { startRegistry, TestRegistry } from './registryServer';

describe('a registry in trouble', function () {
  this.timeout(120_000);
  let folder: string;
  let registry: TestRegistry;
  let proxy: http.Server;
  let through: string;
  let made: string;
  /** What becomes of the n-th request, from 1 on. */
  let fate: (count: number) => 'pass' | 'cut' | number;
  let count = 0;

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'registry-trouble-'));
    registry = await startRegistry(folder, true);
    const tar = path.join(folder, 'files.tar');
    fs.writeFileSync(tar, Buffer.alloc(10240));
    made = await pushFiles(`${registry.host}/ns/image`, tar);
    await copy(`${registry.host}/ns/image@${made}`, `${registry.host}/ns/image:1`);
    proxy = http.createServer((request, response) => {
      const decision = fate(++count);
      if (decision === 'cut') return void request.socket.destroy();
      if (typeof decision === 'number') return void response.writeHead(decision).end();
      const url = `http://${registry.host}${request.url}`;
      const { method, headers } = request;
      const passed = http.request(url, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      passed.on('error', () => request.socket.destroy());
      request.pipe(passed);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    through = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  after(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await registry.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    count = 0;
    fate = () => 'pass';
  });

  for (const decision of [429, 500, 503, 'cut'] as const) {
    const what = decision === 'cut' ? 'that was cut off' : `that was answered with ${decision}`;

    it(`is asked again after a request ${what}, for a question and a copy`, async () => {
      fate = (request) => (request === 2 ? decision : 'pass');
      assert.equal(await digest(`${through}/ns/image:1`), made);
      count = 0;
      await copy(`${through}/ns/image@${made}`, `${through}/ns/copy-${decision}:1`);
      assert.equal(await digest(`${registry.host}/ns/copy-${decision}:1`), made);
    });

    it(`is an error, and nothing is taken for gone, when every request is one ${what}`, async () => {
      fate = () => decision;
      await assert.rejects(digest(`${through}/ns/image:1`), new RegExp(`^Error: the registry ${through}`));
      await assert.rejects(
        copy(`${through}/ns/image@${made}`, `${through}/ns/never:1`),
        new RegExp(`^Error: the registry ${through}`),
      );
    });
  }
});
