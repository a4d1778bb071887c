/** What the user is to read beside the engine's own lines. The engine keeps a plugin's standard error to itself. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { stripVTControlCharacters } from 'node:util';

type Tell = (text: string) => Promise<void>;

let tell: Tell = (text) => {
  process.stderr.write(`warning: ${text}\n`);
  return Promise.resolve();
};

/** Where warnings go from now on: to standard error without this, as in the command line, which loads no SDK. */
export function warnBy(other: Tell): void {
  tell = other;
}

/** A warning of the run. */
export function warn(text: string): Promise<void> {
  return tell(text);
}

/** Milliseconds of work before its first line, and between two: what is quick says nothing. */
const PAUSE = 10_000;
/** Characters of a line that is shown. */
const WIDTH = 100;

interface Work {
  /** Resource that is made; empty: not for one. */
  urn: string;
  /** When its last line was shown, in milliseconds since 1970. */
  shown: number;
}

type Show = (line: string, urn: string) => void;

const working = new AsyncLocalStorage<Work>();
const unnamed: Work = { urn: '', shown: Date.now() };

let show: Show = (line) => process.stderr.write(`${line}\n`);

/** Where lines of progress go from now on: to standard error without this. */
export function progressBy(other: Show): void {
  show = other;
}

/** Does the work; lines of progress from within are those of this resource. */
export function during<T>(urn: string, work: () => T): T {
  return working.run({ urn, shown: Date.now() }, work);
}

/** What a long work is at, as its program prints it; one line every ten seconds is shown. */
export function progress(line: string): void {
  const work = working.getStore() ?? unnamed;
  const text = stripVTControlCharacters(line)
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
  const now = Date.now();
  if (text === '' || now - work.shown < PAUSE) return;
  work.shown = now;
  show(text.length > WIDTH ? `${text.slice(0, WIDTH - 1)}…` : text, work.urn);
}
