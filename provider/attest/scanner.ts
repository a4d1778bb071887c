/**
 * syft, in a process that scans one thing after the other: a start of it costs as much as the scan of a package. It
 * lives as long as this one, and ends when its standard input does.
 */
import { ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What is scanned: a folder or an image. */
export interface Scan {
  /** Absolute path. Every path in it is told relatively, and links that lead out of it are not followed. */
  directory?: string;
  /** `<registry>/<repository>@sha256:…`. */
  image?: string;
  /** Of an image, such as `linux/amd64`. */
  platform?: string;
  /** Whether the image's registry is asked over plain HTTP. */
  plain?: boolean;
  /** Absolute path of a folder that keeps its large layers unpacked. Absent: they are unpacked for this scan alone. */
  layers?: string;
  /** Whether every file is listed. */
  files: boolean;
  /** File that gets the SPDX document of syft, in JSON. */
  output: string;
}

/** tools/syft/cmd/syft-scans. */
export const PROGRAM = 'syft-scans';
/** Milliseconds that a scan may take. */
const TIMEOUT = 15 * 60_000;

interface Pending {
  done: (error?: Error) => void;
  timer: NodeJS.Timeout;
}

class Scanner {
  private child?: ChildProcessWithoutNullStreams;
  private readonly pending = new Map<number, Pending>();
  private last = 0;

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  scan(what: Scan): Promise<void> {
    const child = this.child ?? this.start();
    const id = ++this.last;
    return new Promise<void>((resolve, reject) => {
      const done = (error?: Error) => {
        clearTimeout(this.pending.get(id)?.timer);
        this.pending.delete(id);
        if (this.pending.size === 0) hold(child, false);
        if (error) reject(new Error(`syft ${what.image ?? 'of a package'}: ${error.message}`));
        else resolve();
      };
      const timer = setTimeout(() => {
        done(new Error(`no answer within ${TIMEOUT / 1000} s`));
        child.kill('SIGKILL');
      }, TIMEOUT);
      this.pending.set(id, { done, timer });
      hold(child, true);
      child.stdin.write(`${JSON.stringify({ id, ...what })}\n`);
    });
  }

  private start(): ChildProcessWithoutNullStreams {
    const child = spawn(PROGRAM, [], { env: this.env });
    this.child = child;
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said = (said + chunk).slice(-10_000)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { id, error } = JSON.parse(line) as { id: number; error?: string };
      this.pending
        .get(id)
        ?.done(error === undefined ? undefined : new Error(error.replace(/\s*\n\s*/g, ' ')));
    });
    const ended = (error: Error) => {
      if (this.child === child) this.child = undefined;
      for (const { done } of [...this.pending.values()]) done(error);
    };
    // It ended before it had read all; `close` says why.
    child.stdin.on('error', () => {});
    child.on('error', (error: NodeJS.ErrnoException) =>
      ended(
        error.code === 'ENOENT' ? new Error(`${PROGRAM} is not on PATH; "npm run up" installs it`) : error,
      ),
    );
    child.on('close', (status, signal) =>
      ended(new Error(said.trim().split('\n').pop() || `it ended with ${signal ?? `status ${status}`}`)),
    );
    return child;
  }
}

/** Nobody waits for an idle one. */
function hold(child: ChildProcessWithoutNullStreams, isBusy: boolean): void {
  for (const one of [child, child.stdin, child.stdout, child.stderr] as unknown as NodeJS.Timeout[])
    if (isBusy) one.ref();
    else one.unref();
}

/** By environment: what scans packages is not given the login of a registry. */
const scanners = new Map<string, Scanner>();

/** @throws Error with syft's own words */
export function scan(what: Scan, env: NodeJS.ProcessEnv): Promise<void> {
  const key = JSON.stringify(env);
  const scanner = scanners.get(key) ?? new Scanner(env);
  scanners.set(key, scanner);
  return scanner.scan(what);
}
