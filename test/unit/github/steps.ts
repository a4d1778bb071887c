/** Runs a step of a workflow as the runner does: in bash, with the environment of a step and no other. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';

export const ROOT = path.resolve(__dirname, '../../..');

export interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

/** @param command what stands behind `run:` */
export function runStep(command: string, env: Record<string, string>, cwd = ROOT): Promise<Ended> {
  const { PATH = '', HOME = '' } = process.env;
  return new Promise((resolve) => {
    const child = execFile(
      'bash',
      ['--noprofile', '--norc', '-eo', 'pipefail', '-c', command],
      { cwd, env: { PATH, HOME, LC_ALL: 'C.UTF-8', ...env }, maxBuffer: 1 << 26 },
      (error, stdout, stderr) =>
        resolve({ status: error ? Number(error.code ?? 1) : 0, stdout, stderr: String(stderr) }),
    );
    child.stdin?.end();
  });
}

/**
 * A folder to be first on PATH, whose `npm` writes its arguments down, one call a line, and prints and ends as told.
 * The commands themselves have tests of their own; here it is what a step asks of them.
 */
export async function recordingNpm(folder: string): Promise<{ path: string; calls(): Promise<string[]> }> {
  const log = path.join(folder, 'calls');
  await fs.writeFile(log, '');
  await fs.writeFile(
    path.join(folder, 'npm'),
    `#!/bin/sh\necho "$*" >>'${log}'\nprintf '%s' "$NPM_PRINTS"\ncase "$*" in *"\${NPM_FAILS:-no such stack}"*) exit 3 ;; esac\n`,
    { mode: 0o755 },
  );
  return {
    path: `${folder}:${process.env.PATH}`,
    calls: async () => (await fs.readFile(log, 'utf8')).split('\n').filter(Boolean),
  };
}
