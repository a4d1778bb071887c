/**
 * The most memory that the provider has while it packages an install tree of 500 MB: `VmHWM` of its process, as the
 * kernel counts it (proc(5)), in an update of the sources, the install tree and all packages. Another tree in each
 * round.
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
/** Milliseconds between two looks at the process. */
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

/** `VmHWM` in megabytes of this project's provider; undefined while there is none. */
function peak(): number | undefined {
  const program = path.join(root, 'provider', 'pulumi-resource-artifacts');
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(program)) continue;
      const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
      if (kilobytes !== undefined) return (Number(kilobytes) * 1024) / 1e6;
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined;
}

/** The last that was seen of it before it ended. */
async function peakDuring(work: Promise<void>): Promise<number> {
  let isOver = false;
  const ended = work.finally(() => (isOver = true));
  ended.catch(() => {}); // Thrown below.
  let last = NaN;
  while (!isOver) {
    last = peak() ?? last;
    await setTimeout(LOOK);
  }
  await ended;
  return last;
}

main(async () => {
  const stack = freshStack({ falcoSize: false });
  const version = versionOf(0);
  stack.make(version);
  const tree = path.join(unpackTree(), 'tree');
  const folder = path.join(tree, 'usr', 'share', 'falco', 'large');
  fs.mkdirSync(folder, { recursive: true });
  const peaks: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    for (let i = 0; i < FILES; i++) fill(path.join(folder, String(i)), `${version} ${round} ${i}`);
    peaks.push(await peakDuring(stack.up(version, [...TREE_ONLY, ...PACKAGES], tree)));
    say(`round ${round}: ${peaks[round - 1].toFixed(0)} MB`);
  }
  printFigure('peak memory of the provider that packages a tree of 500 MB', peaks, 'MB', GOAL);
});
