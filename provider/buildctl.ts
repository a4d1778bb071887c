/** Runs the `buildctl` program, and finds in what it prints why a build failed. */
import { spawn } from 'node:child_process';
import * as path from 'node:path';
import { builderAddress } from '../location';
import { progress, warn } from './diagnostics';

export interface SolveOptions {
  /** Seconds until the build is stopped. Default: none. */
  limit?: number;
  /** What a line begins with by which a step gives the reason. Default `error: `. */
  verdict?: string;
  /** Gets what is printed. Default: shown as progress. */
  onLine?: (line: string) => void;
  /** Told why the cache could not be written; the build itself goes on. */
  onUnsaved?: (reason: string) => void;
}

/** Why a build failed. The message says it in one line. */
export class BuildFailure extends Error {
  constructor(
    message: string,
    /** Last lines that the failed step printed. */
    readonly printed: string[],
    /** `said`: the step itself gave the reason, in a line of its own. */
    readonly kind: 'said' | 'step' | 'limit' | 'unreachable',
  ) {
    super(message);
  }
}

/** Lines of a failed step that an error shows. */
const TAIL = 15;

/** What buildctl prints (`--progress=plain`), as far as an error needs it. */
interface Log {
  /** Last lines that each step printed, by its number. */
  steps: Map<string, string[]>;
  /** Number of the step that printed last. */
  last?: string;
  /** Number of the step that failed. */
  failed?: string;
  /** What BuildKit calls each step, by its number. */
  names: Map<string, string>;
  /** Why the cache could not be written. */
  unsaved?: string;
  /** Last lines that are no step's. */
  rest: string[];
}

function keep(lines: string[], line: string): void {
  lines.push(line);
  if (lines.length > TAIL) lines.shift();
}

/** Sorts a line into the log; returns it without what buildctl puts before it. */
function record(log: Log, line: string): string {
  // "#12 3.456 text" is what step 12 printed after 3.456 s, "#12 text" what BuildKit says of the step.
  const [, step, seconds, text] = /^#(\d+) (?:(\d+\.\d+) )?(.*)$/.exec(line) ?? [];
  if (step === undefined) {
    keep(log.rest, line);
    return line;
  }
  if (seconds === undefined) {
    if (!log.names.has(step)) log.names.set(step, text);
    if (!/^ERROR: /.test(text)) return text;
    if (/^exporting cache/.test(log.names.get(step) ?? '')) log.unsaved = text.slice('ERROR: '.length);
    else log.failed = step;
    return text;
  }
  log.last = step;
  if (!log.steps.has(step)) log.steps.set(step, []);
  keep(log.steps.get(step) ?? [], text);
  return text;
}

/** How buildctl reaches buildkitd. @param address as in `builderAddress` */
export function connectArguments(address: string): string[] {
  const { endpoint, certificates } = builderAddress(address, 'buildkitd');
  return [
    '--addr',
    endpoint,
    ...(certificates === undefined ? [] : ['--tlsdir', path.resolve(certificates)]),
  ];
}

/** The words of a `buildctl build` with plain progress. */
export const buildArguments = (address: string, args: string[]) => [
  ...connectArguments(address),
  ...['build', '--progress=plain', '--frontend=dockerfile.v0'],
  ...args,
];

/** Warns that the next builder will build this anew. @param ref as in `cacheArguments` */
export const warnOfUnsaved = (ref: string) => (reason: string) =>
  void warn(`the build cache ${ref} cannot be written: ${reason}`);

/**
 * Takes steps from a cache in a registry, and puts them there. Nothing there yet, or no right to write, is no failure.
 *
 * @param ref `host/path:tag`
 * @param mode `min`: what the result consists of; `max`: the layers of every step
 */
export const cacheArguments = (ref: string, mode: 'min' | 'max') => [
  ...['--import-cache', `type=registry,ref=${ref}`],
  // The manifest as every registry takes it, ECR too.
  ...['--export-cache', `type=registry,ref=${ref},mode=${mode},${OCI_CACHE},ignore-error=true`],
];
const OCI_CACHE = 'oci-mediatypes=true,image-manifest=true';

/** Runs `buildctl build` with these arguments to its end. Throws BuildFailure. */
export function solve(address: string, args: string[], options: SolveOptions = {}): Promise<void> {
  const { onLine = progress } = options;
  return new Promise((resolve, reject) => {
    const child = spawn('buildctl', buildArguments(address, args), { stdio: ['ignore', 'ignore', 'pipe'] });
    const log: Log = { steps: new Map(), names: new Map(), rest: [] };
    let rest = '';
    let isLate = false;
    const take = (line: string) => {
      const text = record(log, line.trimEnd());
      if (text) onLine(text);
    };
    const timer =
      options.limit &&
      setTimeout(() => {
        isLate = true;
        // buildkitd stops the build when its client is gone.
        child.kill('SIGKILL');
      }, options.limit * 1000);
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(take);
    });
    child.on('error', (error) =>
      reject(new Error(`buildctl cannot be started (${error.message}); "npm run up" installs it`)),
    );
    child.on('close', (status) => {
      clearTimeout(timer || undefined);
      take(rest);
      if (log.unsaved !== undefined) options.onUnsaved?.(log.unsaved);
      if (status === 0) return resolve();
      const printed = (log.last !== undefined && log.steps.get(log.last)) || [];
      if (isLate)
        return reject(new BuildFailure(`it does not end within ${options.limit} s`, printed, 'limit'));
      reject(explain(address, log, options.verdict ?? 'error: '));
    });
  });
}

/** A step says why in a verdict, for what the user can mend; else its last lines stand for themselves. */
function explain(address: string, { steps, failed, rest }: Log, verdict: string): BuildFailure {
  const printed = (failed !== undefined && steps.get(failed)) || [];
  const said = printed.filter((line) => line.startsWith(verdict)).pop();
  if (said) return new BuildFailure(said.slice(verdict.length), printed, 'said');
  const last = rest.filter((line) => line.startsWith('error: ')).pop() ?? rest.pop() ?? 'buildctl failed';
  const reason = last.replace(/^error: (failed to solve: )?/, '');
  if (/Unavailable|error while dialing|context deadline exceeded/i.test(reason) && printed.length === 0) {
    const remedy = /^unix:/.test(address)
      ? 'start it with "npm run services -- start"'
      : 'start it, or correct the setting that names it';
    return new BuildFailure(`buildkitd does not answer at ${address}; ${remedy}`, [], 'unreachable');
  }
  return new BuildFailure(reason, printed, 'step');
}
