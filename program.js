// Pulumi.yaml's `main`: the program is dist/program.js, which is compiled from index.ts first when a source of it
// changed. Compiled, because ts-node takes a second of every preview.
'use strict';
module.exports = async () => {
  // The SDK takes a stack trace for every resource and promise. ts-node, which it always loads, looks for a source
  // map of each frame; compiled code has none, and node's own traces cost a tenth.
  Error.prepareStackTrace = undefined;
  const { ensureCompiled } = await import('./tools/bootstrap/compile.mjs');
  await ensureCompiled(['program']);
  return require('./dist/program.js')();
};
