/**
 * The same bytes, whoever builds: everything twice, with nothing in common but sources, settings and the stored bases.
 * Prints every artifact with its two digests, and what diffoscope says where they differ. Steps inside BuildKit and the
 * programs in Go have the kernel's clock, of which a machine has one: they run some minutes apart.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { copy } from '../../provider/oci';
import type { ReleaseRecord } from '../../provider/promotion/record';
import { Build, turkish } from './circumstances';
import { difference, MadeFile, madeFiles, report } from './madeFiles';

interface Outputs {
  release: ReleaseRecord;
}

async function allOf(build: Build, { release }: Outputs): Promise<Record<string, MadeFile>> {
  const images = Object.entries(release.images).map(([name, { repository, digest }]) => [
    `image ${name}`,
    { digest, at: `${repository}@${digest}` },
  ]);
  return {
    ...(await madeFiles(path.join(build.folder, '.local/bucket'))),
    ...(Object.fromEntries(images) as Record<string, MadeFile>),
  };
}

const outputsOf = async (build: Build) => JSON.parse(await build.script('output', '--json')) as Outputs;

if (process.env.FULL === '1')
  describe('everything that two builds make', function () {
    this.timeout(3_600_000);
    // One address, and one key: what is signed and what is dated are set aside, not who signs and where it is.
    const settings = { url: 'http://127.0.0.1:9/packages', gateLimit: '1800' };
    let builds: Build[] = [];
    let made: Record<string, MadeFile>[] = [];
    let work: string;

    before(async () => {
      work = await fs.mkdtemp(path.join(os.tmpdir(), 'reproducible-work-'));
      const locales = path.join(work, 'locales');
      await fs.mkdir(locales);
      const first = await Build.prepare(
        {
          name: 'one',
          umask: '022',
          environment: { TZ: 'America/St_Johns', LC_ALL: 'C' },
          clock: '-400d',
          order: 'as they are',
          by: 'script',
        },
        settings,
      );
      const second = await Build.prepare(
        {
          name: 'another-folder-with-a-longer-name',
          umask: '077',
          environment: {
            TZ: 'Pacific/Kiritimati',
            ...(await turkish(locales)),
            HOME: path.join(work, 'home'),
          },
          cpus: '0',
          order: 'reversed',
          by: 'pulumi',
        },
        settings,
      );
      builds = [first, second];
      await first.shareBases();
      await first.up();
      await first.script('resolve', 'keep');

      await fs.cp(path.join(first.folder, '.local/gnupg'), path.join(second.folder, '.local/gnupg'), {
        recursive: true,
        filter: async (file) => !(await fs.stat(file)).isSocket(),
      });
      await fs.cp(path.join(first.folder, 'systems'), path.join(second.folder, 'systems'), {
        recursive: true,
      });
      const { release } = await outputsOf(first);
      await second.script('services', 'start');
      const host = await second.registry();
      for (const { repository, digest } of Object.values(release.systems))
        await copy(`${repository}@${digest}`, `${repository.replace(/^[^/]*/, host)}@${digest}`);
      await second.up();
      made = [await allOf(first, { release }), await allOf(second, await outputsOf(second))];
    });
    after(async () => {
      for (const build of builds) await build.remove();
      await fs.rm(work, { recursive: true, force: true });
    });

    it('is the same: packages, tarballs, indexes, images', async () => {
      const { lines, different } = report(made[0], made[1]);
      console.log(lines.join('\n'));
      for (const name of different) {
        const [one, other] = [made[0][name], made[1][name]];
        if (one && other) console.log(`${name}:\n${await difference(one, other, work)}`);
      }
      assert.deepEqual(different, []);
    });
  });
