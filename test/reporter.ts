/**
 * mocha's Spec reporter, and at its end where the time went: each file's minutes and seconds, hooks included, the longest
 * first. The very last line is `N passed, N failed`, from the results themselves (cli/lanes.ts reads it).
 */
import * as path from 'node:path';
import { MochaOptions, reporters, Runner, Suite } from 'mocha';
import { RESULTS } from '../cli/lanes';

/** Files that are listed; what is below is noise. */
const LISTED = 25;

export = class extends reporters.Spec {
  private readonly spent = new Map<string, number>();

  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    let started = 0;
    const ofFile = (suite: Suite) => suite.parent?.root === true;
    runner.on('suite', (suite) => {
      if (ofFile(suite)) started = Date.now();
    });
    runner.on('suite end', (suite) => {
      if (!ofFile(suite)) return;
      const file = path.relative(process.cwd(), suite.file ?? '');
      this.spent.set(file, (this.spent.get(file) ?? 0) + Date.now() - started);
    });
  }

  override epilogue(): void {
    process.stdout.write(`\n${RESULTS}\n`);
    super.epilogue();
    const longest = [...this.spent].sort(([, a], [, b]) => b - a).slice(0, LISTED);
    for (const [file, ms] of longest) process.stdout.write(`${minutes(ms)}  ${file}\n`);
    const { passes, failures } = this.stats;
    process.stdout.write(`${passes} passed, ${failures} failed\n`);
  }
};

function minutes(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`.padStart(6);
}
