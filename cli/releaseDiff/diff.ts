/** A release diff: what a preview says, in the terms of a release. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { Preview, Seen } from './events';
import { ImageChange, imageChanges, latestStays, TagChange, tagChanges } from './images';
import { IndexChange, indexChanges, isIndex } from './indexes';
import { KeyChanges, keyChanges } from './keys';
import { Change, PackageChange, packageChanges, PACKAGES } from './packages';
import { parts, reasons } from './reasons';
import { text, texts, table } from './values';

export interface SourceChange {
  resource: string;
  /** Folder, git URL or tree that it comes from. */
  from?: string;
  to?: string;
  /** Commits. */
  revision: Change;
  /** With changes that no commit has. */
  isEdited: boolean;
  /** Parts of the source that differ. */
  parts: string[];
  /** Its version is another, and nothing that is made of it is for that. */
  isSame: boolean;
}

/** Something that is no part of a release: of the cloud, say. */
export interface OtherChange {
  name: string;
  type: string;
  operation: Seen['operation'];
  differs: string[];
}

export interface ReleaseDiff {
  /** The preview says that something changes. */
  changes: boolean;
  /** Whether the stack is one of a release at all. */
  isRelease: boolean;
  version: Change;
  source?: SourceChange;
  /** Why the install tree is made; absent where it is not. */
  tree?: string[];
  packages: PackageChange[];
  indexes: IndexChange[];
  images: ImageChange[];
  tags: TagChange[];
  /** The release that `latest` stays with, where that is another one. */
  latestStays: string[];
  gates: { run: string[]; total: number };
  keys: KeyChanges;
  /** What a refresh found of other releases' tags, and this update repairs. */
  problems: string[];
  /** Versions of the ledger whose images and tags are taken away. */
  expired: string[];
  /** Resources that go, and that nothing above speaks of. */
  deleted: { name: string; type: string }[];
  others: OtherChange[];
  warnings: string[];
  errors: string[];
  isComplete: boolean;
  /** Resources of the preview, and whether each changes. */
  resources: Pick<Seen, 'name' | 'operation'>[];
}

const SOURCE = 'artifacts:index:Source';
const TREE = 'artifacts:index:InstallTree';
const GATE = 'artifacts:index:Gate';
const LEDGER = 'artifacts:index:Release';
const PROMOTION = 'artifacts:index:Promotion';
const ATTESTATION = 'artifacts:index:Attestation';
const IMAGE_STATEMENTS = 'artifacts:index:ImageStatements';
const PACKAGE_STATEMENTS = 'artifacts:index:PackageStatements';
const KEYS = ['artifacts:index:SigningKey', 'artifacts:index:CosignKey'];

/** What has a section of its own, and what is a step towards it and says nothing to a reader. */
const SPOKEN_OF = [
  SOURCE,
  TREE,
  GATE,
  LEDGER,
  PROMOTION,
  ...PACKAGES,
  'artifacts:index:ImageCopy',
  'artifacts:index:Base',
  'artifacts:index:System',
  'artifacts:index:Tag',
  ...KEYS,
  'docker-build:index:Image',
];
const SILENT = [
  'artifacts:index:ContextImage',
  'artifacts:index:CosignKeyFile',
  'artifacts:index:ImageSteps',
  'artifacts:index:RecordFile',
  'artifacts:index:ReleasedNames',
];
/** The program itself, its components and providers: they are nothing outside of the engine. */
const isOurs = ({ type }: Seen) =>
  type === 'pulumi:pulumi:Stack' || type.startsWith('pulumi:providers:') || type.includes(':components:');

export function releaseDiff({ resources: all, warnings, errors, isComplete }: Preview): ReleaseDiff {
  const resources = all.filter((one) => !isOurs(one));
  const of = (type: string) => resources.filter((one) => one.type === type);
  const moving = (type: string) => of(type).filter(({ operation }) => operation !== 'same');
  const source = of(SOURCE)[0];
  const origin = source ?? of(PROMOTION)[0];
  const tree = moving(TREE).find(({ operation }) => operation !== 'delete');
  const ledger = of(LEDGER);
  const packages = packageChanges(resources);
  const resigned = packages.flatMap(({ status, file }) => (status === 'signed anew' ? [file] : []));
  const isSpokenOf = (one: Seen) => SPOKEN_OF.includes(one.type) || isIndex(one);
  const [images, keys] = [imageChanges(resources), keyChanges(resources)];
  const changing = resources.filter(({ operation }) => operation !== 'same');
  const suffix = (name: string) => name.replace(/^[^-]*/, '');
  const packaged = changing.filter(({ type }) => PACKAGES.includes(type)).map(({ name }) => suffix(name));
  const isOfImage = (name: string) => images.some((one) => name.endsWith(`-${one.name}`));
  // A new image is signed, and all are by a new key; what is new is told of. Anything else is of what was lost.
  const isImplied = ({ type, name }: Seen) =>
    (type === ATTESTATION && (keys.images !== undefined || isOfImage(name))) ||
    (type === IMAGE_STATEMENTS && isOfImage(name)) ||
    (type === PACKAGE_STATEMENTS && packaged.includes(suffix(name)));
  const isOther = (one: Seen) => !isSpokenOf(one) && !SILENT.includes(one.type) && !isImplied(one);
  const gone = changing.filter(({ operation }) => operation === 'delete');
  return {
    changes: changing.length > 0,
    isRelease: origin !== undefined,
    version: {
      from: origin && versionIn(origin.old),
      to: origin && origin.operation !== 'delete' ? versionIn(origin.new) : undefined,
    },
    ...(source && { source: sourceChange(source) }),
    ...(tree && { tree: reasons(tree) }),
    packages,
    indexes: indexChanges(resources, resigned),
    images,
    tags: tagChanges(resources),
    latestStays: latestStays(resources),
    gates: {
      run: moving(GATE)
        .filter(({ operation }) => operation !== 'delete')
        .map(({ name, new: after }) => text(after, 'gate') ?? name),
      total: of(GATE).filter(({ operation }) => operation !== 'delete').length,
    },
    keys,
    problems: ledger.flatMap(({ old, operation }) => (operation === 'delete' ? [] : texts(old, 'problems'))),
    expired: ledger.flatMap(({ new: after }) => texts(after, 'expired')),
    deleted: gone
      .filter(({ type }) => [SOURCE, TREE, GATE, LEDGER, ...KEYS, ...SILENT].includes(type))
      .map(({ name, type }) => ({ name, type })),
    others: changing
      .filter(isOther)
      .map(({ name, type, operation, differs }) => ({ name, type, operation, differs })),
    warnings,
    errors,
    isComplete,
    resources: resources.map(({ name, operation }) => ({ name, operation })),
  };
}

/** Of a source, or of what was agreed to take over. */
const versionIn = (fields: Seen['new']) =>
  text(fields, 'version') ?? text(table(fields, 'pinned'), 'version');

function sourceChange(source: Seen): SourceChange {
  const { old, new: after, operation } = source;
  const place = (of: Seen['new']) => text(of, 'source') ?? text(of, 'tree');
  return {
    resource: source.name,
    from: place(old),
    to: place(after),
    revision: { from: text(old, 'revision'), to: text(after, 'revision') },
    isEdited: after.isEdited === true,
    parts:
      operation === 'update'
        ? [...new Set([...parts(old, after), ...parts(old, after, 'treeParts')])].sort()
        : [],
    isSame: operation === 'update' && COMPARED.every((field) => isDeepStrictEqual(old[field], after[field])),
  };
}

/** What of a source is in its artifacts, but for the version (provider/resources/source.ts). */
const COMPARED = ['source', 'tree', 'revision', 'isEdited', 'epoch', 'parts', 'treeParts'];
