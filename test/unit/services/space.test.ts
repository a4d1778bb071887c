/** Room on a disk, on a small file system of the test's own. Needs root. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { checkSpace } from '../../../services/space';

describe('disk space', () => {
  let folder: string;
  before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'space-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', folder]);
  });
  after(async () => {
    execFileSync('umount', [folder]);
    await fs.rm(folder, { recursive: true });
  });

  it('is refused where it is too little, also for a folder that is not there yet', async () => {
    const bucket = path.join(folder, 'not/yet');
    await assert.rejects(checkSpace(bucket, 21, 'set falco:bucket to another disk'), {
      message: `no disk space: 20 MB are free at ${bucket}, and 21 MB are needed; free some, or set falco:bucket to another disk`,
    });
  });

  it('is enough where it is', async () => {
    await checkSpace(folder, 20, 'x');
  });
});
