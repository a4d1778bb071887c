/** What a reviewer sees of systems that were resolved anew. Pure. */
import type { PinnedSystems } from '../provider/systems/pin';

/** Lines of package lists that differ. */
export function packageChanges(before: string[], after: string[]): string[] {
  const split = (lines: string[]) =>
    new Map(lines.map((line): [string, string] => [line.split(' ')[0] ?? '', line.split(' ')[1] ?? '']));
  const [had, has] = [split(before), split(after)];
  return [...new Set([...had.keys(), ...has.keys()])].sort().flatMap((name) => {
    const [from, to] = [had.get(name), has.get(name)];
    if (from === to) return [];
    if (from === undefined) return [`  + ${name} ${to}`];
    return to === undefined ? [`  - ${name} ${from}`] : [`  ~ ${name} ${from} => ${to}`];
  });
}

/** System by system: its digests, and the packages that differ. */
export function systemChanges(before: PinnedSystems, after: PinnedSystems): string[] {
  const short = (digest: string | undefined) =>
    digest?.slice('sha256:'.length, 'sha256:'.length + 12) ?? 'none';
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((name) => {
    const [from, to] = [before[name], after[name]];
    if (from?.digest === to?.digest) return [`${name} ${short(to?.digest)}: as before`];
    const packages = packageChanges(from?.packages ?? [], to?.packages ?? []);
    const what = packages.length > 0 ? '' : ': the same packages';
    return [`${name} ${short(from?.digest)} => ${short(to?.digest)}${what}`, ...packages];
  });
}
