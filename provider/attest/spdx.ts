/**
 * What syft found, as an SPDX 2.3 document (https://spdx.github.io/spdx-spec/v2.3/) that is the same bytes whenever and
 * wherever it is made: names from contents, a fixed order, the source's date, nothing of the machine. Pure.
 */
import { createHash } from 'node:crypto';

/** The part of syft's spdx-json that is used. */
export interface SyftDocument {
  creationInfo?: { licenseListVersion?: string; creators?: string[] };
  packages?: SyftPackage[];
  files?: SyftFile[];
  hasExtractedLicensingInfos?: { licenseId: string; extractedText?: string; name?: string }[];
  relationships?: { spdxElementId: string; relatedSpdxElement: string; relationshipType: string }[];
}

interface SyftPackage {
  SPDXID: string;
  name: string;
  versionInfo?: string;
  supplier?: string;
  originator?: string;
  sourceInfo?: string;
  licenseConcluded?: string;
  licenseDeclared?: string;
  copyrightText?: string;
  externalRefs?: { referenceCategory: string; referenceType: string; referenceLocator: string }[];
}

interface SyftFile {
  SPDXID: string;
  fileName: string;
  checksums?: { algorithm: string; checksumValue: string }[];
}

/** What a document is of. */
export interface SbomSubject {
  /** File name; of an image its name without the registry. */
  name: string;
  version: string;
  kind: 'package' | 'image';
  /** What tells it from all others, hex with colons between digests: of an rpm that of its contents, for its signature may change. */
  identity: string;
  /** SHA-256 of the file, or of the image's manifest; absent for an rpm, for the same reason. */
  sha256?: string;
  /** Seconds since 1970: the date of the sources. */
  epoch: number;
  product: SbomProduct;
}

/** Who makes it. */
export interface SbomProduct {
  title: string;
  homepage: string;
  /** SPDX expression. */
  license: string;
  /** Whose its packages are in a package URL. */
  namespace: string;
  /** Names by which package managers know them. */
  packages: string[];
}

const ROOT = 'SPDXRef-Artifact';
const NONE = 'NOASSERTION';

const hash = (algorithm: 'sha1' | 'sha256', text: string) => createHash(algorithm).update(text).digest('hex');
const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** An identifier (section 3.2 of the specification) that is the same for the same contents. */
function idOf(kind: 'Package' | 'File', name: string, contents: object): string {
  const readable = name
    .replace(/[^A-Za-z0-9.]+/g, '-')
    .slice(-60)
    .replace(/^[.-]+/, '');
  return `SPDXRef-${kind}-${readable}-${hash('sha256', JSON.stringify(contents)).slice(0, 16)}`;
}

/** Each thing by its new identifier, and the new identifiers by those that syft gave. */
function identified<T extends { SPDXID: string }, U extends object>(
  kind: 'Package' | 'File',
  all: T[],
  contentsOf: (one: T) => (U & { name?: string; fileName?: string }) | undefined,
) {
  const ids = new Map<string, string>();
  const found = new Map<string, { SPDXID: string } & U>();
  for (const one of all) {
    const contents = contentsOf(one);
    if (!contents) continue;
    const id = idOf(kind, contents.name ?? contents.fileName ?? '', contents);
    ids.set(one.SPDXID, id);
    found.set(id, { SPDXID: id, ...contents });
  }
  const sorted = [...found.values()].sort((a, b) => compareText(a.SPDXID, b.SPDXID));
  return { ids, sorted };
}

/** A package that was found. The names that syft guesses for vulnerability databases (CPE) are left out: they are many, and can be made again. */
function packageOf(one: SyftPackage, product: SbomProduct) {
  const known = (text: string | undefined) => (text === undefined || text === '' ? NONE : text);
  const purls = (one.externalRefs ?? [])
    .filter(({ referenceType }) => referenceType === 'purl')
    .map(({ referenceLocator }) => referenceLocator);
  // syft takes every package for one of the image's distribution.
  const isOwn = product.packages.includes(one.name) && purls.some((purl) => OF_DISTRIBUTION.test(purl));
  const supplier = isOwn ? `Organization: ${product.title}` : one.supplier;
  const license = known(one.licenseDeclared);
  const references = purls
    .map((purl) => ({
      referenceCategory: 'PACKAGE-MANAGER',
      referenceType: 'purl',
      referenceLocator: isOwn ? ownPurl(purl, product.namespace) : purl,
    }))
    .sort((a, b) => compareText(a.referenceLocator, b.referenceLocator));
  return {
    name: one.name,
    ...(one.versionInfo && { versionInfo: one.versionInfo }),
    ...(supplier && { supplier }),
    ...(one.originator && { originator: one.originator }),
    downloadLocation: NONE,
    filesAnalyzed: false,
    ...(one.sourceInfo && { sourceInfo: one.sourceInfo }),
    licenseConcluded: known(one.licenseConcluded),
    licenseDeclared: isOwn && license === NONE ? product.license : license,
    copyrightText: known(one.copyrightText),
    ...(references.length > 0 && { externalRefs: references }),
  };
}

/** A package URL (https://github.com/package-url/purl-spec) of what a package manager installs: type and namespace. */
const OF_DISTRIBUTION = /^pkg:(deb|rpm)\/[^/]+\//;

/** Whose it is: not the distribution's, and of no release of one. */
function ownPurl(purl: string, namespace: string): string {
  const [name = '', qualifiers = ''] = purl.replace(OF_DISTRIBUTION, `pkg:$1/${namespace}/`).split('?');
  const kept = qualifiers.split('&').filter((one) => one !== '' && !one.startsWith('distro='));
  return kept.length > 0 ? `${name}?${kept.join('&')}` : name;
}

/** A file with both digests; links and what was not read have none. */
function fileOf({ fileName, checksums = [] }: SyftFile) {
  const digest = (wanted: string) =>
    checksums.find(({ algorithm, checksumValue }) => algorithm === wanted && /[^0]/.test(checksumValue))
      ?.checksumValue;
  const [sha1, sha256] = [digest('SHA1'), digest('SHA256')];
  if (sha1 === undefined || sha256 === undefined) return undefined;
  return {
    fileName: `./${fileName.replace(/^[./]*\//, '')}`,
    checksums: [
      { algorithm: 'SHA1', checksumValue: sha1 },
      { algorithm: 'SHA256', checksumValue: sha256 },
    ],
    licenseConcluded: NONE,
    copyrightText: NONE,
  };
}

/** The artifact itself, which contains everything else. `sha1s`: of its files. */
function artifactOf({ name, version, kind, sha256, product }: SbomSubject, sha1s: string[]) {
  const isImage = kind === 'image';
  return {
    SPDXID: ROOT,
    name,
    versionInfo: version,
    ...(!isImage && { packageFileName: name }),
    supplier: `Organization: ${product.title}`,
    downloadLocation: NONE,
    filesAnalyzed: sha1s.length > 0,
    ...(sha1s.length > 0 && {
      // Section 7.9 of the specification.
      packageVerificationCode: { packageVerificationCodeValue: hash('sha1', [...sha1s].sort().join('')) },
    }),
    ...(sha256 !== undefined && { checksums: [{ algorithm: 'SHA256', checksumValue: sha256 }] }),
    homepage: product.homepage,
    licenseConcluded: NONE,
    licenseDeclared: product.license,
    copyrightText: NONE,
    primaryPackagePurpose: isImage ? 'CONTAINER' : 'INSTALL',
  };
}

/** As far as it is looked at again. */
export interface SpdxDocument {
  spdxVersion: 'SPDX-2.3';
  dataLicense: 'CC0-1.0';
  SPDXID: 'SPDXRef-DOCUMENT';
  name: string;
  documentNamespace: string;
  creationInfo: { created: string; creators: string[] };
  /** The artifact first. */
  packages: {
    SPDXID: string;
    name: string;
    sourceInfo?: string;
    checksums?: { algorithm: string; checksumValue: string }[];
  }[];
  files?: { fileName: string; checksums: { algorithm: string; checksumValue: string }[] }[];
  hasExtractedLicensingInfos?: object[];
  relationships: object[];
}

/** A package as its document tells it from all others. */
export interface SbomOf {
  fileName: string;
  sha256: string;
  /** Of an rpm: digests of header and payload; else empty. */
  identity: string;
}

/** Whether a document is of this package: by the file's digest; of an rpm by that of its contents. */
export function isSbomOf(text: string, { fileName, sha256, identity }: SbomOf): boolean {
  try {
    const { packages, documentNamespace } = JSON.parse(text) as SpdxDocument;
    const { name, checksums = [] } = packages[0];
    if (name !== fileName) return false;
    return identity === ''
      ? checksums.some(({ algorithm, checksumValue }) => algorithm === 'SHA256' && checksumValue === sha256)
      : documentNamespace.replace(CONTENTS, '').endsWith(`/${fileName}-${inNamespace(identity)}`);
  } catch {
    return false;
  }
}

/** The document as it is published. */
export const sbomText = (document: SpdxDocument) => `${JSON.stringify(document, null, 1)}\n`;

const dateOf = ({ epoch }: SbomSubject) => new Date(epoch * 1000).toISOString().replace('.000Z', 'Z');

const inNamespace = (identity: string) => identity.replaceAll(':', '-');

const namesOf = ({ name, identity, product }: SbomSubject) => ({
  name,
  documentNamespace: `${product.homepage}/spdx/${name}-${inNamespace(identity)}`,
});

const CONTENTS = /(-contents-[0-9a-f]{64})?$/;

/** With the namespace that goes with its contents: no other document has it, even of the same artifact (section 6.5). */
export function withNamespace(document: SpdxDocument): SpdxDocument {
  const common = document.documentNamespace.replace(CONTENTS, '');
  const contents = hash('sha256', JSON.stringify({ ...document, documentNamespace: common }));
  return { ...document, documentNamespace: `${common}-contents-${contents}` };
}

/** @returns the document, its keys in the order of the specification */
export function spdxDocument(found: SyftDocument, subject: SbomSubject): SpdxDocument {
  const roots = new Set(
    (found.relationships ?? [])
      .filter(({ relationshipType }) => relationshipType === 'DESCRIBES')
      .map(({ relatedSpdxElement }) => relatedSpdxElement),
  );
  const packages = identified(
    'Package',
    (found.packages ?? []).filter(({ SPDXID }) => !roots.has(SPDXID)),
    (one) => packageOf(one, subject.product),
  );
  const files = identified('File', found.files ?? [], fileOf);
  const relation = (spdxElementId: string, relationshipType: string, relatedSpdxElement: string) => ({
    ...{ spdxElementId, relationshipType, relatedSpdxElement },
  });
  const depends = (found.relationships ?? []).flatMap((one) => {
    const [from, to] = [packages.ids.get(one.spdxElementId), packages.ids.get(one.relatedSpdxElement)];
    return one.relationshipType === 'DEPENDENCY_OF' && from && to && from !== to
      ? [relation(from, one.relationshipType, to)]
      : [];
  });
  const contains = [...packages.sorted, ...files.sorted].map(({ SPDXID }) =>
    relation(ROOT, 'CONTAINS', SPDXID),
  );
  const relations = new Map([...depends, ...contains].map((one) => [Object.values(one).join(' '), one]));
  const licenses = (found.hasExtractedLicensingInfos ?? [])
    .filter(({ licenseId }) =>
      packages.sorted.some((one) =>
        `${one.licenseDeclared} ${one.licenseConcluded}`.split(/[\s()]+/).includes(licenseId),
      ),
    )
    .map(({ licenseId, extractedText, name }) => ({
      licenseId,
      extractedText: extractedText || NONE,
      ...(name && { name }),
    }))
    .sort((a, b) => compareText(a.licenseId, b.licenseId));
  const { creationInfo } = found;
  const tools = (creationInfo?.creators ?? []).filter((one) => one.startsWith('Tool: ')).sort();
  const sha1s = files.sorted.map(({ checksums }) => checksums[0].checksumValue);
  return withNamespace({
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    ...namesOf(subject),
    creationInfo: {
      created: dateOf(subject),
      creators: [`Organization: ${subject.product.title}`, ...tools],
      ...(creationInfo?.licenseListVersion && { licenseListVersion: creationInfo.licenseListVersion }),
    },
    packages: [artifactOf(subject, sha1s), ...packages.sorted],
    ...(files.sorted.length > 0 && { files: files.sorted }),
    ...(licenses.length > 0 && { hasExtractedLicensingInfos: licenses }),
    relationships: [
      relation('SPDXRef-DOCUMENT', 'DESCRIBES', ROOT),
      ...[...relations].sort(([a], [b]) => compareText(a, b)).map(([, one]) => one),
    ],
  });
}
