/** A folder of downloads as it should be. Pure. */
import { compareVersions } from '../../provider/formats/versionOrder';
import type { WantedPackage } from './expected';
import type { DownloadsFacts } from './facts';
import { Expectation, publishedKeys } from './judgeApt';
import { judgeNames, PlaceReport, Tally } from './tally';

const SUMS = 'SHA256SUMS.asc';

/** @param versions that the list has, newest first, without those that were taken back */
export function judgeDownloads(
  place: string,
  wanted: WantedPackage[],
  versions: string[],
  { sums, rest }: DownloadsFacts,
  { version, keys, published }: Expectation,
): PlaceReport {
  const tally = new Tally();
  const done = (summary = '', takes?: string) => tally.report(place, summary, takes);
  const signed = tally.value(sums, SUMS);
  if (!signed) return done();
  if (!tally.check(signed.text === undefined && `${SUMS} is no signed text`)) return done();
  if (!tally.signatures(SUMS, signed.signatures, keys) || !rest) return done();
  const { listed } = rest;
  if (version === undefined) tally.check(`${SUMS} lists no release`);
  for (const one of wanted) judgeSums(tally, one, listed);
  const [newest] = versions;
  if (version !== undefined && newest !== undefined && compareVersions(newest, version) > 0)
    tally.check(`${newest} is there, which is newer than ${version}`);
  for (const file of rest.files) tally.file(file);
  for (const names of rest.plain)
    judgeNames(tally, names, publishedKeys(published), listed.has(names.fileName));
  tally.value(rest.page, 'index.html');
  const summary = `${wanted.length} files of ${version}; signed by ${signed.signatures.good.join(', ')}`;
  return done(summary, takenOf(wanted, listed) ?? newest);
}

/** Each name is listed, and each alias with the file's own digest. */
function judgeSums(
  tally: Tally,
  { fileName, aliases, latestAliases }: WantedPackage,
  listed: Map<string, string>,
): void {
  const own = listed.get(fileName);
  if (!tally.check(own === undefined && `${fileName} is not listed in ${SUMS}`)) return;
  for (const alias of [...aliases, ...latestAliases]) {
    const digest = listed.get(alias);
    if (digest === undefined) tally.check(`${alias} is not listed in ${SUMS}`);
    else
      tally.check(digest !== own && `${alias} is not ${fileName}, but ${nameOf(digest, listed) ?? digest}`);
  }
}

/** Another name of a digest, the one with a version. */
function nameOf(digest: string, listed: Map<string, string>): string | undefined {
  const names = [...listed].filter(([, one]) => one === digest).map(([name]) => name);
  return names.find((name) => /\d+\.\d+\.\d+/.test(name));
}

/** The version that a name without one stands for. */
function takenOf(wanted: WantedPackage[], listed: Map<string, string>): string | undefined {
  const alias = wanted.flatMap(({ latestAliases }) => latestAliases).find((one) => listed.has(one));
  const name = alias === undefined ? undefined : nameOf(listed.get(alias) ?? '', listed);
  return /\d+\.\d+\.\d+/.exec(name ?? '')?.[0];
}
