/** The signed record of the release that is to be verified (provider/promotion/kept.ts). */
import { recordsPrefix } from '../../bucketKeys';
import { catalog } from '../../catalog';
import { publicNames, SettingError } from '../../names';
import { compareVersions } from '../../provider/formats/versionOrder';
import { keptRecord, keyOf } from '../../provider/promotion/kept';
import type { RecordedBuild, ReleaseRecord } from '../../provider/promotion/record';
import type { Place } from './place';

const SETTING = 'npm run verify';

/** A record that says how its release was built. */
export type VerifiedRecord = ReleaseRecord & { build: RecordedBuild };

export interface Wanted {
  /** Stack that published it; default: the only one that has records there. */
  stack?: string;
  /** Default: the newest that has a record. */
  version?: string;
  /** Fingerprints of which one must have signed the record. Default: any of the published key file. */
  keys?: string[];
}

/** @throws SettingError where there is no such record, or it is not by the key that it should be by */
export async function releaseRecord(place: Place, wanted: Wanted): Promise<VerifiedRecord> {
  const { stack, version } = await recordAt(place, wanted);
  const prefix = recordsPrefix(stack);
  const at = `${place.name}/${keyOf(prefix, version)}`;
  const { publicKey } = publicNames(catalog.product);
  const kept = await keptRecord(place, prefix, version, publicKey);
  if (!kept)
    throw new SettingError(SETTING, `there is no record of ${version} at ${at}, or it cannot be read`);
  const { record, signers } = kept;
  if (signers.length === 0)
    throw new SettingError(
      SETTING,
      `${at} is not signed by a key of ${place.name}/${publicKey}, or was edited afterwards: do not trust this release`,
    );
  const keys = wanted.keys ?? [record.signingKey];
  if (!signers.some((one) => keys.includes(one)))
    throw new SettingError(
      SETTING,
      `${at} is signed by ${signers.join(' and ')}, expected was ${keys.join(' or ')}: do not trust this release, or correct --key`,
    );
  if (record.version !== version)
    throw new SettingError(SETTING, `${at} is the record of ${record.version}: do not trust this release`);
  // Records of before this command say nothing of it.
  const { build } = record;
  if (build === undefined)
    throw new SettingError(
      SETTING,
      `the record of ${version} does not say how it was built; publish it again: npm run up -- --stack ${stack}`,
    );
  return { ...record, build };
}

/** What stands in `build/<stack>/record/<version>.json.asc`. */
async function recordAt(place: Place, wanted: Wanted): Promise<{ stack: string; version: string }> {
  const { stack, version } = wanted;
  if (stack !== undefined && version !== undefined) return { stack, version };
  const keys = await place.list('build/');
  if (keys === undefined)
    throw new SettingError(
      SETTING,
      `${place.name} cannot be listed; say which release with --stack and --version, such as --stack prod --version 0.24.0`,
    );
  const found = keys.flatMap((key) => {
    const [, of, named] = /^build\/([^/]+)\/record\/(.+)\.json\.asc$/.exec(key) ?? [];
    return of && named && of === (stack ?? of) && named === (version ?? named)
      ? [{ stack: of, version: named }]
      : [];
  });
  const stacks = [...new Set(found.map((one) => one.stack))];
  if (stacks.length > 1)
    throw new SettingError(
      SETTING,
      `${place.name} has releases of ${stacks.join(' and ')}; name one with --stack`,
    );
  const [newest] = found.sort((a, b) => compareVersions(b.version, a.version));
  if (newest) return newest;
  const which = [version ?? 'a release', ...(stack === undefined ? [] : [`of the stack ${stack}`])].join(' ');
  throw new SettingError(
    SETTING,
    `${place.name} has no record of ${which} (build/STACK/record/VERSION.json.asc)`,
  );
}
