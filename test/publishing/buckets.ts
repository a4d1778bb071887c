/** Buckets that can be copied whole, in a folder and on a real S3 server: every case starts from the same state. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { S3Server, startS3 } from '../unit/store/versitygw';

const run = promisify(execFile);

export interface Buckets {
  /** The address of an empty bucket, or of a copy of another one. */
  make(from?: string): Promise<string>;
  remove(address: string): Promise<void>;
  close(): Promise<void>;
}

export async function folderBuckets(): Promise<Buckets> {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), 'buckets-'));
  let count = 0;
  return {
    async make(from) {
      const folder = path.join(root, `bucket-${count++}`);
      if (from) await run('cp', ['-a', from, folder]);
      else await fs.mkdir(folder);
      return folder;
    },
    remove: (address) => fs.rm(address, { recursive: true, force: true }),
    close: () => fs.rm(root, { recursive: true, force: true }),
  };
}

export async function s3Buckets(): Promise<Buckets & { server: S3Server }> {
  const server = await startS3();
  const folderOf = (address: string) => path.join(server.folder, new URL(address).hostname);
  let count = 0;
  return {
    server,
    async make(from) {
      const name = `bucket-${count++}`;
      // With the server's own attributes of each file, and of the bucket.
      if (!from) return server.bucket(name);
      await run('cp', ['-a', folderOf(from), path.join(server.folder, name)]);
      return from.replace(new URL(from).hostname, name);
    },
    remove: (address) => fs.rm(folderOf(address), { recursive: true, force: true }),
    close: () => server.stop(),
  };
}
