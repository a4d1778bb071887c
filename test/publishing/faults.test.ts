/**
 * The fault table: every write of a publication, in turn, goes wrong in every way. `npm test` runs a fixed sample of
 * it, `npm run test:full` all. What clients see is told by a model of them; `clients.test.ts` has the real ones.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { Signer } from '../../provider/gpg';
import { PublishedPackage } from '../../provider/publish/published';
import { openStore as openBucket } from '../../provider/store/open';
import { Store } from '../../provider/store/store';
import { testSigner } from '../unit/publish/bench';
import { Buckets, folderBuckets, s3Buckets } from './buckets';
import { Mismatch, Session } from './clientModels';
import { Fault, FaultyStore, InjectedFault } from './faultyStore';
import { remembering } from './rememberingSigner';
import { REPOSITORIES, Repository, repositoryNamed } from './repositories';

const FULL = process.env.FULL === '1';
/** In a sample, one case of so many. */
const STRIDE = 47;
const FAULTS: Fault[] = ['fails', 'answer lost', 'killed'];
const HOUR = 3600 * 1000;
/** Of every publication: the cases of a change write the same texts, which are signed and verified once. */
const NOW = new Date();

/** All under one public address, which stands in some of the files: a copy of a bucket serves the same. */
const openStore = (bucket: string) => openBucket(bucket, 'https://packages.example.org');

/** A change of a repository, from a state to a state. */
interface Change {
  title: string;
  /** Brings a bucket to the state before, and gives what the change needs. */
  prepare(store: Store, repository: Repository, work: string): Promise<Made>;
  act(store: Store, repository: Repository, made: Made): Promise<unknown>;
}
interface Made {
  /** Packages that clients see afterwards. */
  after: PublishedPackage[];
  /** What `act` publishes. */
  news: PublishedPackage[];
}

const publishNews: Change['act'] = (store, repository, { news }) => repository.publish(store, news, NOW);

const CHANGES: Change[] = [
  {
    title: 'the first release',
    async prepare(store, repository, work) {
      const news = [await repository.build(store, work, { name: 'sample', version: '1.0.0' })];
      return { news, after: news };
    },
    act: publishNews,
  },
  {
    title: 'the next release',
    async prepare(store, repository, work) {
      const old = [await repository.build(store, work, { name: 'sample', version: '1.0.0' })];
      await repository.publish(store, old, NOW);
      const news = [
        await repository.build(store, work, { name: 'sample', version: '1.1.0' }),
        await repository.build(store, work, { name: 'sample-bpf', version: '1.1.0' }),
      ];
      return { news, after: [...old, ...news] };
    },
    act: publishNews,
  },
  {
    title: 'a rebuilt release',
    async prepare(store, repository, work) {
      const sample = { name: 'sample', version: '1.0.0' };
      await repository.publish(store, [await repository.build(store, work, sample)], NOW);
      const news = [await repository.build(store, work, { ...sample, content: 'rebuilt' })];
      return { news, after: news };
    },
    act: publishNews,
  },
  {
    title: "taking one stack's packages away",
    async prepare(store, repository, work) {
      const kept = [await repository.build(store, work, { name: 'kept', version: '1.0.0' }, 'other')];
      const gone = [await repository.build(store, work, { name: 'gone', version: '1.0.0' }, 'mine')];
      await repository.publish(store, [...kept, ...gone], NOW);
      return { news: [], after: kept };
    },
    act: (store, repository) => repository.unpublish(store, 'mine', NOW),
  },
];

const shown = (packages: PublishedPackage[]) =>
  packages.map(({ fileName, sha256 }) => `${fileName} ${sha256}`).sort();
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

async function inTurns<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await work(next);
  };
  await Promise.all([worker(), worker(), worker()]);
}

describe('publishing with faults', () => {
  let work = '';
  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'faults-'));
  });
  after(() => fs.rm(work, { recursive: true, force: true }));

  for (const [place, open] of [
    ['a folder', folderBuckets],
    ['S3', s3Buckets],
  ] as const) {
    describe(`to ${place}`, function () {
      this.timeout(FULL ? 30 * 60_000 : 5 * 60_000);
      const table = { cases: 0, reads: 0, mismatches: 0, lost: 0 };
      let buckets: Buckets;
      let signer: Signer;
      let key: Buffer;

      before(async () => {
        buckets = await open();
        signer = remembering(await testSigner());
        key = await signer.publicKey();
      });
      after(async () => {
        await buckets.close();
        const { cases, reads, mismatches, lost } = table;
        const share = FULL ? 'all' : `a sample, 1 of ${STRIDE}`;
        console.log(
          `    ${place} (${share}): ${cases} cases, ${reads} client reads, ${mismatches} mismatches, ${lost} packages lost`,
        );
      });

      /** Finishes a client's session. A mismatch is counted; the test fails on it at its end. */
      async function finish(session: Session | undefined): Promise<string[] | undefined> {
        table.reads++;
        try {
          return await session?.();
        } catch (error) {
          if (!(error instanceof Mismatch)) throw error;
          table.mismatches++;
          problems.push(error.message);
          return undefined;
        }
      }
      let problems: string[] = [];
      beforeEach(() => {
        problems = [];
      });

      for (const change of CHANGES) {
        for (const name of REPOSITORIES) {
          it(`${change.title}, ${name}: a client sees all of the old state or all of the new one`, async () => {
            const repository = repositoryNamed(name, signer);
            const { client, settings } = repository;
            const base = await buckets.make();
            const made = await change.prepare(openStore(base), repository, work);
            const read = async (store: Store) => finish(await client(store, settings, key));
            const before = await read(openStore(base));
            const after = shown(made.after);
            const isWhole = (seen: string[] | undefined) => same(seen, before) || same(seen, after);

            // Without a fault, a client at every moment: one that is quick, and one that reads the rest at the end.
            const clean = await buckets.make(base);
            const inner = openStore(clean);
            const slow: (Session | undefined)[] = [];
            const counting = new FaultyStore(inner, 0, 'fails', async () => {
              const seen = await read(inner);
              if (!isWhole(seen)) problems.push(`between two writes: ${JSON.stringify(seen)}`);
              slow.push(await client(inner, settings, key));
            });
            await change.act(counting, repository, made);
            assert.deepEqual(await read(inner), after);
            if (change.title !== "taking one stack's packages away") {
              for (const session of slow) {
                const seen = await finish(session);
                if (!isWhole(seen)) problems.push(`a slow client: ${JSON.stringify(seen)}`);
              }
            }
            const keys = await keysAfterGrace(inner, repository);
            await buckets.remove(clean);

            const all = Array.from({ length: counting.writes }, (_, i) => i + 1).flatMap((at) =>
              FAULTS.map((fault) => ({ at, fault })),
            );
            const cases = FULL ? all : all.filter((_, i) => i % STRIDE === CHANGES.indexOf(change));
            await inTurns(cases, async ({ at, fault }) => {
              table.cases++;
              const label = `write ${at} ${fault}`;
              const bucket = await buckets.make(base);
              const store = openStore(bucket);
              const faulty = new FaultyStore(store, at, fault);
              await change.act(faulty, repository, made).then(
                () => problems.push(`${label}: goes unnoticed`),
                (error) => assert.ok(error instanceof InjectedFault, `${label}: ${(error as Error).stack}`),
              );
              const seen = await read(store);
              if (!isWhole(seen)) problems.push(`${label}: ${JSON.stringify(seen)}`);
              await change.act(store, repository, made);
              const recovered = await read(store);
              table.lost += after.filter((one) => !recovered?.includes(one)).length;
              if (!same(recovered, after)) problems.push(`${label}, run again: ${JSON.stringify(recovered)}`);
              for (const wrong of await repository.check(store, made.news))
                problems.push(`${label}, run again: ${wrong}`);
              const left = await keysAfterGrace(store, repository);
              const surplus = diff(keys, left);
              if (surplus !== '') problems.push(`${label}: after the grace time there is ${surplus}`);
              await buckets.remove(bucket);
            });
            await buckets.remove(base);
            assert.deepEqual(problems, []);
          });
        }
      }

      /** How many objects of each sort are left, two releases and three days later. */
      async function keysAfterGrace(store: Store, repository: Repository): Promise<Record<string, number>> {
        for (const [i, version] of ['7.0.0', '8.0.0', '9.0.0'].entries()) {
          const one = await repository.build(store, work, { name: 'later', version });
          await repository.publish(store, [one], new Date(NOW.getTime() + (i + 1) * 25 * HOUR));
        }
        const counts: Record<string, number> = {};
        for (const found of await store.list(`${repository.settings.prefix}/`)) {
          const sort = found
            .replace(/[0-9a-f]{64}/g, '#')
            .replace(/#-(primary|filelists|other|manifest)/, '#-$1');
          counts[sort] = (counts[sort] ?? 0) + 1;
        }
        return counts;
      }
    });
  }
});

function diff(wanted: Record<string, number>, found: Record<string, number>): string {
  const keys = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
  return keys
    .filter((one) => wanted[one] !== found[one])
    .map((one) => `${found[one] ?? 0} instead of ${wanted[one] ?? 0} ${one}`)
    .join(', ');
}
