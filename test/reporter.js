// mocha's Spec reporter; the very last line is `N passed, N failed`, from the results themselves.
'use strict';
const { Spec } = require('mocha').reporters;

module.exports = class extends Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures } = this.stats;
    process.stdout.write(`${passes} passed, ${failures} failed\n`);
  }
};
