/** mocha's Spec reporter; the very last line is `N passed, N failed`, from the results themselves. */
import { reporters } from 'mocha';

export = class extends reporters.Spec {
  override epilogue(): void {
    super.epilogue();
    const { passes, failures } = this.stats;
    process.stdout.write(`${passes} passed, ${failures} failed\n`);
  }
};
