/**
 * What the first command after `git clone` builds where downloads cannot be reached: the tools, from their Go modules,
 * in an empty cache and with an empty build cache of Go's. Go's module cache stays as it is: what a download takes is
 * the line's business. One run, for it takes minutes; on stderr, the tools one by one.
 */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { root } from './measure/stack';
import { main, printFigure, timed } from './measure/table';

main(async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-setup-'));
  const bin = path.join(root, '.local', 'bin');
  try {
    fs.symlinkSync(path.join(root, 'tools'), path.join(folder, 'tools'));
    const env = {
      ...process.env,
      PATH: (process.env.PATH ?? '')
        .split(path.delimiter)
        .filter((one) => one !== bin)
        .join(path.delimiter),
      FALCO_ARTIFACTS_CACHE: path.join(folder, 'cache'),
      GOCACHE: path.join(folder, 'go-build'),
    };
    const script = `
      import { ensureTools } from ${JSON.stringify(path.join(root, 'tools/bootstrap/gotools.mjs'))};
      import { needs } from ${JSON.stringify(path.join(root, 'tools/bootstrap/pins.mjs'))};
      await ensureTools(${JSON.stringify(folder)}, needs.up.tools);`;
    const args = ['--input-type=module', '--eval', script];
    const seconds = await timed(() => execFileSync(process.execPath, args, { env, stdio: 'inherit' }));
    printFigure('cold set-up: the tools of `up`, from source', [seconds], 's');
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
