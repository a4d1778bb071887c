/**
 * One more package in a repository that has many: time and bytes, beside what others do with the same packages, in
 * the same run. Peers: aptly (`repo add`, `publish update`), createrepo_c `--update`, and a script that does what
 * Falco's does: fetch all packages, index all, upload all. Each makes the detached signature beside the package too,
 * as all of them are to publish one.
 *
 * On stderr, the bytes; and the same publication with packages of several sizes: our bytes grow with the new package
 * alone. `SIZES=1000,10000` by default.
 */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { createLocalKey, openSigner, Signer } from '../provider/gpg';
import { sha256 } from '../provider/formats/compress';
import { publishApt } from '../provider/publish/apt';
import { PublishedPackage, RepositorySettings } from '../provider/publish/published';
import { publishYum } from '../provider/publish/yum';
import { openStore } from '../provider/store/open';
import { Body, Store } from '../provider/store/store';
import { inTurns, main, median, printRow, ROUNDS, run, say, timed } from './measure/table';

const SIZES = (process.env.SIZES ?? '1000,10000').split(',').map(Number);
/** Of that many and more; a program's start is most of the time in small ones. */
const LARGE = 10_000;
const GOAL = 0.5;
const DATE = new Date('2026-01-02T03:04:05Z');
/** Bytes that a package holds, beside which indexes are small. */
const PAYLOAD = 50_000;
/** Further sizes, in a repository of so many packages. */
const PAYLOADS = [20_000, 200_000, 2_000_000];
const FEW = 200;

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-publish-'));
process.on('exit', () => fs.rmSync(work, { recursive: true, force: true }));

type Format = 'deb' | 'rpm';

/** The settings of a repository below `packages/<format>`. */
const settingsOf = (format: Format): RepositorySettings => ({
  prefix: `packages/${format}`,
  productName: 'sample',
  title: 'Sample packages',
  origin: 'Sample',
  suite: 'stable',
  component: 'main',
  architectures: ['amd64'],
  publicKey: 'packages/sample-packages.asc',
  keyring: 'packages/sample-archive-keyring.gpg',
});

/** A package whose number is patched into uncompressed metadata: ten thousand real ones in seconds. */
function template(format: Format, payload = PAYLOAD): Buffer {
  const folder = fs.mkdtempSync(path.join(work, 'template-'));
  fs.writeFileSync(path.join(folder, 'payload'), createHash('shake256', { outputLength: payload }).digest());
  if (format === 'deb') {
    const tree = path.join(folder, 'tree');
    fs.mkdirSync(path.join(tree, 'DEBIAN'), { recursive: true, mode: 0o755 });
    fs.copyFileSync(path.join(folder, 'payload'), path.join(tree, 'payload'));
    fs.writeFileSync(
      path.join(tree, 'DEBIAN/control'),
      'Package: sample-00000\nVersion: 1.0.0\nArchitecture: amd64\nMaintainer: Nobody <nobody@localhost>\nDescription: sample\n',
    );
    execFileSync('dpkg-deb', ['-Znone', '--root-owner-group', '--build', tree, path.join(folder, 'out')]);
  } else {
    const config = {
      name: 'sample-00000',
      arch: 'x86_64',
      version: '1.0.0',
      maintainer: 'Nobody <nobody@localhost>',
      contents: [{ src: path.join(folder, 'payload'), dst: '/usr/share/sample/payload' }],
    };
    fs.writeFileSync(path.join(folder, 'nfpm.yaml'), JSON.stringify(config));
    const args = [
      'package',
      '-f',
      path.join(folder, 'nfpm.yaml'),
      '-p',
      'rpm',
      '-t',
      path.join(folder, 'out'),
    ];
    execFileSync('nfpm', args, { stdio: 'ignore' });
  }
  return fs.readFileSync(path.join(folder, 'out'));
}

const nameOf = (number: number) => `sample-${String(number).padStart(5, '0')}`;
const fileOf = (format: Format, number: number) =>
  `${nameOf(number)}-1.0.0-${format === 'deb' ? 'amd64.deb' : 'x86_64.rpm'}`;

function numbered(whole: Buffer, number: number): Buffer {
  const made = Buffer.from(whole);
  for (let at = made.indexOf('sample-00000'); at >= 0; at = made.indexOf('sample-00000', at + 1))
    made.write(nameOf(number), at, 'latin1');
  return made;
}

/** Counts what is written to and read from the bucket. */
function counting(inner: Store) {
  const count = { written: 0, read: 0 };
  const sizeOf = (body: Body) => (Buffer.isBuffer(body) ? body.length : fs.statSync(body.file).size);
  const store: Store = {
    url: inner.url,
    get: async (key) => {
      const found = await inner.get(key);
      count.read += found?.body.length ?? 0;
      return found;
    },
    head: (key) => inner.head(key),
    download: async (key, to) => {
      await inner.download(key, to);
      count.read += fs.statSync(to).size;
    },
    putImmutable: (key, body) => ((count.written += sizeOf(body)), inner.putImmutable(key, body)),
    put: (key, body) => ((count.written += sizeOf(body)), inner.put(key, body)),
    compareAndSwap: (key, body, etag) => (
      (count.written += body.length),
      inner.compareAndSwap(key, body, etag)
    ),
    // Done by the server.
    copy: (from, to) => inner.copy(from, to),
    list: (prefix) => inner.list(prefix),
    listObjects: (prefix) => inner.listObjects(prefix),
    now: () => inner.now(),
    delete: (key, etag) => inner.delete(key, etag),
  };
  return { store, count };
}

/** Of one publication. */
interface Cost {
  seconds: number;
  /** Bytes to and from the bucket. */
  written: number;
  read: number;
}

async function ours(
  format: Format,
  bucket: string,
  file: string,
  number: number,
  signer: Signer,
): Promise<Cost> {
  const { store, count } = counting(openStore(bucket));
  const seconds = await timed(async () => {
    const body = fs.readFileSync(file);
    await publish(format, store, [await pooled(format, store, body, number)], signer);
  });
  return { seconds, ...count };
}

async function pooled(format: Format, store: Store, body: Buffer, number: number): Promise<PublishedPackage> {
  const digest = sha256(body);
  const fileName = fileOf(format, number);
  const key = `packages/${format}/pool/${digest}/${fileName}`;
  await store.putImmutable(key, body);
  // As a release has them: a second name with the version, and one without, which moves to the newest.
  const aliases = { aliases: [`alias-${fileName}`], latestAliases: [`sample.${format}`] };
  const names = { name: nameOf(number), version: `1.${number}.0`, fileName, ...aliases };
  return { ...names, sha256: digest, size: body.length, key, stack: 'bench' };
}

function publish(format: Format, store: Store, packages: PublishedPackage[], signer: Signer) {
  const run = format === 'deb' ? publishApt : publishYum;
  return run(store, settingsOf(format), packages, signer, DATE);
}

/** The `.asc` beside a package. */
function signFile(file: string, gnupg: string): void {
  const env = { ...process.env, GNUPGHOME: gnupg };
  run('gpg', ['--batch', '--yes', '--detach-sign', '--armor', file], { env });
}

/** aptly with a repository of all packages but the last ones, published. */
function aptly(home: string, folder: string, gnupg: string) {
  fs.mkdirSync(home, { recursive: true });
  const config = path.join(home, 'aptly.conf');
  fs.writeFileSync(config, JSON.stringify({ rootDir: home, architectures: ['amd64'], gpgProvider: 'gpg' }));
  const env = { ...process.env, GNUPGHOME: gnupg };
  const call = (...args: string[]) => run('aptly', [`-config=${config}`, ...args], { env });
  call('repo', 'create', 'sample');
  call('repo', 'add', 'sample', folder);
  call('publish', 'repo', '-batch', '-distribution=stable', 'sample');
  return (file: string) => {
    call('repo', 'add', 'sample', file);
    signFile(file, gnupg);
    call('publish', 'update', '-batch', 'stable');
  };
}

/** With the signature that a published repository has, as aptly's and ours are. */
function createrepo(folder: string, gnupg: string) {
  run('createrepo_c', ['--quiet', folder]);
  const env = { ...process.env, GNUPGHOME: gnupg };
  const sign = ['--batch', '--yes', '--detach-sign', '--armor', path.join(folder, 'repodata/repomd.xml')];
  return (file: string) => {
    fs.copyFileSync(file, path.join(folder, path.basename(file)));
    signFile(path.join(folder, path.basename(file)), gnupg);
    run('createrepo_c', ['--quiet', '--update', folder]);
    run('gpg', sign, { env });
  };
}

/** What Falco's script does: all packages down, a new index of all, all up again. */
function script(format: Format, bucket: string, gnupg: string) {
  const commands =
    format === 'deb'
      ? `mkdir -p dists/stable/main/binary-amd64
         apt-ftparchive packages . > dists/stable/main/binary-amd64/Packages
         gzip -kf dists/stable/main/binary-amd64/Packages
         apt-ftparchive release dists/stable > dists/stable/Release
         gpg --batch --yes --detach-sign --armor dists/stable/Release`
      : `createrepo_c --quiet .
         gpg --batch --yes --detach-sign --armor repodata/repomd.xml`;
  return async (file: string): Promise<Cost> => {
    const local = fs.mkdtempSync(path.join(work, 'script-'));
    const text = `set -eu; cp -r ${bucket}/. ${local}; cp ${file} ${local}; cd ${local}; gpg --batch --yes --detach-sign --armor ${path.basename(file)}; ${commands}; cp -r . ${bucket}`;
    const seconds = await timed(() =>
      run('bash', ['-c', text], { env: { ...process.env, GNUPGHOME: gnupg } }),
    );
    const size = Number(execFileSync('du', ['-sb', local], { encoding: 'utf8' }).split('\t')[0]);
    fs.rmSync(local, { recursive: true });
    return { seconds, written: size, read: size };
  };
}

function tell(what: string, costs: Cost[]): void {
  const megabytes = (field: 'written' | 'read') => (median(costs.map((one) => one[field])) / 1e6).toFixed(2);
  const time = median(costs.map(({ seconds }) => seconds)).toFixed(2);
  say(`${what}: ${time} s, written ${megabytes('written')} MB, read ${megabytes('read')} MB`);
}

async function compare(format: Format, size: number, signer: Signer, gnupg: string): Promise<void> {
  const whole = template(format);
  const place = fs.mkdtempSync(path.join(work, 'compare-'));
  const folder = path.join(place, 'packages');
  fs.mkdirSync(folder);
  const bucket = path.join(place, 'bucket');
  const store = openStore(bucket);
  const packages: PublishedPackage[] = [];
  for (let number = 1; number <= size; number++) {
    const body = numbered(whole, number);
    fs.writeFileSync(path.join(folder, fileOf(format, number)), body);
    packages.push(await pooled(format, store, body, number));
  }
  await publish(format, store, packages, signer);
  const copy = (name: string) => {
    const target = path.join(place, name);
    fs.cpSync(folder, target, { recursive: true });
    return target;
  };
  const byScript = script(format, copy('script'), gnupg);
  const peer =
    format === 'deb'
      ? {
          name: 'aptly repo add, publish update, gpg',
          add: aptly(path.join(place, 'aptly'), folder, gnupg),
        }
      : { name: 'createrepo_c --update, gpg', add: createrepo(copy('createrepo'), gnupg) };
  const costs = { ours: [] as Cost[], script: [] as Cost[] };
  const what = `one more ${format} in ${size}`;
  const numberOf = (round: number) => size + 1 + round;
  const next = (round: number) => {
    const file = path.join(place, fileOf(format, numberOf(round)));
    if (!fs.existsSync(file)) fs.writeFileSync(file, numbered(whole, numberOf(round)));
    return file;
  };
  const mine = async (round: number) => {
    const cost = await ours(format, bucket, next(round), numberOf(round), signer);
    costs.ours.push(cost);
    return cost.seconds;
  };
  const theirs = async (round: number) => {
    costs.script.push(await byScript(next(round)));
    return timed(() => peer.add(next(round)));
  };
  // Unmeasured: the first one after so many writes the names that each of them moved, and waits for the disk.
  await mine(0);
  await theirs(0);
  run('sync', []);
  for (const list of [costs.ours, costs.script]) list.length = 0;
  const pairs = await inTurns(mine, theirs);
  printRow({ what, beside: peer.name, pairs, goal: size >= LARGE ? GOAL : undefined });
  tell(`${what}, ours`, costs.ours);
  tell(`${what}, download, index and upload all`, costs.script);
  fs.rmSync(place, { recursive: true });
}

/** What one more package costs beside its own bytes, whatever the size of those that are there. */
async function compareSizes(format: Format, signer: Signer): Promise<void> {
  for (const payload of PAYLOADS) {
    const whole = template(format, payload);
    const bucket = path.join(work, `sizes-${format}-${payload}`);
    const store = openStore(bucket);
    const packages: PublishedPackage[] = [];
    for (let number = 1; number <= FEW; number++)
      packages.push(await pooled(format, store, numbered(whole, number), number));
    await publish(format, store, packages, signer);
    const costs: Cost[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const file = path.join(work, fileOf(format, FEW + round));
      fs.writeFileSync(file, numbered(whole, FEW + round));
      const cost = await ours(format, bucket, file, FEW + round, signer);
      costs.push({ ...cost, written: cost.written - whole.length });
    }
    const size = (whole.length / 1e6).toFixed(2);
    tell(`one more ${format} in ${FEW} of ${size} MB each, beside its own bytes`, costs);
    fs.rmSync(bucket, { recursive: true });
  }
}

main(async () => {
  const gnupg = path.join(work, 'gnupg');
  await createLocalKey({ home: gnupg, uid: 'Benchmark' });
  const signer = await openSigner({ home: gnupg, setting: 'bench:key' });
  for (const size of SIZES)
    for (const format of ['deb', 'rpm'] as const) await compare(format, size, signer, gnupg);
  for (const format of ['deb', 'rpm'] as const) await compareSizes(format, signer);
});
