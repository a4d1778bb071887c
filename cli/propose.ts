/**
 * `npm run propose`: writes what another stack has published into a stack's file, by digest, for a reviewer to agree
 * to. Nothing else is touched: the promotion itself is an update of that stack.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parseDocument } from 'yaml';
import { SettingError } from '../names';
import { fingerprintOf } from '../provider/attest/cosign';
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
    ...changes('system', before.systems ?? {}, after.systems),
  ];
  return [
    field('version'),
    field('commit'),
    ...(lines.length > 0 ? lines : ['  the same packages and images']),
  ];
}

const EXPECTED_KEY = 'falco:expectedKey';
const EXPECTED_COSIGN_KEY = 'falco:expectedCosignKey';

interface Keys {
  [EXPECTED_KEY]?: string;
  [EXPECTED_COSIGN_KEY]?: string;
}

/** Fingerprint that a stack file expects, as config.ts reads it; empty where it names none. */
export const expectedKey = (config: Record<string, unknown>): string =>
  String((config as Keys)[EXPECTED_KEY] ?? '')
    .replace(/ /g, '')
    .toUpperCase();

/**
 * A stack file with another release in it; comments and everything else stay.
 *
 * @param record the release; its keys are written as the expected ones where the file names none yet
 * @throws SettingError where the file expects others: a person agrees to a new key first
 */
export function withRelease(
  text: string,
  from: string,
  record: ReleaseRecord,
): { text: string; before: Partial<PinnedRelease> } {
  const file = parseDocument(text);
  const { config } = file.toJS() as { config: { [RELEASE]?: PinnedRelease } & Keys };
  const { signingKey, cosignKey } = record;
  const expected = expectedKey(config as Record<string, unknown>);
  if (expected !== '' && expected !== signingKey)
    throw new SettingError(
      EXPECTED_KEY,
      `is ${expected}, but ${from} signed the release with ${signingKey}; ` +
        'if that is its new key, set it there in a reviewed change of its own, and propose again',
    );
  const signer = cosignKey === undefined ? '' : fingerprintOf(cosignKey);
  const expectedSigner = String(config[EXPECTED_COSIGN_KEY] ?? '').toLowerCase();
  if (signer === '')
    throw new SettingError(
      EXPECTED_COSIGN_KEY,
      `the images of ${record.version} of ${from} are not signed; publish it there again`,
    );
  if (expectedSigner !== '' && expectedSigner !== signer)
    throw new SettingError(
      EXPECTED_COSIGN_KEY,
      `is ${expectedSigner}, but ${from} signed the images with ${signer}; ` +
        'if that is its new key, set it there in a reviewed change of its own, and propose again',
    );
  file.setIn(['config', 'falco:from'], from);
  if (expected === '') file.setIn(['config', EXPECTED_KEY], signingKey);
  if (expectedSigner === '') file.setIn(['config', EXPECTED_COSIGN_KEY], signer);
  file.setIn(['config', RELEASE], file.createNode(pinOf(record)));
  return { text: file.toString({ lineWidth: 0 }), before: config[RELEASE] ?? {} };
}

export interface Proposal {
  root: string;
  /** Stack whose file is written; `promotionFile` has looked at it. */
  stack: string;
  /** Stack that has published the release. */
  from: string;
  record: ReleaseRecord;
}

/** Writes the proposal and says what is in it. @throws SettingError before anything is written */
export function propose({ root, stack, from, record }: Proposal, say: (line: string) => void): number {
  const file = path.join(root, `Pulumi.${stack}.yaml`);
  const text = fs.readFileSync(file, 'utf8');
  const pinned = pinOf(record);
  const { text: after, before } = withRelease(text, from, record);
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
