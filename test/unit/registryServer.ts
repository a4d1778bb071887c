/** A real registry (distribution) on loopback, for tests. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { freePort } from './freePort';

export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  host: string;
  stop(): Promise<void>;
}

/** @param folder for its data and configuration */
export async function startRegistry(folder: string, deletion: boolean): Promise<TestRegistry> {
  const host = `127.0.0.1:${await freePort()}`;
  const config = path.join(folder, `registry-${deletion}.yml`);
  const storage = {
    filesystem: { rootdirectory: path.join(folder, String(deletion)) },
    delete: { enabled: deletion },
  };
  fs.writeFileSync(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: 'error', accesslog: { disabled: true } },
      storage,
      http: { addr: host },
    }),
  );
  const child = spawn('registry', ['serve', config], { stdio: 'ignore' });
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  };
  for (let tries = 0; tries < 100; tries++) {
    const up = await fetch(`http://${host}/v2/`).then(
      () => true,
      () => false,
    );
    if (up) return { host, stop };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the registry did not start');
}
