/** A real registry (distribution) on loopback, for tests. */
import { ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { freePort } from './freePort';

export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  host: string;
  stop(): Promise<void>;
}

/**
 * @param folder for its data and configuration
 * @param login whom it lets in; default: everyone
 */
export async function startRegistry(
  folder: string,
  deletion: boolean,
  login?: { user: string; password: string },
): Promise<TestRegistry> {
  if (login) fs.writeFileSync(path.join(folder, 'htpasswd'), `${login.user}:${bcrypt(login.password)}\n`);
  // Somebody else may take the free port before the registry has it.
  for (let tries = 1; ; tries++) {
    const host = `127.0.0.1:${await freePort()}`;
    const config = path.join(folder, `registry-${deletion}.yml`);
    fs.writeFileSync(config, JSON.stringify(configuration(folder, deletion, host, login !== undefined)));
    const child = spawn('registry', ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
    const stop = async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    };
    if (await answers(host, child)) return { host, stop };
    if (child.exitCode === null) await stop();
    if (tries === 3) throw new Error(`the registry did not start on ${host}: ${said}`);
  }
}

function configuration(folder: string, deletion: boolean, host: string, hasLogin: boolean): object {
  const storage = {
    filesystem: { rootdirectory: path.join(folder, String(deletion)) },
    delete: { enabled: deletion },
  };
  return {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage,
    http: { addr: host },
    ...(hasLogin && { auth: { htpasswd: { realm: 'test', path: path.join(folder, 'htpasswd') } } }),
  };
}

/** Waits up to a minute, or until it has ended. */
async function answers(host: string, child: ChildProcess): Promise<boolean> {
  const end = Date.now() + 60_000;
  while (child.exitCode === null && Date.now() < end) {
    const isUp = await fetch(`http://${host}/v2/`).then(
      () => true,
      () => false,
    );
    if (isUp) return child.exitCode === null;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

/** As htpasswd has it; perl takes it from the C library. */
function bcrypt(password: string): string {
  const salt = '$2y$04$aaaaaaaaaaaaaaaaaaaaaa';
  return execFileSync('perl', ['-e', `print crypt(<STDIN>, '${salt}')`], { input: password }).toString();
}
