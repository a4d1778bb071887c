/** A yum repository as it should be. Pure. */
import type { WantedPackage } from './expected';
import type { ListedPackage, Repomd, YumFacts } from './facts';
import { Expectation, isListed, judgeSetUp, publishedKeys } from './judgeApt';
import { ExpectedKeys, judgeNames, judgeVersions, PlaceReport, Tally, versionsOf } from './tally';

/** @param repo name of the file with which clients are set up */
export function judgeYum(
  place: string,
  repo: string,
  wanted: WantedPackage[],
  { mirrorlist, generation, rest }: YumFacts,
  { version, keys, published }: Expectation,
): PlaceReport {
  const tally = new Tally();
  const done = (summary = '', takes?: string) => tally.report(place, summary, takes);
  const url = tally.value(mirrorlist, 'mirrorlist');
  if (url === undefined) return done();
  if (
    !tally.check(
      !generation && `mirrorlist names ${url === '/' ? 'nothing' : url}, which clients cannot reach`,
    )
  )
    return done();
  if (!generation) return done();
  const repomd = tally.value(generation, `repodata/repomd.xml of ${url}, which mirrorlist names,`);
  if (!repomd || !judgeRepomd(tally, 'repomd.xml of the generation', repomd, keys) || !rest) return done();
  const listed = tally.value(repomd.listed, 'primary of the generation') ?? [];
  if (version === undefined) tally.check('the generation lists no release');
  else if (repomd.listed.kind === 'there') judgeVersions(tally, wanted, listed, version, 'dnf');
  for (const file of rest.pool) tally.file(file);
  judgeRoot(
    tally,
    rest.root.kind === 'there' ? rest.root.value : tally.value(rest.root, 'repodata/repomd.xml'),
    listed,
    keys,
  );
  for (const names of rest.plain) judgeNames(tally, names, publishedKeys(published), isListed(names, listed));
  const setUp = tally.value(rest.repo, repo);
  if (setUp) judgeSetUp(tally, repo, setUp, published);
  const packages = wanted.map(({ name }) => `${name} ${versionsOf(name, listed)[0] ?? '-'}`);
  const signers = repomd.signatures.kind === 'there' ? repomd.signatures.value.good.join(', ') : '';
  return done(`${packages.join(', ')}; signed by ${signers}`, versionsOf(wanted[0]?.name ?? '', listed)[0]);
}

/** Whether a client reads on. */
function judgeRepomd(
  tally: Tally,
  name: string,
  { signatures, files }: Repomd,
  keys?: ExpectedKeys,
): boolean {
  const made = tally.value(signatures, `the signature of ${name}`);
  if (!made || !tally.signatures(name, made, keys)) return false;
  for (const file of files) tally.file(file);
  return true;
}

/** The copy for configurations with a `baseurl` is of the same state. */
function judgeRoot(
  tally: Tally,
  root: Repomd | undefined,
  listed: ListedPackage[],
  keys?: ExpectedKeys,
): void {
  if (!root || !judgeRepomd(tally, 'repodata/repomd.xml', root, keys)) return;
  const lines = (packages: ListedPackage[]) =>
    packages
      .map(({ name, version, sha256 }) => `${name} ${version} ${sha256}`)
      .sort()
      .join('\n');
  const copied = tally.value(root.listed, 'primary of repodata/repomd.xml');
  if (copied)
    tally.check(
      lines(copied) !== lines(listed) && 'repodata/repomd.xml lists other packages than the generation',
    );
}
