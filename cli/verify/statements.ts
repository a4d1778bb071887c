/** What is told of packages, published and made again (provider/resources/packageStatements.ts). */
import * as path from 'node:path';
import { InTotoStatement, statementText } from '../../provider/attest/provenance';
import { sbomText, SpdxDocument, withNamespace } from '../../provider/attest/spdx';
import { sha256 } from '../../provider/formats/compress';
import { RecordedPackage, ReleaseRecord, statementKeys } from '../../provider/promotion/record';
import { openStore } from '../../provider/store/open';
import type { Rebuilt, Row } from './compare';
import type { Place } from './place';

/** Texts by the file names of the documents; undefined: it is not there. */
export type Texts = Record<string, string | undefined>;

const all = (packages: Record<string, RecordedPackage>) =>
  Object.entries(packages).flatMap(([name, one]) =>
    Object.entries(one.statements ?? {}).map(([document, recorded]) => ({
      ...{ name, one, document, recorded, fileName: `${one.fileName}.${document}` },
    })),
  );

/** As users get them. */
export async function publishedTexts(place: Place, { packages }: ReleaseRecord): Promise<Texts> {
  const found = all(packages).map(async ({ one, document, recorded, fileName }) => {
    const { plain } = statementKeys(one, document, recorded.sha256);
    return [fileName, (await place.get(plain))?.body.toString()] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}

/** @param scratch folder of the project that made the release again */
export async function rebuiltTexts(
  scratch: string,
  { packages }: ReleaseRecord,
  made: Rebuilt,
): Promise<Texts> {
  const store = openStore(path.join(scratch, '.local', 'bucket'));
  const found = all(packages).map(async ({ name, document, fileName }) => {
    const key = made.packages[name]?.statements?.[document];
    return [fileName, key === undefined ? undefined : (await store.get(key))?.body.toString()] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}

/** What users get that is not what the signed record says; none: all of it is. */
export function unlikeStatements({ packages }: ReleaseRecord, published: Texts): string[] {
  return all(packages).flatMap(({ recorded, fileName }) => {
    const text = published[fileName];
    const found = text === undefined ? 'not there' : sha256(text);
    return found === recorded.sha256 ? [] : [`${fileName} is ${found}, the record says ${recorded.sha256}`];
  });
}

/** Commit and archives that a provenance tells of. */
function madeFrom({ predicate }: InTotoStatement): { commit: string; archives: Set<string> } {
  const digests = (predicate as Provenance).buildDefinition.resolvedDependencies.map(({ digest }) => digest);
  return {
    commit: digests.map(({ gitCommit }) => gitCommit).find(Boolean) ?? '',
    archives: new Set(digests.flatMap(({ sha256: one }) => one ?? [])),
  };
}

/** Why a package's documents may differ: they are of an earlier build than the one of the record. */
function reasonOf({ commit, build }: ReleaseRecord, told: string): string | undefined {
  const from = madeFrom(JSON.parse(told) as InTotoStatement);
  // Of a folder that was edited since its commit, the archives alone tell.
  const isOfRecord =
    ['', commit].includes(from.commit) &&
    Object.values(build?.inputs ?? {}).every((one) => from.archives.has(one));
  return isOfRecord
    ? undefined
    : `it tells of the build that these bytes first came from, commit ${from.commit || 'unknown'}`;
}

/** Whether an earlier build is said to be of this project, and of the same repository. */
function isOfSameProject(published: string, rebuilt: string): boolean {
  const [told, made] = [published, rebuilt].map(
    (text) => (JSON.parse(text) as { predicate: Provenance }).predicate,
  );
  const repository = ({ buildDefinition: { externalParameters } }: Provenance) =>
    externalParameters.source.replace(/#.*/, '');
  return told.runDetails.builder.id === made.runDetails.builder.id && repository(told) === repository(made);
}

type Aligned = (rebuilt: string, published: string, one: RecordedPackage) => string;

/**
 * A provenance that was made again, with what may differ taken from the published one: the ref of the sources, of which a
 * rebuild takes the commit; the commit of the project, which a rebuild, outside of git, does not name; and of a package
 * with a signature inside the digest, where that is the published file's.
 */
const alignedProvenance: Aligned = (rebuilt, published, one) => {
  const [made, told] = [rebuilt, published].map(
    (text) => JSON.parse(text) as InTotoStatement & { predicate: Provenance },
  );
  const { externalParameters } = made.predicate.buildDefinition;
  const [url = '', ref] = externalParameters.source.split('#');
  const [, toldRef = ref] = told.predicate.buildDefinition.externalParameters.source.split('#');
  externalParameters.source = [url, ...(toldRef === undefined ? [] : [toldRef])].join('#');
  const { builder } = made.predicate.runDetails;
  // Whatever else is told of the builder makes them differ.
  const name = path.posix.basename(path.posix.dirname(builder.id));
  const commit = told.predicate.runDetails.builder.version?.[name];
  const isCommit = typeof commit === 'string' && /^[0-9a-f]{40}$/.test(commit);
  made.predicate.runDetails.builder = { id: builder.id, ...(isCommit && { version: { [name]: commit } }) };
  return statementText({ ...made, ...(one.identity !== '' && isOf(told, one) && { subject: told.subject }) });
};

/** Whether it is told of the published file and of nothing else. */
const isOf = ({ subject }: InTotoStatement, { sha256: published }: RecordedPackage) =>
  subject.length === 1 && subject[0].digest.sha256 === published;

/** An SBOM of an earlier build of the same bytes has the date of that one's sources. */
const alignedSbom: Aligned = (rebuilt, published) => {
  const [made, told] = [rebuilt, published].map((text) => JSON.parse(text) as SpdxDocument);
  const { created } = told.creationInfo;
  return sbomText(withNamespace({ ...made, creationInfo: { ...made.creationInfo, created } }));
};

interface Provenance {
  buildDefinition: {
    externalParameters: { source: string };
    resolvedDependencies: { digest: Record<string, string | undefined> }[];
  };
  runDetails: { builder: { id: string; version?: Record<string, string> } };
}

/**
 * Every document of every package. A provenance that tells of an earlier build of the same bytes, by this project and from
 * the same repository, is set aside, with its reason; what is in the package is the same whichever build it came from.
 */
export function compareStatements(record: ReleaseRecord, published: Texts, rebuilt: Texts): Row[] {
  return all(record.packages).map(({ one, document, fileName }) => {
    const [before = '', again] = [published[fileName], rebuilt[fileName]];
    const told = published[`${one.fileName}.provenance.json`];
    const earlier = told === undefined ? undefined : reasonOf(record, told);
    const row = (made: string | undefined, aside?: string): Row => {
      const digests = { published: sha256(before), rebuilt: made === undefined ? '' : sha256(made) };
      const isEqual = digests.published === digests.rebuilt;
      return { artifact: fileName, ...digests, isEqual, ...(!isEqual && aside !== undefined && { aside }) };
    };
    if (again === undefined || before === '') return row(again);
    if (document === 'provenance.json') {
      const isAside =
        earlier !== undefined &&
        isOf(JSON.parse(before) as InTotoStatement, one) &&
        isOfSameProject(before, again);
      return row(alignedProvenance(again, before, one), isAside ? earlier : undefined);
    }
    return row(earlier === undefined ? again : alignedSbom(again, before, one));
  });
}
