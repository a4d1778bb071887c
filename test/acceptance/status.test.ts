/** `npm run status` against real places: all right, and then with one thing broken at a time. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { catalog } from '../../catalog';
import { Limits } from '../../cli/status/ask';
import { statusOf } from '../../cli/status/command';
import { Questions } from '../../cli/status/questions';
import { Report, statusTable } from '../../cli/status/table';
import { publicNames } from '../../names';
import { createLocalKey, openSigner, Signer } from '../../provider/gpg';
import { changeKeys } from '../../provider/gpgSession';
import { clearText } from '../../provider/gpgVerify';
import { copy, remove } from '../../provider/oci';
import { Fate, Front, startFront } from '../publishing/front';
import { freePort } from '../unit/freePort';
import { testHome, testSigner } from '../unit/publish/bench';
import { startRegistry, TestRegistry } from '../unit/registryServer';
import { publishVersion, pushImages, settingsIn, tagImages } from './publicSet';

const run = promisify(execFile);
const ROOT = path.join(__dirname, '../..');
const [OLD, NEW] = ['0.23.0', '0.24.0'];
const LIMITS: Limits = { silence: 4000, total: 60_000, atOnce: 8, pause: 10 };
const DEB = 'packages/deb';
const INRELEASE = `${DEB}/dists/stable/InRelease`;
const SUMS = 'packages/bin/x86_64/SHA256SUMS.asc';
const { product } = catalog;

describe('the state of a release, seen from outside', function () {
  this.timeout(240_000);
  let work: string;
  /** As it should be; every test gets a copy. */
  let whole: string;
  let bucket: string;
  let front: Front;
  let fate: (key: string) => Fate;
  let registries: TestRegistry[];
  let digests: Record<string, string>;
  let first: string;
  let second: string;
  let signer: Signer;

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'status-'));
    whole = path.join(work, 'whole');
    await fs.mkdir(whole);
    bucket = whole;
    front = await startFront(
      () => bucket,
      0,
      (key) => fate(key),
    );
    signer = await testSigner();
    for (const version of [OLD, NEW])
      await publishVersion({ bucket: whole, url: front.url, signer, work }, version);
    registries = [await startRegistry(await temporary(), true), await startRegistry(await temporary(), true)];
    [first, second] = registries.map(({ host }) => `${host}/falcosecurity`);
    digests = await pushImages(first, work, [OLD, NEW]);
  });
  after(async () => {
    await front.close();
    for (const registry of registries) await registry.stop();
    await fs.rm(work, { recursive: true, force: true });
  });
  beforeEach(async () => {
    fate = () => 'answer';
    bucket = await temporary();
    await run('cp', ['-a', `${whole}/.`, bucket]);
    for (const namespace of [first, second]) {
      await tagImages(first, namespace, digests, OLD, OLD);
      await tagImages(first, namespace, digests, NEW, NEW);
      await tagImages(first, namespace, digests, NEW, 'latest');
    }
  });

  const temporary = () => fs.mkdtemp(path.join(work, 'copy-'));
  const file = (key: string) => path.join(bucket, key);
  const ask = (questions: Partial<Questions> = {}) =>
    statusOf(
      {
        buckets: [front.url],
        registries: [first, second],
        channel: 'release',
        keys: [],
        deep: false,
        ...questions,
      },
      LIMITS,
    );
  /** What is wrong, by place. */
  const gapsOf = async (questions: Partial<Questions> = {}) => {
    const { places } = await ask(questions);
    return Object.fromEntries(places.flatMap(({ place, gaps }) => (gaps.length > 0 ? [[place, gaps]] : [])));
  };
  const edit = async (key: string, change: (text: string) => string) => {
    const text = await fs.readFile(file(key), 'utf8');
    const changed = change(text);
    assert.notEqual(changed, text);
    await fs.writeFile(file(key), changed);
  };
  const otherSigner = async () => {
    const home = await fs.mkdtemp(path.join(work, 'other-key-'));
    await createLocalKey({ home, uid: 'Somebody else' });
    return openSigner({ home, setting: 'test:key' });
  };
  /** The same key, which now ends in some days. */
  const ending = async (days: number) => {
    const home = await fs.mkdtemp(path.join(work, 'ending-'));
    await run('cp', ['-a', `${await testHome()}/.`, home]);
    await changeKeys(home, (gpg) =>
      gpg.run(['--quick-set-expire', signer.fingerprint, `seconds=${days * 24 * 3600}`]),
    );
    return openSigner({ home, setting: 'test:key' });
  };

  it('is a table with a line for each place that is right', async () => {
    const report = await ask();
    const key = signer.fingerprint;
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
        { place: first, summary: `5 images: ${NEW} = latest`, takes: NEW },
        { place: second, summary: `5 images: ${NEW} = latest`, takes: NEW },
      ].map((one) => ({ ...one, gaps: [], warnings: [] })),
    );
    assert.match(statusTable(report), /\n\d+ checks, 0 gaps\n$/);
  });

  it('is the same where whole files are read, by file:// for who has the folder', async () => {
    assert.deepEqual(await gapsOf({ deep: true }), {});
    const folder = path.join(work, 'folder');
    await fs.mkdir(folder);
    await publishVersion({ bucket: folder, url: `file://${folder}`, signer, work }, NEW);
    assert.deepEqual(await gapsOf({ buckets: [`file://${folder}`], deep: true }), {});
  });

  it('of the master channel is that of the -dev repositories and the tag master', async () => {
    const dev = { bucket, url: front.url, signer, work, flavour: 'dev' as const };
    await publishVersion(dev, '0.25.0-dev.12');
    for (const namespace of [first, second]) await tagImages(first, namespace, digests, NEW, 'master');
    const report = await ask({ channel: 'master' });
    assert.deepEqual(
      report.places.flatMap(({ gaps }) => gaps),
      [],
    );
    assert.equal(report.version, '0.25.0-dev.12');
    const old = `${second}/falco-tester:master`;
    await copy(`${first}/falco-tester@${digests[`falco-tester:${OLD}`]}`, old);
    assert.deepEqual(await gapsOf({ channel: 'master' }), {
      [second]: [
        `falco-tester:master is ${digests[`falco-tester:${OLD}`]}, in ${first} it is ${digests[`falco-tester:${NEW}`]}`,
      ],
    });
  });

  it('does not ask for a release that was taken back, whose tags and files stay', async () => {
    await publishVersion({ bucket, url: front.url, signer, work, withdrawn: [NEW] }, OLD);
    for (const namespace of [first, second]) await tagImages(first, namespace, digests, OLD, 'latest');
    const report = await ask();
    assert.equal(report.version, OLD);
    assert.deepEqual(
      report.places.flatMap(({ gaps }) => gaps),
      [],
    );
  });

  it('ends the command with 0 when all is right, with 1 on a gap, and with JSON when asked to', async () => {
    const command = (...args: string[]) =>
      new Promise<{ status: number | null; out: string }>((resolve, reject) => {
        const child = spawn('node', ['tools/run.mjs', 'status', front.url, first, ...args], {
          cwd: ROOT,
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let out = '';
        child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
        child.on('error', reject);
        child.on('close', (status) => resolve({ status, out }));
      });
    const right = await command('--key', signer.fingerprint);
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
    const counts = { keys: 0, apt: 2, yum: 2, downloads: 5, [first]: 12 };
    assert.deepEqual(Object.fromEntries(places.map((one) => [one.place, one.gaps.length])), counts);
    assert.equal(gaps, 21);
    assert.deepEqual(places[1].gaps, [
      'falco 0.24.1 is not listed; apt takes 0.24.0',
      'falco-bpf 0.24.1 is not listed; apt takes 0.24.0',
    ]);
    assert.equal(places[4].gaps[1], 'falco:latest is 0.24.0, not 0.24.1');
  });

  const cases: {
    title: string;
    breaks: () => Promise<unknown>;
    questions?: Partial<Questions>;
    gaps: () => object;
  }[] = [
    {
      title: 'latest one release behind',
      breaks: () => copy(`${first}/falco@${digests[`falco:${OLD}`]}`, `${first}/falco:latest`),
      gaps: () => ({ [first]: [`falco:latest is ${OLD}, not ${NEW}`] }),
    },
    {
      title: 'a stale alias',
      breaks: () =>
        copy(`${first}/falco-no-driver@${digests[`falco-no-driver:${OLD}`]}`, `${second}/falco:latest-slim`),
      gaps: () => ({ [second]: [`falco:latest-slim is ${OLD}, not ${NEW}`] }),
    },
    {
      title: 'a tag missing in the second registry',
      breaks: () => remove(`${second}/falco-tester:${NEW}`),
      gaps: () => ({ [second]: [`falco-tester:${NEW} is not there`] }),
    },
    {
      title: 'another image in the second registry',
      breaks: async () => {
        const old = `${first}/falco-builder@${digests[`falco-builder:${OLD}`]}`;
        await copy(old, `${second}/falco-builder:${NEW}`);
        await copy(old, `${second}/falco-builder:latest`);
      },
      gaps: () => ({
        [second]: [
          `falco-builder:${NEW} is ${digests[`falco-builder:${OLD}`]}, in ${first} it is ${digests[`falco-builder:${NEW}`]}`,
        ],
      }),
    },
    {
      title: 'a deb deleted',
      breaks: async () => {
        const pool = file(`${DEB}/pool`);
        const name = `falco-${OLD}-module-amd64.deb`;
        for (const digest of await fs.readdir(pool))
          await fs.rm(path.join(pool, digest, name), { force: true });
      },
      gaps: () => ({
        apt: [`pool/${digestOf(`falco-${OLD}-module-amd64.deb`)}/falco-${OLD}-module-amd64.deb is not there`],
      }),
    },
    {
      title: 'a deb cut short under an alias',
      breaks: () => fs.truncate(file(`${DEB}/stable/falco-${NEW}-amd64.deb`), 100),
      gaps: () => ({
        apt: [`stable/falco-${NEW}-amd64.deb has 100 bytes, not ${sizes[`falco-${NEW}-module-amd64.deb`]}`],
      }),
    },
    {
      title: 'other bytes of the same size, which only whole reading sees',
      questions: { deep: true },
      breaks: () => edit(`packages/bin/x86_64/falco-bin-x86.tar.gz`, (text) => text.replace('f', 'F')),
      gaps: () => ({
        downloads: [
          'falco-bin-x86.tar.gz has other bytes than the index lists',
          `falco-bin-x86.tar.gz.asc: the signature of ${keyId()} is not of these bytes`,
        ],
      }),
    },
    {
      title: 'InRelease signed by another key',
      breaks: async () => {
        const other = await otherSigner();
        stranger = other.fingerprint;
        const text = clearText(await fs.readFile(file(INRELEASE))) ?? '';
        await fs.writeFile(file(INRELEASE), await other.clearSign(Buffer.from(text)));
      },
      gaps: () => ({ apt: [`dists/stable/InRelease is signed by ${stranger}, which is no expected key`] }),
    },
    {
      title: 'a key expected that signed nothing',
      questions: { keys: ['F'.repeat(40)] },
      breaks: () => Promise.resolve(),
      gaps: () => {
        const said = `is signed by ${signer.fingerprint}, which is no expected key`;
        return {
          keys: [`the expected key ${'F'.repeat(40)} is not published`],
          apt: [`dists/stable/InRelease ${said}`],
          yum: [`repomd.xml of the generation ${said}`],
          downloads: [`SHA256SUMS.asc ${said}`],
        };
      },
    },
    {
      title: 'Release.gpg of an older Release',
      breaks: async () => {
        const text = await fs.readFile(file(`${DEB}/dists/stable/Release`), 'utf8');
        const older = Buffer.from(text.replace(/^Date: .*$/m, 'Date: Thu, 01 Jan 2026 00:00:00 UTC'));
        await fs.writeFile(file(`${DEB}/dists/stable/Release.gpg`), await signer.detachIndex(older));
      },
      gaps: () => ({ apt: [`dists/stable/Release.gpg: the signature of ${keyId()} is not of these bytes`] }),
    },
    {
      title: 'Release of another state than InRelease',
      breaks: () => edit(`${DEB}/dists/stable/Release`, (text) => `${text}\n`),
      gaps: () => ({ apt: ['dists/stable/Release does not say what InRelease says'] }),
    },
    {
      title: 'a by-hash index with other bytes',
      breaks: async () => {
        const text = await fs.readFile(file(`${DEB}/dists/stable/Release`), 'utf8');
        const digest = / ([0-9a-f]{64}) \d+ main\/binary-amd64\/Packages\.gz$/m.exec(text)?.[1];
        const key = `${DEB}/dists/stable/main/binary-amd64/by-hash/SHA256/${digest}`;
        const bytes = await fs.readFile(file(key));
        bytes[bytes.length - 1] ^= 1;
        await fs.writeFile(file(key), bytes);
      },
      gaps: () => ({ apt: ['the index of packages: other bytes than InRelease lists'] }),
    },
    {
      title: 'mirrorlist that names a generation that is gone',
      breaks: () =>
        fs.writeFile(file('packages/rpm/mirrorlist'), `${front.url}/packages/rpm/generations/0/\n`),
      gaps: () => ({
        yum: [
          `repodata/repomd.xml of ${front.url}/packages/rpm/generations/0/, which mirrorlist names, is not there`,
        ],
      }),
    },
    {
      title: 'mirrorlist that names a folder of this machine',
      breaks: () => fs.writeFile(file('packages/rpm/mirrorlist'), `file://${bucket}/packages/rpm/\n`),
      gaps: () => ({ yum: [`mirrorlist names file://${bucket}/packages/rpm/, which clients cannot reach`] }),
    },
    {
      title: 'the root copy of repomd.xml without its signature',
      breaks: () => fs.rm(file('packages/rpm/repodata/repomd.xml.asc')),
      gaps: () => ({ yum: ['the signature of repodata/repomd.xml is not there'] }),
    },
    {
      title: 'SHA256SUMS edited',
      breaks: () => edit(SUMS, (text) => text.replace(/^[0-9a-f]/m, (digit) => (digit === '0' ? '1' : '0'))),
      gaps: () => ({ downloads: [`SHA256SUMS.asc: the signature of ${keyId()} is not of these bytes`] }),
    },
    {
      title: 'a signature beside a file missing',
      breaks: () => fs.rm(file(`packages/rpm/falco-${NEW}-bpf-x86_64.rpm.asc`)),
      gaps: () => ({ yum: [`falco-${NEW}-bpf-x86_64.rpm.asc is not there`] }),
    },
    {
      title: 'a tarball away under all its names',
      breaks: async () => {
        for (const name of [`falco-src-${NEW}-x86.tar.gz`, 'falco-src-x86.tar.gz'])
          for (const end of ['', '.asc']) await fs.rm(file(`packages/bin/x86_64/${name}${end}`));
      },
      gaps: () => ({ downloads: [`falco-src-${NEW}-x86.tar.gz and its 1 other names are not there`] }),
    },
    {
      title: 'a key that is about to expire',
      breaks: async () => {
        const soon = await ending(5);
        await publishVersion({ bucket, url: front.url, signer: soon, work }, NEW, ['apt']);
        const settings = settingsIn('apt');
        assert.deepEqual(await fs.readFile(file(settings.publicKey)), await soon.publicKey());
        end = soon.expires;
      },
      gaps: () => ({
        keys: [
          `the key ${signer.fingerprint} (Publishing tests (not for release)) expires on ${end?.toISOString().slice(0, 10)}`,
        ],
      }),
    },
    {
      title: 'the keyring of apt with another key',
      breaks: async () =>
        fs.writeFile(file(publicNames(product).keyring), await (await otherSigner()).keyring()),
      gaps: () => ({
        keys: ['packages/falco-archive-keyring.gpg has other keys than packages/falcosecurity-packages.asc'],
      }),
    },
    {
      title: '.sources that leads elsewhere',
      breaks: () =>
        edit(`${DEB}/falco.sources`, (text) => text.replace(/^URIs: .*$/m, 'URIs: file:///nowhere')),
      gaps: () => ({ apt: ['falco.sources leads clients to file:///nowhere'] }),
    },
    {
      title: 'a server that answers 500 to everything',
      breaks: () => {
        fate = () => 500;
        return Promise.resolve();
      },
      gaps: () => ({
        keys: ['packages/falcosecurity-packages.asc and 1 more: HTTP 500'],
        apt: ['dists/stable/InRelease: HTTP 500'],
        yum: ['mirrorlist: HTTP 500'],
        downloads: ['SHA256SUMS.asc: HTTP 500'],
      }),
    },
    {
      title: 'a server that answers 503 to one name',
      breaks: () => {
        fate = (key) => (key.endsWith('/Release.gpg') ? 503 : 'answer');
        return Promise.resolve();
      },
      gaps: () => ({ apt: ['dists/stable/Release.gpg: HTTP 503'] }),
    },
    {
      title: 'a connection cut in packages',
      breaks: () => {
        fate = (key) => (/\/pool\/.*\.rpm$/.test(key) ? 'cut' : 'answer');
        return Promise.resolve();
      },
      gaps: () => ({
        yum: [new RegExp('^pool/[0-9a-f]{64}/falco-.*\\.rpm and 3 more: the connection was cut$')],
      }),
    },
  ];
  let stranger = '';
  let end: Date | undefined;
  /** Of published files, by file name. */
  const sizes: Record<string, number> = {};
  const sums: Record<string, string> = {};
  const digestOf = (name: string) => sums[name];
  const keyId = () => signer.fingerprint.slice(-16);

  before(async () => {
    for (const name of await fs.readdir(path.join(whole, DEB, 'stable'))) {
      const body = await fs.readFile(path.join(whole, DEB, 'stable', name));
      sizes[name] = body.length;
      sums[name] = createHash('sha256').update(body).digest('hex');
    }
  });

  for (const { title, breaks, questions, gaps } of cases) {
    it(`names ${title}, and nothing else`, async () => {
      await breaks();
      const found = await gapsOf(questions);
      const wanted = gaps() as Record<string, (string | RegExp)[]>;
      for (const [place, lines] of Object.entries(wanted))
        lines.forEach((line, i) => {
          if (line instanceof RegExp && line.test(found[place]?.[i] ?? '')) lines[i] = found[place][i];
        });
      assert.deepEqual(found, wanted);
    });
  }

  it('warns of a key that ends within 30 days, which is no gap', async () => {
    const soon = await ending(20);
    await publishVersion({ bucket, url: front.url, signer: soon, work }, NEW, ['apt']);
    const [keys] = (await ask()).places;
    assert.deepEqual(keys.gaps, []);
    assert.deepEqual(keys.warnings, [
      `the key ${signer.fingerprint} (Publishing tests (not for release)) expires on ${soon.expires?.toISOString().slice(0, 10)}`,
    ]);
  });

  it('names a registry that is silent, and one that is not there, in a line each', async () => {
    const silent = net.createServer();
    const sockets = new Set<net.Socket>();
    silent.on('connection', (socket) => sockets.add(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const mute = `127.0.0.1:${(silent.address() as net.AddressInfo).port}`;
    const nobody = `127.0.0.1:${await freePort()}`;
    try {
      assert.deepEqual(await gapsOf({ registries: [first, `${mute}/ns`, `${nobody}/ns`] }), {
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
