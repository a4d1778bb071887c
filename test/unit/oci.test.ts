import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import {
  copy,
  copyWithAttachments,
  digest,
  pushFiles,
  pushRootfs,
  remove,
  repositoryOf,
  withdraw,
} from '../../provider/oci';
import { freePort } from './freePort';
import { startRegistry, TestRegistry } from './registryServer';

const ABSENT = `sha256:${'0'.repeat(64)}`;

describe('oci', () => {
  let folder: string;
  let host: string;
  let fixed: string;
  let tarFile: string;
  const registries: TestRegistry[] = [];

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oci-test-'));
    const deletable = await startRegistry(folder, true);
    const kept = await startRegistry(folder, false);
    registries.push(deletable, kept);
    ({ host } = deletable);
    fixed = kept.host;
    fs.mkdirSync(path.join(folder, 'files'));
    fs.writeFileSync(path.join(folder, 'files', 'package.deb'), 'not really one');
    tarFile = path.join(folder, 'files.tar');
    const options = ['--sort=name', '--owner=0', '--group=0', '--mode=0644', '--mtime=@1'];
    execFileSync('tar', [...options, '-C', path.join(folder, 'files'), '-cf', tarFile, 'package.deb']);
  });

  after(async () => {
    for (const registry of registries) await registry.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it('pushes files as an untagged image for linux/amd64 whose digest depends on the bytes only', async () => {
    const first = await pushFiles(`${host}/ns/context`, tarFile);
    const second = await pushFiles(`${host}/ns/other`, tarFile);
    assert.equal(first, second);
    const reference = `${host}/ns/context@${first}`;
    assert.equal(await digest(reference), first);
    const config = JSON.parse(execFileSync('crane', ['config', reference], { encoding: 'utf8' })) as object;
    const sum = execFileSync('sha256sum', [tarFile], { encoding: 'utf8' }).slice(0, 64);
    assert.deepEqual(config, {
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [`sha256:${sum}`] },
    });
    const listing = execFileSync('sh', ['-c', 'crane export "$1" - | tar -t', 'sh', reference], {
      encoding: 'utf8',
    });
    assert.equal(listing, 'package.deb\n');
  });

  it('pushes a root file system gzipped', async () => {
    const made = await pushRootfs(`${host}/ns/base`, tarFile);
    const text = execFileSync('crane', ['manifest', `${host}/ns/base@${made}`], { encoding: 'utf8' });
    const { layers } = JSON.parse(text) as { layers: { mediaType: string }[] };
    assert.deepEqual(
      layers.map(({ mediaType }) => mediaType),
      ['application/vnd.oci.image.layer.v1.tar+gzip'],
    );
    const bytes = execFileSync('crane', ['export', `${host}/ns/base@${made}`, '-']);
    assert.match(
      execFileSync('tar', ['-xO', 'package.deb'], { input: bytes, encoding: 'utf8' }),
      /^not really one$/,
    );
  });

  it('says undefined for a tag, digest or repository that the registry does not have', async () => {
    const made = await pushFiles(`${host}/ns/known`, tarFile);
    assert.equal(await digest(`${host}/ns/known:nope`), undefined);
    assert.equal(await digest(`${host}/ns/known@${ABSENT}`), undefined);
    assert.equal(await digest(`${host}/ns/unknown:latest`), undefined);
    assert.equal(await digest(`${host}/ns/known@${made}`), made);
  });

  it('throws when no registry answers, and names it', async () => {
    const silent = `127.0.0.1:${await freePort()}`;
    await assert.rejects(digest(`${silent}/ns/image:1`), {
      message: new RegExp(
        `^the registry ${silent} does not answer \\(dial tcp .*connection refused\\); start it, or`,
      ),
    });
  });

  it('throws when something that is no registry answers 404', async () => {
    const server = http.createServer((_, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await assert.rejects(
        digest(`127.0.0.1:${port}/ns/image:1`),
        /^Error: the registry 127\.0\.0\.1:\d+ does not answer/,
      );
    } finally {
      server.close();
    }
  });

  it('gives up on a registry that never answers, at the timeout', async () => {
    const server = http.createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await assert.rejects(
        digest(`127.0.0.1:${port}/ns/image:1`, { timeout: 300 }),
        /does not answer \(no answer within 0\.3 s\)/,
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('copies to a tag of the same repository, and moves it', async () => {
    const repository = `${host}/ns/tagged`;
    const made = await pushFiles(repository, tarFile);
    const other = await pushRootfs(repository, tarFile);
    await copy(`${repository}@${made}`, `${repository}:latest`);
    assert.equal(await digest(`${repository}:latest`), made);
    await copy(`${repository}@${other}`, `${repository}:latest`);
    assert.equal(await digest(`${repository}:latest`), other);
  });

  it('copies by digest into another repository and registry', async () => {
    const made = await pushFiles(`${host}/ns/from`, tarFile);
    await copy(`${host}/ns/from@${made}`, `${host}/ns/to:1.2.3`);
    await copy(`${host}/ns/from@${made}`, `${fixed}/ns/to@${made}`);
    assert.equal(await digest(`${host}/ns/to:1.2.3`), made);
    assert.equal(await digest(`${fixed}/ns/to@${made}`), made);
  });

  it('copies with attachments from repositories without any tag, many at once', async () => {
    const repositories = Array.from({ length: 12 }, (_, i) => `${host}/ns/untagged-${i}`);
    const made = await Promise.all(repositories.map((repository) => pushFiles(repository, tarFile)));
    const copied = (i: number) => `${host}/ns/copied-${i}@${made[i]}`;
    await Promise.all(repositories.map((one, i) => copyWithAttachments(`${one}@${made[i]}`, copied(i))));
    const found = await Promise.all(made.map((_, i) => digest(copied(i))));
    assert.deepEqual(found, made);
  });

  it('names the image that is to be copied and is not there', async () => {
    await assert.rejects(copy(`${host}/ns/none:1`, `${host}/ns/to:1`), {
      message: `${host}/ns/none:1 for ${host}/ns/to:1 is not in the registry ${host}`,
    });
  });

  it('removes a tag and leaves the image, then removes the image', async () => {
    const repository = `${host}/ns/removed`;
    const made = await pushFiles(repository, tarFile);
    await copy(`${repository}@${made}`, `${repository}:1.2.3`);
    assert.equal(await remove(`${repository}:1.2.3`), 'removed');
    assert.equal(await digest(`${repository}:1.2.3`), undefined);
    assert.equal(await digest(`${repository}@${made}`), made);
    assert.equal(await remove(`${repository}@${made}`), 'removed');
    assert.equal(await digest(`${repository}@${made}`), undefined);
  });

  it('finds nothing wrong with removing what is not there', async () => {
    assert.equal(await remove(`${host}/ns/removed:never`), 'absent');
    assert.equal(await remove(`${host}/ns/never@${ABSENT}`), 'absent');
  });

  it('says so when the registry does not allow deletion', async () => {
    const made = await pushFiles(`${fixed}/ns/kept`, tarFile);
    await copy(`${fixed}/ns/kept@${made}`, `${fixed}/ns/kept:1`);
    assert.equal(await remove(`${fixed}/ns/kept@${made}`), 'not allowed');
    assert.equal(await remove(`${fixed}/ns/kept:1`), 'not allowed');
    assert.equal(await digest(`${fixed}/ns/kept:1`), made);
    const said: string[] = [];
    const write = process.stderr.write.bind(process.stderr);
    process.stderr.write = (line: string | Uint8Array) => said.push(String(line)) > 0;
    try {
      await withdraw([`${fixed}/ns/kept:1`, `${host}/ns/never:1`, `${fixed}/ns/kept@${made}`]);
    } finally {
      process.stderr.write = write;
    }
    assert.deepEqual(said, [
      `warning: the registry does not allow deletion, these stay: ${fixed}/ns/kept:1, ${fixed}/ns/kept@${made}\n`,
    ]);
  });

  it('takes the repository off a reference', () => {
    assert.equal(repositoryOf('127.0.0.1:5000/ns/image:1.2'), '127.0.0.1:5000/ns/image');
    assert.equal(repositoryOf(`127.0.0.1:5000/ns/image@${ABSENT}`), '127.0.0.1:5000/ns/image');
    assert.equal(repositoryOf('localhost:5000/ns/image'), 'localhost:5000/ns/image');
  });
});
