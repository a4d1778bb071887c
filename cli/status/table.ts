/** The report of all places as a table for people, or as JSON. Pure. */
import { table } from '../summary';
import type { PlaceReport } from './tally';

export interface Report {
  title: string;
  /** Undefined: no place offers any. */
  version?: string;
  channel: 'release' | 'master';
  /** Whether the version was given, or is the newest that any place offers. */
  isGiven: boolean;
  /** Fingerprints whose signatures are expected. */
  keys: string[];
  /** Where they were taken from; absent: they were given. */
  keysFrom?: string;
  places: PlaceReport[];
}

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;

export function totals({ places }: Report): { checks: number; gaps: number } {
  return {
    checks: sum(places.map(({ checks }) => checks)),
    gaps: sum(places.map(({ gaps }) => gaps.length)),
  };
}

/** A line per thing that is wrong, and one for each place that is right. */
export function statusTable(report: Report): string {
  const { title, version, channel, isGiven, keys, keysFrom, places } = report;
  const rows = places.flatMap(({ place, checks, gaps, warnings, summary }) => {
    const lines = [
      ...gaps.map((gap) => ['GAP', gap]),
      ...warnings.map((warning) => ['warning', warning]),
      ...(gaps.length === 0 ? [['ok', `${summary} (${plural(checks, 'check')})`]] : []),
    ];
    return lines.map(([state, text], i) => [i === 0 ? place : '', state, text]);
  });
  const taken = places.flatMap(({ place, takes }) => (takes === undefined ? [] : [`${place} ${takes}`]));
  const current =
    version === undefined
      ? ': no place offers a release'
      : ` ${version} (${isGiven ? 'as given' : 'the newest that any place offers'})`;
  const signed = `Signatures of ${keys.join(', ')}${keysFrom === undefined ? '' : ` (taken from ${keysFrom})`}`;
  const { checks, gaps } = totals(report);
  return [
    `${title}${current}, channel ${channel}`,
    keys.length > 0 ? signed : 'No signature is checked: there is no key',
    '',
    ...table(rows),
    '',
    ...(taken.length > 0 ? [`A user gets: ${taken.join(', ')}`] : []),
    `${plural(checks, 'check')}, ${plural(gaps, 'gap')}`,
    '',
  ].join('\n');
}

/** The same for programs; `takes` is the version that a user gets at a place. */
export function statusJson(report: Report): string {
  return `${JSON.stringify({ ...report, ...totals(report) }, null, 2)}\n`;
}
