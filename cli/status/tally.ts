/** Counts checks and keeps a line for each gap. Pure. */
import type { Answer, File, ListedPackage, PlainNames, Signatures } from './facts';
import { newestFirst, WantedPackage } from './expected';

/** What became of one place. */
export interface PlaceReport {
  place: string;
  checks: number;
  /** One line per thing that is wrong. */
  gaps: string[];
  /** What will be wrong soon. */
  warnings: string[];
  /** What it offers, for a place that is right. */
  summary: string;
  /** The version that a user gets there. */
  takes?: string;
}

/** Whose signatures are expected. */
export interface ExpectedKeys {
  fingerprints: string[];
  /** Each index has one of each of them; else one of any. */
  each: boolean;
}

export class Tally {
  checks = 0;
  readonly warnings: string[] = [];
  private readonly faults: string[] = [];
  /** What did not answer, by why. */
  private readonly silent = new Map<string, string[]>();

  /** @param fault undefined where all is well */
  check(fault: string | undefined | false): boolean {
    this.checks++;
    if (fault === undefined || fault === false) return true;
    this.faults.push(fault);
    return false;
  }

  /** What is there; undefined, and a gap, for what is not. */
  value<T>(answer: Answer<T>, name: string, missing = 'is not there'): T | undefined {
    if (answer.kind !== 'failed') this.check(answer.kind === 'absent' && `${name} ${missing}`);
    else {
      this.checks++;
      this.silent.set(answer.why, [...(this.silent.get(answer.why) ?? []), name]);
    }
    return answer.kind === 'there' ? answer.value : undefined;
  }

  /** A file is there, of the size and digest that are known of it. */
  file({ name, answer, size, sha256 }: File): void {
    const seen = this.value(answer, name);
    if (!seen) return;
    if (size !== undefined && seen.size !== undefined)
      this.check(seen.size !== size && `${name} has ${seen.size} bytes, not ${size}`);
    if (sha256 !== undefined && seen.sha256 !== undefined)
      this.check(seen.sha256 !== sha256 && `${name} has other bytes than the index lists`);
  }

  signatures(name: string, signatures: Signatures, expected: ExpectedKeys | undefined): boolean {
    if (!expected) return true;
    return this.check(signatureFault(name, signatures, expected));
  }

  /** Lines; what did not answer for the same reason is one of them. */
  get gaps(): string[] {
    const silent = [...this.silent].map(([why, [first, ...more]]) =>
      more.length > 0 ? `${first} and ${more.length} more: ${why}` : `${first}: ${why}`,
    );
    return [...this.faults, ...silent];
  }

  report(place: string, summary: string, takes?: string): PlaceReport {
    const { checks, gaps, warnings } = this;
    return { place, checks, gaps, warnings, summary, ...(takes !== undefined && { takes }) };
  }
}

/** What is wrong with the signatures of an index. */
export function signatureFault(
  name: string,
  { good, unknown, bad }: Signatures,
  { fingerprints, each }: ExpectedKeys,
): string | undefined {
  if (bad.length > 0) return `${name}: the signature of ${bad.join(', ')} is not of these bytes`;
  if (good.length === 0 && unknown.length === 0) return `${name} is not signed`;
  const others = [...unknown, ...good.filter((one) => !fingerprints.includes(one))];
  if (others.length > 0) return `${name} is signed by ${others.join(', ')}, which is no expected key`;
  const lacking = each ? fingerprints.filter((one) => !good.includes(one)) : [];
  return lacking.length > 0 ? `${name} lacks the signature of ${lacking.join(', ')}` : undefined;
}

/** Every package is listed in the version, and a client takes that one. `client`: as people call it. */
export function judgeVersions(
  tally: Tally,
  wanted: Pick<WantedPackage, 'name'>[],
  listed: ListedPackage[],
  version: string,
  client: string,
): void {
  for (const { name } of wanted) {
    const versions = versionsOf(name, listed);
    const newest = versions[0];
    const isListed = versions.includes(version);
    if (newest === undefined) tally.check(`${name} is not listed`);
    else if (!isListed) tally.check(`${name} ${version} is not listed; ${client} takes ${newest}`);
    else tally.check(newest !== version && `${client} takes ${name} ${newest}, not ${version}`);
  }
}

/** Release versions of a package, newest first. */
export function versionsOf(name: string, listed: ListedPackage[]): string[] {
  return newestFirst(listed.filter((one) => one.name === name).map((one) => one.version.replace('~', '-')));
}

/**
 * The names that people type: there, with a signature, and of the same size.
 *
 * @param isListed whether an index names the package; one that it does not name is a gap already
 */
export function judgeNames(
  tally: Tally,
  { fileName, files, signatures }: PlainNames,
  keys: ExpectedKeys | undefined,
  isListed: boolean,
): void {
  const answers = [...files, ...signatures].map(({ answer }) => answer);
  if (answers.every(({ kind }) => kind === 'absent')) {
    const others = files.length > 1 ? ', nor under its other names' : '';
    if (isListed) tally.check(`${fileName} is not there${others}`);
    return;
  }
  const own = files.find(({ name }) => name === fileName)?.answer;
  for (const [i, file] of files.entries()) {
    if (!isListed && file.answer.kind === 'absent') continue;
    tally.file(file);
    if (file.name !== fileName) judgeAlias(tally, file, fileName, own);
    const { name, answer } = signatures[i];
    // Of a file that is not there there is nothing to sign.
    if (answer.kind === 'absent' && file.answer.kind === 'absent') continue;
    const made = tally.value(answer, name);
    if (made && file.answer.kind === 'there') tally.signatures(name, made, keys && { ...keys, each: false });
  }
}

/** The same bytes as the package's own file, where the index does not say what they are. */
function judgeAlias(
  tally: Tally,
  { name, answer, size, sha256 }: File,
  fileName: string,
  own: File['answer'] | undefined,
): void {
  if (own?.kind !== 'there' || answer.kind !== 'there') return;
  const differs = (a: unknown, b: unknown) => a !== undefined && b !== undefined && a !== b;
  const isOther =
    (size === undefined && differs(own.value.size, answer.value.size)) ||
    (sha256 === undefined && differs(own.value.sha256, answer.value.sha256));
  tally.check(isOther && `${name} is not the file ${fileName}`);
}
