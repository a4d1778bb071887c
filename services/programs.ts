/** The programs that services run: those that the set-up linked into `.local/bin`, else those on PATH. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';

const NEEDED = ['registry', 'buildkitd', 'buildctl'];

/**
 * Puts the project's tools on this process's PATH. A plain `pulumi up` comes here without the scripts' set-up,
 * so what is missing is made first; its progress goes to stderr.
 *
 * @throws Error when the set-up fails; it has said why
 */
export function findPrograms(root: string): void {
  const bin = path.join(root, '.local', 'bin');
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  if (!folders.includes(bin)) process.env.PATH = [bin, ...folders].join(path.delimiter);
  const setUp = path.join(root, 'tools', 'bootstrap.mjs');
  const isThere = (program: string) =>
    [bin, ...folders].some((folder) => fs.existsSync(path.join(folder, program)));
  if (NEEDED.every(isThere) || !fs.existsSync(setUp)) return;
  execFileSync(process.execPath, [setUp, 'up'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}
