/** Indexes of the same packages, published at different times: what is left of the difference without dates. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Signer } from '../../provider/gpg';
import { publishApt } from '../../provider/publish/apt';
import { publishDownloads } from '../../provider/publish/downloads';
import { publishYum } from '../../provider/publish/yum';
import { openStore } from '../../provider/store/open';
import { madeFiles, report } from '../acceptance/madeFiles';
import { testSigner } from '../unit/publish/bench';
import { repositories } from './repositories';

const URL = 'https://packages.example.org';
const PUBLISH = { apt: publishApt, yum: publishYum, downloads: publishDownloads };

describe('indexes of the same packages', function () {
  this.timeout(120_000);
  let work: string;
  let signer: Signer;

  /** Everything public of a bucket that has these versions since then. */
  async function published(name: string, date: string, versions: string[]) {
    const bucket = path.join(work, name);
    const store = openStore(bucket, URL);
    for (const repository of repositories(signer)) {
      const { name: kind, settings } = repository;
      const samples = versions.map((version) => ({ name: 'sample', version }));
      const packages = await Promise.all(samples.map((sample) => repository.build(store, work, sample)));
      await PUBLISH[kind](store, settings, packages, signer, new Date(date), {});
    }
    return madeFiles(bucket);
  }

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'same-indexes-'));
    signer = await testSigner();
  });
  after(() => fs.rm(work, { recursive: true }));

  it('are the same but for the time of publication', async () => {
    const first = await published('one', '2025-01-02T03:04:05Z', ['1.0.0', '1.1.0']);
    const second = await published('two', '2026-11-12T13:14:15.678Z', ['1.1.0', '1.0.0']);
    const { lines, different } = report(first, second);
    assert.deepEqual(different, [], lines.join('\n'));
    for (const index of [
      /\/InRelease$/,
      /\/Packages$/,
      /\/repomd\.xml$/,
      /-primary\.xml\.gz$/,
      /\/SHA256SUMS\.asc$/,
    ])
      assert.ok(
        Object.keys(first).some((name) => index.test(name)),
        String(index),
      );
  });

  it('differ where a package is another', async () => {
    const first = await published('three', '2026-01-02T03:04:05Z', ['1.0.0']);
    const second = await published('four', '2026-01-02T03:04:05Z', ['1.1.0']);
    const { different } = report(first, second);
    for (const name of ['InRelease', 'main/binary-amd64/Packages'])
      assert.ok(different.includes(`packages/deb/dists/stable/${name}`), name);
    assert.ok(different.includes('packages/rpm/repodata/repomd.xml'));
    assert.ok(different.includes('packages/bin/SHA256SUMS.asc'));
  });
});
