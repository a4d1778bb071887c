/** The validator of the SPDX project, from PyPI, in an environment of its own that is kept between runs. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const SPDX_TOOLS = 'spdx-tools==0.8.5';

/** Path of the program `pyspdxtools`. */
export async function spdxTools(): Promise<string> {
  const folder = path.join(os.homedir(), '.cache/falco-artifacts', SPDX_TOOLS.replace('==', '-'));
  const program = path.join(folder, 'bin/pyspdxtools');
  const isThere = await fs.stat(program).then(
    () => true,
    () => false,
  );
  if (isThere) return program;
  await run('python3', ['-m', 'venv', '--clear', folder]);
  await run(path.join(folder, 'bin/pip'), ['install', '--quiet', SPDX_TOOLS]);
  return program;
}
