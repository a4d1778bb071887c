/** How every row of the table is measured and printed: pairs that take turns, their medians, the ratio, the load. */
import { spawnSync } from 'node:child_process';
import * as os from 'node:os';

/** Pairs of each row: `ROUNDS`, by default five. */
export const ROUNDS = Number(process.env.ROUNDS ?? 5);

/** Seconds of each round. */
export interface Pairs {
  ours: number[];
  peer: number[];
}

export interface Row {
  what: string;
  beside: string;
  pairs: Pairs;
  /** The ratio is to be at most this; without one, it is to be known only. */
  goal?: number;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Seconds that the work takes. */
export async function timed(work: () => unknown): Promise<number> {
  const started = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

/**
 * Measures both in each round, the other one first in every second: what changes on the machine meets both.
 *
 * @param ours seconds of one round; rounds are counted from 1
 */
export async function inTurns(
  ours: (round: number) => Promise<number>,
  peer: (round: number) => Promise<number>,
): Promise<Pairs> {
  const pairs: Pairs = { ours: [], peer: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    if (round % 2 === 0) pairs.ours.push(await ours(round));
    pairs.peer.push(await peer(round));
    if (round % 2 === 1) pairs.ours.push(await ours(round));
  }
  return pairs;
}

/** Runs a program to its end; one that fails is an error with what it printed. */
export function run(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw error ?? new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** Says on stderr what is going on; stdout is the table. */
export const say = (line: string) => process.stderr.write(`${line}\n`);

/** The machine's figures and the head of the table. */
export function tableHead(): string {
  const cpus = os.cpus();
  const memory = Math.round(os.totalmem() / 1e9);
  const machine = [
    `${cpus.length} × ${cpus[0]?.model.trim() ?? 'unknown CPU'}`,
    `${memory} GB memory`,
    `Linux ${os.release()}`,
    `Node ${process.versions.node}`,
    `load ${loadNow()} when it began`,
  ];
  return [
    `${machine.join(', ')}. Medians of ${ROUNDS} (least–most); the ratio is the median of each pair's.`,
    '',
    '| what | beside | ours | peer | ratio | goal | load |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    '',
  ].join('\n');
}

/** Average number of processes that ran or waited in the last minute. */
const loadNow = () => os.loadavg()[0].toFixed(1);

const line = (cells: string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);

function spread(values: number[], unit: string, digits: number): string {
  const text = (value: number) => value.toFixed(digits);
  return `${text(median(values))} ${unit} (${text(Math.min(...values))}–${text(Math.max(...values))})`;
}

export function printRow({ what, beside, pairs, goal }: Row): void {
  const ratio = median(pairs.ours.map((one, i) => one / (pairs.peer[i] ?? NaN)));
  const times = [pairs.ours, pairs.peer].map((values) => spread(values, 's', 2));
  line([what, beside, ...times, `${ratio.toFixed(2)} ×`, verdict(ratio, '×', goal), loadNow()]);
}

/** A row without a peer. */
export function printFigure(what: string, values: number[], unit: string, goal?: number): void {
  line([what, '', spread(values, unit, 0), '', '', verdict(median(values), unit, goal), loadNow()]);
}

function verdict(value: number, unit: string, goal?: number): string {
  if (goal === undefined) return 'known';
  return `≤ ${goal} ${unit}${value <= goal ? '' : ', missed'}`;
}

/** Runs a bench; a failure is told in one line. Ctrl-C lets it take away its folders, too. */
export function main(work: () => Promise<void>): void {
  process.on('SIGINT', () => process.exit(130));
  work().catch((error: Error) => {
    say(error.message);
    process.exitCode = 1;
  });
}
