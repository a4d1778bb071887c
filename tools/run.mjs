// What every npm script runs: `node tools/run.mjs <command> [options]`. Set-up first, then the command line.
// Options are looked at before the tools are made, so that a mistake is told at once.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fail, prepare, provide, root } from './bootstrap.mjs';

// A reader that has seen enough (`| head`) ends its own reading, not what the command does.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
const [command = 'help', ...args] = process.argv.slice(2);
try {
  await prepare();
  const cli = createRequire(import.meta.url)(join(root, 'dist', 'cli.js'));
  const work = cli.plan(root, command, args);
  if (work) {
    await provide(work.needs ?? command);
    process.exitCode = await work();
  }
} catch (error) {
  fail(error);
}
