/**
 * All tests, in lanes beside each other: half of the time each waits, for a client, a clock or a lock. What a lane prints
 * comes in whole parts, and the results of all of them at the end.
 */
import { ChildProcess } from 'node:child_process';

/** Folders of test/, those of a lane one after the other. */
export const LANES = [['acceptance'], ['engine'], ['unit', 'publishing']];

/** Line with which test/reporter.ts begins a lane's results. */
export const RESULTS = '== results';

/** Runs a lane; its standard output is a pipe. */
export type Start = (folders: string[]) => ChildProcess;

interface Outcome {
  status: number;
  results: string;
  passed: number;
  failed: number;
}

/**
 * Runs all lanes and prints the results of each, then of all: `N passed, N failed`.
 *
 * @param write gets what is printed
 * @returns exit status: of the first lane that has one
 */
export async function runLanes(
  lanes: string[][],
  start: Start,
  write: (text: string) => void,
): Promise<number> {
  const outcomes = await Promise.all(lanes.map((folders) => runLane(start(folders), write)));
  const sum = (what: 'passed' | 'failed') => outcomes.reduce((total, one) => total + one[what], 0);
  for (const [i, { results, status }] of outcomes.entries()) {
    const ended = results || `ended with status ${status} before it had any`;
    write(`\n${RESULTS} of ${lanes[i]?.join(', ')}: ${ended.trim()}\n`);
  }
  write(`${sum('passed')} passed, ${sum('failed')} failed\n`);
  return outcomes.map(({ status }) => status).find(Boolean) ?? 0;
}

/** Exit status of a program that ended so. */
export const statusOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? (signal === 'SIGINT' ? 130 : 1);

async function runLane(child: ChildProcess, write: (text: string) => void): Promise<Outcome> {
  let text = '';
  let results: string | undefined;
  const take = (chunk: string) => {
    if (results !== undefined) {
      results += chunk;
      return;
    }
    text += chunk;
    const at = text.indexOf(`\n${RESULTS}\n`);
    if (at >= 0) {
      results = text.slice(at + RESULTS.length + 2);
      text = text.slice(0, at + 1);
    }
    // A blank line ends what belongs together.
    const end = results === undefined ? text.lastIndexOf('\n\n') + 2 : text.length;
    if (end > 1) {
      write(text.slice(0, end));
      text = text.slice(end);
    }
  };
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', take);
  const status = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    // What a test started and left may hold the pipes: `exit`, not `close`.
    child.on('exit', (code, signal) => setTimeout(() => resolve(statusOf(code, signal)), 200));
  });
  write(text);
  const counts = /^(\d+) passed, (\d+) failed\n*$/m.exec(results ?? '');
  return {
    status: status === 0 && !counts ? 1 : status,
    results: results ?? '',
    passed: Number(counts?.[1] ?? 0),
    failed: Number(counts?.[2] ?? 0),
  };
}
