/** `npm run status` against real places that are as they should be, on each channel, and what it says of them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { Report, statusTable } from '../../cli/status/table';
import { fingerprintOf, makeKey, sign } from '../../provider/attest/cosign';
import { copy, digest } from '../../provider/oci';
import { cosignKeyFile } from '../../provider/resources/cosignKeyFile';
import { freePort } from '../unit/freePort';
import { NEW, OLD, PublicPlaces } from './publicPlaces';
import { publishVersion } from './publicSet';

const ROOT = path.join(__dirname, '../..');

describe('the state of a release, seen from outside', function () {
  const at = PublicPlaces.of(this);

  it('is a table with a line for each place that is right', async () => {
    const report = await at.ask();
    const key = at.signer.fingerprint;
    assert.deepEqual(
      report.places.map(({ place, gaps, warnings, summary, takes }) => ({
        place,
        gaps,
        warnings,
        summary,
        takes,
      })),
      [
        { place: 'keys', summary: `${key} (Publishing tests (not for release))`, takes: undefined },
        { place: 'apt', summary: `falco ${NEW}, falco-bpf ${NEW}; signed by ${key}`, takes: NEW },
        { place: 'yum', summary: `falco ${NEW}, falco-bpf ${NEW}; signed by ${key}`, takes: NEW },
        { place: 'downloads', summary: `5 files of ${NEW}; signed by ${key}`, takes: NEW },
        { place: at.first, summary: `5 images: ${NEW} = latest`, takes: NEW },
        { place: at.second, summary: `5 images: ${NEW} = latest`, takes: NEW },
      ].map((one) => ({ ...one, gaps: [], warnings: [] })),
    );
    assert.match(statusTable(report), /\n\d+ checks, 0 gaps\n$/);
  });

  it('is the same where whole files are read, by file:// for who has the folder', async () => {
    assert.deepEqual(await at.gaps({ deep: true }), {});
    const folder = path.join(at.work, 'folder');
    await fs.mkdir(folder);
    await publishVersion({ ...at.publication, bucket: folder, url: `file://${folder}` }, NEW);
    assert.deepEqual(await at.gaps({ buckets: [`file://${folder}`], deep: true }), {});
  });

  it('of the master channel is that of the -dev repositories and the tag master', async () => {
    await publishVersion({ ...at.publication, flavour: 'dev' }, '0.25.0-dev.12');
    await at.tag(NEW, 'master');
    const report = await at.ask({ channel: 'master' });
    assert.deepEqual(
      report.places.flatMap(({ gaps }) => gaps),
      [],
    );
    assert.equal(report.version, '0.25.0-dev.12');
    await copy(at.image('falco-tester', OLD), `${at.second}/falco-tester:master`);
    assert.deepEqual(await at.gaps({ channel: 'master' }), {
      [at.second]: [
        `falco-tester:master is ${at.digests[`falco-tester:${OLD}`]}, in ${at.first} it is ${at.digests[`falco-tester:${NEW}`]}`,
      ],
    });
  });

  it('does not ask for a release that was taken back, whose tags and files stay', async () => {
    await publishVersion({ ...at.publication, withdrawn: [NEW] }, OLD);
    await at.tag(OLD, 'latest');
    const report = await at.ask();
    assert.equal(report.version, OLD);
    assert.deepEqual(
      report.places.flatMap(({ gaps }) => gaps),
      [],
    );
  });

  it('ends the command with 0 when all is right, with 1 on a gap, and with JSON when asked to', async () => {
    const command = (...args: string[]) =>
      new Promise<{ status: number | null; out: string }>((resolve, reject) => {
        const child = spawn('node', ['tools/run.mjs', 'status', at.front.url, at.first, ...args], {
          cwd: ROOT,
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let out = '';
        child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
        child.on('error', reject);
        child.on('close', (status) => resolve({ status, out }));
      });
    const right = await command('--key', at.signer.fingerprint);
    assert.equal(right.status, 0);
    assert.match(
      right.out,
      /^Falco 0\.24\.0 \(the newest that any place offers\), channel release\nSignatures of [0-9A-F]{40}\n/,
    );
    const wrong = await command('--version', '0.24.1', '--json');
    assert.equal(wrong.status, 1);
    type Said = Pick<Report, 'version' | 'keysFrom' | 'places'> & { gaps: number };
    const { version, keysFrom, gaps, places } = JSON.parse(wrong.out) as Said;
    assert.deepEqual([version, keysFrom], ['0.24.1', 'packages/falcosecurity-packages.asc']);
    const counts = { keys: 0, apt: 2, yum: 2, downloads: 5, [at.first]: 12 };
    assert.deepEqual(Object.fromEntries(places.map((one) => [one.place, one.gaps.length])), counts);
    assert.equal(gaps, 21);
    assert.deepEqual(places[1].gaps, [
      'falco 0.24.1 is not listed; apt takes 0.24.0',
      'falco-bpf 0.24.1 is not listed; apt takes 0.24.0',
    ]);
    assert.equal(places[4].gaps[1], 'falco:latest is 0.24.0, not 0.24.1');
  });

  it('warns of a key that ends within 30 days, which is no gap', async () => {
    const end = await at.publishEnding(20);
    const [keys] = (await at.ask()).places;
    assert.deepEqual(keys.gaps, []);
    assert.deepEqual(keys.warnings, [
      `the key ${at.signer.fingerprint} (Publishing tests (not for release)) expires on ${end?.toISOString().slice(0, 10)}`,
    ]);
  });

  it('verifies the images with the published key of images, where there is one', async () => {
    const home = path.join(at.work, 'cosign');
    const publicKey = await makeKey(path.join(home, 'key'), '');
    const names = catalog.images.flatMap(({ name, aliases }) => [
      `${name}:${NEW}`,
      ...aliases.map(({ repository, suffix }) => `${repository}:${NEW}${suffix}`),
    ]);
    const signAll = async (namespace: string) => {
      for (const name of names) {
        const found = await digest(`${namespace}/${name}`);
        const reference = `${namespace}/${name.replace(/:.*/, '')}@${found}`;
        await sign(reference, { key: path.join(home, 'key.key'), password: '' });
      }
    };
    await signAll(at.first);
    await cosignKeyFile.create({ bucket: at.bucket, file: 'packages/cosign/cosign.pub', publicKey });
    const by = fingerprintOf(publicKey);
    const unsigned = names.map((name) => `${name} is not signed by the key of images ${by}`);
    assert.deepEqual(await at.gaps(), { [at.second]: unsigned });
    await signAll(at.second);
    const { places } = await at.ask();
    assert.deepEqual(
      places.map(({ gaps }) => gaps),
      places.map(() => []),
    );
    assert.equal(places[4].summary, `5 images: ${NEW} = latest; signed by ${by}`);
    await fs.writeFile(at.file('packages/cosign/cosign.pub'), 'x');
    assert.deepEqual(await at.gaps(), { keys: ['packages/cosign/cosign.pub holds no public key'] });
  });

  it('names a registry that is silent, and one that is not there, in a line each', async () => {
    const silent = net.createServer();
    const sockets = new Set<net.Socket>();
    silent.on('connection', (socket) => sockets.add(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const mute = `127.0.0.1:${(silent.address() as net.AddressInfo).port}`;
    const nobody = `127.0.0.1:${await freePort()}`;
    try {
      assert.deepEqual(await at.gaps({ registries: [at.first, `${mute}/ns`, `${nobody}/ns`] }), {
        [`${mute}/ns`]: [`the registry ${mute} does not answer (no answer within 4 s)`],
        [`${nobody}/ns`]: [
          `the registry ${nobody} does not answer (dial tcp ${nobody}: connect: connection refused)`,
        ],
      });
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => silent.close(resolve));
    }
  });
});
