/** Which release `npm run propose` writes: the one that the other stack has published last, or one that it has kept. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as semver from 'semver';
import { checkVersion, isPrerelease, SettingError } from '../names';
import { keptRecord } from '../provider/promotion/kept';
import type { ReleaseRecord } from '../provider/promotion/record';
import { openStore } from '../provider/store/open';
import { stackOutputs } from './engine';
import { expectedKey, propose } from './propose';
import type { Given } from './options';
import { openStack, Stack } from './stack';

const COMMAND = 'npm run propose';

/** Writes what was asked for into the stack's file; resolves to the exit status. */
export async function proposeCommand(
  stack: Stack,
  { strings }: Given,
  say: (line: string) => void,
): Promise<number> {
  const { root, name, config } = stack;
  refuseBuilding(stack);
  const version = strings.version === undefined ? undefined : checkVersion(strings.version, '--version');
  const set = config['falco:from'];
  const from = strings.from ?? (typeof set === 'string' ? set : undefined);
  if (!from) throw new SettingError(COMMAND, 'name the stack that has published the release with --from');
  const source = openStack(root, from.split('/').pop() ?? from, {});
  const newest = recordIn(await stackOutputs(source), source);
  const expected = expectedKey(config);
  const record =
    version === undefined || version === newest.version
      ? newest
      : await keptRelease(newest, version, expected || newest.signingKey, source.name);
  refuseCandidate(record.version, source.name);
  const later = version === undefined ? await laterRelease(newest) : undefined;
  if (later !== undefined)
    say(
      `note: this is what ${source.name} published last; it has ${later}, too, which --version ${later} proposes`,
    );
  return propose({ root, stack: name, from, record }, say);
}

/** @throws SettingError for a stack that does not promote */
function refuseBuilding({ root, name, config }: Stack): void {
  const file = `Pulumi.${name}.yaml`;
  if (!fs.existsSync(path.join(root, file)))
    throw new SettingError(COMMAND, `there is no ${file}; name the stack that promotes with --stack`);
  if (config['falco:program'] !== 'promotion')
    throw new SettingError(
      COMMAND,
      `${file} does not say falco:program: promotion; name the stack that promotes with --stack`,
    );
}

/** What a stack says of the release that it has published last. */
function recordIn(outputs: Record<string, unknown>, { name, config }: Stack): ReleaseRecord {
  const record = outputs.release as ReleaseRecord | undefined;
  if (record) return record;
  throw new SettingError(
    COMMAND,
    config['falco:program'] === 'promotion'
      ? `the stack ${name} promotes, too, and has no record of its own; name the stack that has built the release with --from`
      : `the stack ${name} has published no release: npm run up -- --stack ${name}`,
  );
}

/** @throws SettingError for what the promotion would refuse */
function refuseCandidate(version: string, from: string): void {
  if (isPrerelease(version))
    throw new SettingError(
      COMMAND,
      `${version} of ${from} is a candidate, which is for those who try it there; propose the release, with --version where ${from} has gone on`,
    );
}

/** Releases that a stack has kept records of, the oldest first. */
async function keptVersions({
  bucket,
  records,
}: Pick<ReleaseRecord, 'bucket' | 'records'>): Promise<string[]> {
  const all = (await openStore(bucket).list(`${records}/`)).map((name) => path.basename(name, '.json.asc'));
  return semver.sort(all.filter((one) => semver.valid(one) && !isPrerelease(one)));
}

/** A newer release than the one that a stack published last, such as a back-port is followed by. */
async function laterRelease(last: ReleaseRecord): Promise<string | undefined> {
  const newest = (await keptVersions(last)).pop();
  return newest !== undefined && semver.gt(newest, last.version) ? newest : undefined;
}

/**
 * The record of a release that the stack has kept in its bucket.
 *
 * @param key fingerprint that must have signed it
 * @throws SettingError where there is none, or it is not what the key signed
 */
export async function keptRelease(
  { bucket, records, publicKey }: ReleaseRecord,
  version: string,
  key: string,
  from: string,
): Promise<ReleaseRecord> {
  const kept = await keptRecord(openStore(bucket), records, version, publicKey);
  if (kept === undefined) {
    const versions = await keptVersions({ bucket, records });
    throw new SettingError(
      '--version',
      `the stack ${from} has kept no record of ${version}; it has ${versions.join(', ') || 'none'}`,
    );
  }
  const { record, signers } = kept;
  if (!signers.includes(key) || record.signingKey !== key || record.version !== version)
    throw new SettingError(
      '--version',
      `the record of ${version} that the stack ${from} has kept is not what ${key} signed of it: find out who wrote it, or publish ${version} there again`,
    );
  return record;
}
