/** A real S3 server on a folder, for tests: versitygw on loopback. */
import { ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePort } from '../freePort';

const program = path.resolve(__dirname, '../../../.local/bin/versitygw');
/** Not a secret: of a server that lives as long as a test. */
const ACCESS = 'tests';
const SECRET = 'tests-only-secret';

export interface S3Server {
  /** `http://127.0.0.1:PORT`. */
  endpoint: string;
  /** The folder whose sub-folders are the buckets. */
  folder: string;
  /** A new bucket's address, as a stack names it. */
  bucket(name: string): string;
  /** What a client needs in its environment. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

async function answers(endpoint: string): Promise<boolean> {
  return fetch(endpoint).then(
    () => true,
    () => false,
  );
}

/** Starts a server and gives this process its credentials. */
export async function startS3(access = ACCESS, secret = SECRET): Promise<S3Server> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 's3-'));
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  const env = { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret };
  const args = ['--port', endpoint.slice('http://'.length), '--quiet', 'posix', folder];
  const server: ChildProcess = spawn(program, args, {
    env: { ...process.env, ROOT_ACCESS_KEY: access, ROOT_SECRET_KEY: secret },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  server.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const before = Object.fromEntries(Object.keys(env).map((name) => [name, process.env[name]]));
  Object.assign(process.env, env);
  for (let tries = 0; !(await answers(endpoint)); tries++) {
    if (server.exitCode !== null || tries === 100) throw new Error(`versitygw does not start: ${said}`);
    await setTimeout(50);
  }
  return {
    endpoint,
    folder,
    env,
    bucket(name) {
      fs.mkdirSync(path.join(folder, name));
      return `s3://${name}?endpoint=${endpoint}`;
    },
    async stop() {
      server.kill();
      await ended;
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}
