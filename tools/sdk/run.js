// Starts the program, as PULUMI_LANGUAGE_NODEJS_RUN_PATH, without what the SDK does for its own debugging.
'use strict';
const { Module } = require('node:module');

// The language host that is built from its Go module (docs/dependencies.md) is older than Pulumi.yaml's
// `typescript: false` and asks for ts-node, 0.3 s of every preview.
delete process.env.PULUMI_NODEJS_TYPESCRIPT;

// A debug message is a call to the engine, one after the other, some ten for each resource; the engine shows them
// with `pulumi --debug` only.
require('@pulumi/pulumi/log').debug = () => Promise.resolve();

// A stack trace of each of the thousands of promises, which only PULUMI_DEBUG_PROMISE_LEAKS shows.
/** @type {{ debuggablePromise: (promise: Promise<unknown>, context: string) => Promise<unknown> }} */
const debuggable = /** @type {any} */ (require('@pulumi/pulumi/runtime/debuggable'));
const { debuggablePromise } = debuggable;
debuggable.debuggablePromise = (promise, context) => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return debuggablePromise(promise, context);
  } finally {
    Error.stackTraceLimit = limit;
  }
};

// Exporters of spans, 40 ms to load; they are asked for with this variable only (cmd/run/run.js, tracingIsEnabled).
if (!process.env.PULUMI_EXPERIMENTAL) {
  const id = require.resolve('@pulumi/pulumi/cmd/run/tracing');
  const span = { setAttribute() {}, addEvent() {}, end() {} };
  const newSpan = () => span;
  const loaded = Object.assign(new Module(id), { filename: id, loaded: true, exports: { newSpan } });
  require.cache[id] = loaded;
}
require('@pulumi/pulumi/cmd/run');
