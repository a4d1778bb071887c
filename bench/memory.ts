/**
 * The most memory that the provider and the nfpm that it runs have while it packages an install tree of 500 MB: `VmHWM`
 * of each process, as the kernel counts it (proc(5)), in an update of the sources, the install tree and all packages.
 * Another tree in each round.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { unpackTree } from './measure/ciScript';
import { freshStack, PACKAGES, root, TREE_ONLY, versionOf } from './measure/stack';
import { main, printFigure, ROUNDS, say } from './measure/table';

/** Files that are added to a tree, and megabytes of each: as libraries and programs have them. */
const FILES = 20;
const EACH = 25;
const GOAL = 200;
/** Milliseconds between two looks at the processes. */
const LOOK = 50;

/** Fills a file with a block that repeats itself: gzip finds it again, as it does in programs. */
function fill(file: string, seed: string): void {
  const block = Buffer.alloc(16_384, 0);
  for (let i = 0, state = seed.length + 1; i < block.length; i++) {
    state = (state * 48_271 + seed.charCodeAt(i % seed.length)) % 2_147_483_647;
    block[i] = state & 0xff;
  }
  fs.writeFileSync(file, Buffer.alloc(EACH * 1e6, block));
}

interface Peaks {
  provider: number;
  nfpm: number;
}

/** Of a process: its arguments, the process that started it, and `VmHWM` in megabytes. */
function processOf(pid: string) {
  const read = (name: string) => fs.readFileSync(`/proc/${pid}/${name}`, 'utf8');
  try {
    const status = read('status');
    const number = (field: RegExp) => Number(field.exec(status)?.[1]);
    const peak = (number(/^VmHWM:\s*(\d+) kB$/m) * 1024) / 1e6;
    return [{ pid, args: read('cmdline').split('\0'), parent: number(/^PPid:\s*(\d+)$/m), peak }];
  } catch {
    return []; // It has ended meanwhile.
  }
}

/** Of this project's provider, and of all nfpm that it runs now, together; undefined while there is no provider. */
function look(): Peaks | undefined {
  const program = path.join(root, 'provider', 'pulumi-resource-artifacts');
  const all = fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(processOf)
    .filter(({ peak }) => !Number.isNaN(peak)); // Threads of the kernel, and what has just ended, have none.
  const provider = all.find(({ args }) => args.includes(program));
  if (!provider) return undefined;
  const children = all.filter(
    ({ args, parent }) => parent === Number(provider.pid) && path.basename(args[0]) === 'nfpm',
  );
  return { provider: provider.peak, nfpm: children.reduce((sum, { peak }) => sum + peak, 0) };
}

/** The last that was seen of the provider before it ended, and the most of nfpm. */
async function peaksDuring(work: Promise<void>): Promise<Peaks> {
  let isOver = false;
  const ended = work.finally(() => (isOver = true));
  ended.catch(() => {}); // Thrown below.
  const peaks: Peaks = { provider: NaN, nfpm: 0 };
  while (!isOver) {
    const now = look();
    if (now) {
      peaks.provider = now.provider;
      peaks.nfpm = Math.max(peaks.nfpm, now.nfpm);
    }
    await setTimeout(LOOK);
  }
  await ended;
  return peaks;
}

main(async () => {
  const stack = freshStack({ falcoSize: false });
  const version = versionOf(0);
  stack.make(version);
  const tree = path.join(unpackTree(), 'tree');
  const folder = path.join(tree, 'usr', 'share', 'falco', 'large');
  fs.mkdirSync(folder, { recursive: true });
  const peaks: Peaks[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    for (let i = 0; i < FILES; i++) fill(path.join(folder, String(i)), `${version} ${round} ${i}`);
    peaks.push(await peaksDuring(stack.up(version, [...TREE_ONLY, ...PACKAGES], tree)));
    const { provider, nfpm } = peaks[round - 1];
    say(`round ${round}: ${provider.toFixed(0)} MB, nfpm ${nfpm.toFixed(0)} MB`);
  }
  const of = (name: keyof Peaks) => peaks.map((one) => one[name]);
  printFigure('peak memory of the provider that packages a tree of 500 MB', of('provider'), 'MB', GOAL);
  printFigure('nfpm, which it runs for a deb or rpm of that tree', of('nfpm'), 'MB');
});
