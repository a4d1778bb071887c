/**
 * How an artifact was made: an in-toto Statement (https://in-toto.io/Statement/v1) with SLSA provenance
 * (https://slsa.dev/spec/v1.0/provenance). The same build gives the same bytes: no times and no names of a run. Pure.
 */
import * as path from 'node:path';
import type { RecordedBuild } from '../promotion/record';

export const PROVENANCE = 'https://slsa.dev/provenance/v1';
export const SPDX = 'https://spdx.dev/Document';

/** What every artifact of a release was made from. */
export interface BuildFacts {
  /** Where the project that builds lives: names of builder and build type are below it. */
  builder: string;
  version: string;
  /** Commit of the sources; empty where they have none. */
  commit: string;
  /** Seconds since 1970: the date of the sources, which everything gets. */
  epoch: number;
  build: RecordedBuild;
  /** Digests of images that it was made in or on, by name: `sha256:…`. */
  images: Record<string, string>;
  /** SHA-256 of packages of the release that are in it, by file name. */
  packages?: Record<string, string>;
}

/** Of what artifact. */
export interface ProvenanceSubject {
  /** Name in the catalog. */
  artifact: string;
  /** File name; of an image its name without the registry. */
  name: string;
  sha256: string;
}

interface Descriptor {
  uri?: string;
  name?: string;
  digest: Record<string, string>;
}

export interface InTotoStatement {
  _type: 'https://in-toto.io/Statement/v1';
  subject: { name: string; digest: { sha256: string } }[];
  predicateType: string;
  predicate: object;
}

const sorted = <T>(all: Record<string, T>): [string, T][] =>
  Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));

/** A URL with a ref, as setting or record has it, without the ref. */
const withoutRef = (url: string) => url.replace(/#.*$/, '');
/** As SPDX and in-toto write the address of a repository. */
const repository = (url: string) => `git+${withoutRef(url).replace(/^git\+/, '')}`;

function dependencies({ commit, build, images, packages = {} }: BuildFacts): Descriptor[] {
  // A folder does not say where others find its commit.
  const place = build.source === '' ? { name: 'sources' } : { uri: repository(build.source) };
  const sources: Descriptor[] = commit === '' ? [] : [{ ...place, digest: { gitCommit: commit } }];
  return [
    ...sources,
    ...sorted(build.inputs).map(([name, sha256]) => ({ name: `archive of ${name}`, digest: { sha256 } })),
    ...sorted(images).map(([name, digest]) => ({
      name: `image ${name}`,
      digest: { sha256: digest.replace(/^sha256:/, '') },
    })),
    ...sorted(packages).map(([name, sha256]) => ({ name, digest: { sha256 } })),
  ];
}

/** @param project commit of the project that built it; empty: not known */
export function provenance(facts: BuildFacts, subject: ProvenanceSubject, project: string): InTotoStatement {
  const { builder, version, epoch, build } = facts;
  const versions = project !== '' && { version: { [path.posix.basename(builder)]: project } };
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: subject.name, digest: { sha256: subject.sha256 } }],
    predicateType: PROVENANCE,
    predicate: {
      buildDefinition: {
        buildType: `${builder}/release/v1`,
        externalParameters: {
          artifact: subject.artifact,
          version,
          source: build.source,
          extra: Object.fromEntries(sorted(build.extra)),
          libraries: build.libraries,
          cmakeArgs: build.cmakeArgs,
        },
        internalParameters: { date: new Date(epoch * 1000).toISOString().replace('.000Z', 'Z') },
        resolvedDependencies: dependencies(facts),
      },
      runDetails: { builder: { id: `${builder}/builder`, ...versions } },
    },
  };
}

export const statementText = (statement: InTotoStatement) => `${JSON.stringify(statement, null, 1)}\n`;

/** The same of the same package under another signature, which is inside of an rpm. */
export function withSubject(text: string, sha256: string): string {
  const statement = JSON.parse(text) as InTotoStatement;
  const subject = statement.subject.map(({ name }) => ({ name, digest: { sha256 } }));
  return statementText({ ...statement, subject });
}

/** SHA-256 of what a statement is of. @throws Error where it is no such statement */
export function subjectOf(text: string): string {
  const { subject } = JSON.parse(text) as Partial<InTotoStatement>;
  const sha256 = subject?.length === 1 ? subject[0]?.digest?.sha256 : undefined;
  if (typeof sha256 !== 'string') throw new Error('it is no in-toto statement of one file');
  return sha256;
}
