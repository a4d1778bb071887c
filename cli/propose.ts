/**
 * `npm run propose`: writes what another stack has published into a stack's file, by digest, for a reviewer to agree
 * to. Nothing else is touched: the promotion itself is an update of that stack.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parseDocument } from 'yaml';
import { SettingError } from '../names';
import { pinOf, PinnedRelease, ReleaseRecord } from '../provider/promotion/record';

const RELEASE = 'falco:release';

/** Lines of a list of digests that differ, as a person reads them. */
function changes(what: string, before: Record<string, string>, after: Record<string, string>): string[] {
  const short = (digest = '') => digest.replace(/^sha256:/, '').slice(0, 12);
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((name) => {
    if (before[name] === after[name]) return [];
    if (before[name] === undefined) return [`  + ${what} ${name} ${short(after[name])}`];
    if (after[name] === undefined) return [`  - ${what} ${name} ${short(before[name])}`];
    return [`  ~ ${what} ${name} ${short(before[name])} => ${short(after[name])}`];
  });
}

/** What a reviewer will see of a proposal, line by line. Pure. */
export function proposal(before: Partial<PinnedRelease>, after: PinnedRelease): string[] {
  const field = (name: 'version' | 'commit') =>
    before[name] === after[name]
      ? `${name} ${after[name]}`
      : `${name} ${before[name] ?? 'none'} => ${after[name]}`;
  const lines = [
    ...changes('package', before.packages ?? {}, after.packages),
    ...changes('image', before.images ?? {}, after.images),
  ];
  return [
    field('version'),
    field('commit'),
    ...(lines.length > 0 ? lines : ['  the same packages and images']),
  ];
}

/**
 * A stack file with another release in it; comments and everything else stay.
 *
 * @param expectedKey written where the file names none yet
 */
export function withRelease(
  text: string,
  from: string,
  pinned: PinnedRelease,
  expectedKey: string,
): { text: string; before: Partial<PinnedRelease> } {
  const file = parseDocument(text);
  const before = (
    file.getIn(['config', RELEASE])
      ? (file.toJS() as { config: Record<string, unknown> }).config[RELEASE]
      : {}
  ) as Partial<PinnedRelease>;
  file.setIn(['config', 'falco:from'], from);
  if (!file.getIn(['config', 'falco:expectedKey'])) file.setIn(['config', 'falco:expectedKey'], expectedKey);
  file.setIn(['config', RELEASE], file.createNode(pinned));
  return { text: file.toString({ lineWidth: 0 }), before };
}

export interface Proposal {
  root: string;
  /** Stack whose file is written. */
  stack: string;
  /** Stack that has published the release. */
  from: string;
  /** Outputs of that stack. */
  outputs: Record<string, unknown>;
}

/** Writes the proposal and says what is in it. @throws SettingError before anything is written */
export function propose({ root, stack, from, outputs }: Proposal, say: (line: string) => void): number {
  const record = outputs.release as ReleaseRecord | undefined;
  if (!record) {
    throw new SettingError(
      'npm run propose',
      `the stack ${from} has published no release: npm run up -- --stack ${from}`,
    );
  }
  const file = path.join(root, `Pulumi.${stack}.yaml`);
  if (!fs.existsSync(file))
    throw new SettingError(
      'npm run propose',
      `there is no ${path.basename(file)}; name the stack that promotes with --stack`,
    );
  const text = fs.readFileSync(file, 'utf8');
  if (!/^\s*falco:program:\s*promotion\s*$/m.test(text))
    throw new SettingError(
      'npm run propose',
      `${path.basename(file)} does not say falco:program: promotion; it builds what it publishes`,
    );
  const pinned = pinOf(record);
  const { text: after, before } = withRelease(text, from, pinned, record.signingKey);
  for (const line of proposal(before, pinned)) say(line);
  if (after === text) {
    say(`${path.basename(file)} says so already.`);
    return 0;
  }
  fs.writeFileSync(`${file}.new`, after);
  fs.renameSync(`${file}.new`, file);
  say(
    `Written to ${path.basename(file)}; signed by ${record.signingKey}. Have it reviewed, then: npm run up -- --stack ${stack}`,
  );
  return 0;
}
