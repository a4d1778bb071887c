/** Real apt, dnf and curl beside publishers that are at it all the time, are killed, and race each other. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { Signer } from '../../provider/gpg';
import { openStore } from '../../provider/store/open';
import { Store } from '../../provider/store/store';
import { testHome, testSigner } from '../unit/publish/bench';
import { Buckets, folderBuckets, s3Buckets } from './buckets';
import { Front, startFront } from './front';
import { FaultyStore } from './faultyStore';
import { startPublisher } from './publisher';
import { aptMachine, dnfMachine, downloadsMachine, Machine } from './realClients';
import { RepositoryName, repositoryNamed } from './repositories';

const FULL = process.env.FULL === '1';
const PUBLICATIONS = FULL ? 200 : 12;
/** A killed publisher per so many writes. */
const KILL_STRIDE = FULL ? 1 : 13;

for (const [place, open] of [
  ['a folder', folderBuckets],
  ['S3', s3Buckets],
] as const) {
  describe(`real clients of ${place}`, function () {
    this.timeout(FULL ? 60 * 60_000 : 5 * 60_000);
    let work: string;
    let buckets: Buckets;
    let signer: Signer;
    let bucket: string;
    let front: Front;
    let store: Store;

    before(async () => {
      work = await fs.mkdtemp(path.join(os.tmpdir(), 'clients-'));
      await fs.chmod(work, 0o755);
      buckets = await open();
      signer = await testSigner();
    });
    after(async () => {
      await buckets.close();
      await fs.rm(work, { recursive: true, force: true });
    });
    beforeEach(async () => {
      bucket = await buckets.make();
    });
    afterEach(async () => {
      await front.close();
      await buckets.remove(bucket);
    });

    /** Puts a web server before the bucket. */
    async function serve(behind: number): Promise<void> {
      front = await startFront(() => bucket, behind);
      store = openStore(bucket, front.url);
    }
    const of = (name: RepositoryName) => repositoryNamed(name, signer);
    const build = (name: RepositoryName, version: string, sample = 'sample', stack = 'local') =>
      of(name).build(store, work, { name: sample, version }, stack);
    async function machine(name: 'apt' | 'yum'): Promise<Machine> {
      const text = async (key: string) => (await store.get(key))?.body.toString() ?? '';
      return name === 'apt'
        ? aptMachine(work, await text('packages/deb/sample.sources'))
        : dnfMachine(work, await text('packages/rpm/sample.repo'));
    }
    const fileOf = (name: 'apt' | 'yum', version: string, sample = 'sample') =>
      `${sample}-${version}-${name === 'apt' ? 'amd64.deb' : 'x86_64.rpm'}`;

    it(`see no error beside ${PUBLICATIONS} publications, through a cache that is two seconds behind`, async () => {
      await serve(2000);
      const kinds = ['apt', 'yum', 'downloads'] as const;
      for (const name of kinds) await of(name).publish(store, [await build(name, '1.0.0')]);
      const files = [await build('downloads', '1.0.0')];
      const errors: string[] = [];
      let isOver = false;
      let sessions = 0;
      const client = async (name: 'apt' | 'yum') => {
        const one = await machine(name);
        while (!isOver) {
          try {
            await one.update();
            const files = await one.download('sample');
            if (files.length !== 1) errors.push(`${name} downloaded ${files.join(', ') || 'nothing'}`);
            sessions++;
          } catch (error) {
            errors.push(`${name}: ${(error as Error).message}`);
          }
        }
      };
      const person = async () => {
        const one = await downloadsMachine(work, `${front.url}/packages/bin`, await signer.publicKey());
        while (!isOver) {
          const known = files.map(({ fileName }) => fileName);
          try {
            // A list that is two seconds old need not have the newest.
            await new Promise((resolve) => setTimeout(resolve, 2000));
            await one.update();
            await one.download(...known.slice(-3));
            sessions++;
          } catch (error) {
            errors.push(`downloads: ${(error as Error).message}`);
          }
        }
      };
      const clients = [client('apt'), client('apt'), client('yum'), client('yum'), person()];
      try {
        for (let i = 1; i <= PUBLICATIONS; i++) {
          const name = kinds[i % 3];
          // Half are a rebuilt release: other bytes under the name of before. The list of sums names plain files,
          // which are written after it then; a person asks again.
          const version = i % 4 < 2 || name === 'downloads' ? `1.${i}.0` : '1.0.0';
          const sample = { name: 'sample', version, content: `${i}` };
          const one = await of(name).build(store, work, sample);
          await of(name).publish(store, [one]);
          if (name === 'downloads') files.push(one);
        }
      } finally {
        isOver = true;
        await Promise.all(clients);
      }
      console.log(
        `      ${place}: ${PUBLICATIONS} publications, ${sessions} client sessions, ${errors.length} client errors`,
      );
      assert.deepEqual(errors, []);
      assert.ok(sessions >= 4, `only ${sessions} sessions`);
    });

    for (const name of ['apt', 'yum'] as const) {
      it(`${name}: see one whole release after the publisher was killed, and the next publication is whole`, async () => {
        await serve(0);
        const repository = of(name);
        const old = await build(name, '1.0.0');
        await repository.publish(store, [old]);
        const news = await build(name, '1.1.0');
        const empty = await buckets.make(bucket);
        const counting = new FaultyStore(openStore(empty, front.url), 0, 'fails');
        await repository.publish(counting, [news]);
        await buckets.remove(empty);

        const base = bucket;
        const places = Array.from({ length: counting.writes - 1 }, (_, i) => i + 1);
        const home = await testHome();
        for (const killAt of places.filter((_, i) => i % KILL_STRIDE === 0)) {
          bucket = await buckets.make(base);
          store = openStore(bucket, front.url);
          const order = { bucket, url: front.url, repository: name, packages: [news], home, killAt };
          assert.deepEqual(await startPublisher(order), { status: 'SIGKILL', said: '' });
          const client = await machine(name);
          await client.update();
          const [file = ''] = await client.download('sample');
          assert.ok([fileOf(name, '1.0.0'), fileOf(name, '1.1.0')].includes(file), `${killAt}: ${file}`);
          assert.deepEqual(await client.download(name === 'apt' ? 'sample=1.0.0' : 'sample-1.0.0'), [
            fileOf(name, '1.0.0'),
          ]);
          await repository.publish(store, [news]);
          await client.update();
          assert.deepEqual(await client.download('sample'), [fileOf(name, '1.1.0')]);
          assert.deepEqual(await repository.check(store, [news]), []);
          await buckets.remove(bucket);
        }
        bucket = base;
      });

      for (const count of [2, 5]) {
        it(`${name}: find the packages of all of ${count} publishers that ran at once`, async () => {
          await serve(0);
          const repository = of(name);
          const home = await testHome();
          const names = Array.from({ length: count }, (_, i) => `sample-${i}`);
          const endings = await Promise.all(
            names.map(async (sample, i) => {
              const packages = [
                await build(name, '1.0.0', sample, `stack-${i}`),
                await build(name, '1.1.0', sample, `stack-${i}`),
              ];
              return startPublisher({ bucket, url: front.url, repository: name, packages, home });
            }),
          );
          assert.deepEqual(
            endings,
            endings.map(() => ({ status: 0, said: '' })),
          );
          const client = await machine(name);
          await client.update();
          for (const sample of names)
            assert.deepEqual(await client.download(sample), [fileOf(name, '1.1.0', sample)]);
          assert.deepEqual(await repository.check(store, []), []);
        });
      }
    }
  });
}
