/**
 * A publisher in a process of its own: publishes the packages of the JSON in its first argument. With `killAt`, it is
 * killed right after that write, as by SIGKILL from outside.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { buildSync } from 'esbuild';
import { openSigner } from '../../provider/gpg';
import { PublishedPackage } from '../../provider/publish/published';
import { openStore } from '../../provider/store/open';
import { FaultyStore } from './faultyStore';
import { Repository, repositoryNamed } from './repositories';

export interface Order {
  bucket: string;
  url: string;
  repository: Repository['name'];
  packages: PublishedPackage[];
  /** Folder of the signing key. */
  home: string;
  /** Number of the write after which it dies. */
  killAt?: number;
}

/** How a publisher ended: its status or signal, and what it said. */
export interface Ending {
  status: number | NodeJS.Signals | null;
  said: string;
}

let bundle: string | undefined;

/** This file compiled once for a process of tests: ts-node would do it at each start, which takes longer than the rest. */
function compiled(): string {
  if (bundle) return bundle;
  const outfile = path.resolve(__dirname, `../../.local/publisher-${process.pid}.js`);
  const external = ['@aws-sdk/*', 'esbuild'];
  buildSync({
    entryPoints: [__filename],
    outfile,
    external,
    bundle: true,
    platform: 'node',
    target: 'node20',
  });
  process.once('exit', () => fs.rmSync(outfile, { force: true }));
  return (bundle = outfile);
}

export function startPublisher(order: Order): Promise<Ending> {
  const args = [compiled(), JSON.stringify(order)];
  // What it leaves when it is killed goes with the test's key.
  const env = { ...process.env, TMPDIR: order.home };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve({ status: signal ?? status, said }));
  });
}

async function publish({ bucket, url, repository, packages, home, killAt }: Order): Promise<void> {
  const signer = await openSigner({ home, setting: 'test:key' });
  const wanted = repositoryNamed(repository, signer);
  const store = new FaultyStore(openStore(bucket, url), 0, 'fails', () => {
    // The write before this one is done.
    if (killAt !== undefined && store.writes > killAt) process.kill(process.pid, 'SIGKILL');
    return Promise.resolve();
  });
  await wanted.publish(store, packages);
}

if (require.main === module) {
  publish(JSON.parse(process.argv[2] ?? '{}') as Order).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}
