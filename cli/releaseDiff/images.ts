/** Images that are built again, and tags that come, move or go. Pure. */
import type { Seen } from './events';
import { Change } from './packages';
import { reasons } from './reasons';
import { isUnknown, tables, text } from './values';

export interface ImageChange {
  resource: string;
  /** `base` and `system` are what images take from a distribution: a root file system, and the packages on it. */
  kind: 'image' | 'base' | 'system';
  name: string;
  /** `taken over`: by digest from another stack. */
  status: 'new' | 'rebuilt' | 'taken over' | 'left out';
  /** `to` only where it is known without a build. */
  digest: Change;
  because: string[];
}

/** `rebuilt`: of a release that is out, and stands for another image from then on. `put back`: somebody moved or removed it. */
export type TagStatus = 'new' | 'moves' | 'rebuilt' | 'put back' | 'removed';

export interface TagEnd {
  /** Absent: the update will tell. */
  digest?: string;
  version?: string;
}

export interface TagChange {
  resource: string;
  status: TagStatus;
  /** Host of the registry. */
  registry: string;
  /** `<path>:<tag>`. */
  name: string;
  /** Absent: the tag was not there, or is not any more. */
  from?: TagEnd;
  to?: TagEnd;
}

const IMAGE = 'docker-build:index:Image';
const BASE = 'artifacts:index:Base';
const SYSTEM = 'artifacts:index:System';
const COPY = 'artifacts:index:ImageCopy';
const TAG = 'artifacts:index:Tag';
const LEDGER = 'artifacts:index:Release';

/** An image that is taken over from another stack; any other copy is a step towards a tag. */
const isPromoted = ({ type, old, new: after }: Seen) =>
  type === COPY && Boolean(text(after, 'tag') ?? text(old, 'tag'));

const isImage = (one: Seen) => [IMAGE, BASE, SYSTEM].includes(one.type) || isPromoted(one);

export function imageChanges(resources: Seen[]): ImageChange[] {
  return resources
    .filter((one) => isImage(one) && one.operation !== 'same')
    .map((resource) => {
      const { name, type, operation, old, new: after } = resource;
      const kind = type === BASE ? 'base' : type === SYSTEM ? 'system' : 'image';
      const isGone = operation === 'delete';
      return {
        resource: name,
        kind,
        name: name.replace(`${kind}-`, ''),
        status: isGone
          ? 'left out'
          : type === COPY
            ? 'taken over'
            : operation === 'create'
              ? 'new'
              : 'rebuilt',
        digest: { from: text(old, 'digest'), to: text(after, 'digest') },
        because: isGone ? [] : reasons(resource),
      };
    });
}

export function tagChanges(resources: Seen[]): TagChange[] {
  const known = new Set(
    resources
      .filter(({ type }) => type === LEDGER)
      .flatMap(({ old }) =>
        tables(old, 'tags').map((tag) => `${text(tag, 'repository')}:${text(tag, 'tag')}`),
      ),
  );
  return resources
    .filter(({ type, operation }) => type === TAG && operation !== 'same')
    .map((resource) => tagChange(resource, known))
    .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

const sortKey = ({ registry, name }: TagChange) => `${registry} ${name}`;

function tagChange({ name, old, new: after, operation }: Seen, known: Set<string>): TagChange {
  const isGone =
    operation === 'delete' || (!isUnknown(after, 'target') && text(after, 'target') === undefined);
  const place = operation === 'delete' ? old : after;
  const reference = `${text(place, 'repository') ?? name}:${text(place, 'tag') ?? '?'}`;
  const { registry, path } = splitReference(reference);
  // A tag of a new version is a further one: the old release keeps its own.
  const isSame =
    text(old, 'tag') === text(place, 'tag') && text(old, 'repository') === text(place, 'repository');
  const from = isSame && text(old, 'target') ? end(old) : undefined;
  const to = isGone ? undefined : end(after);
  return {
    resource: name,
    status: isGone ? 'removed' : statusOf({ from, to, old, after, isKnown: known.has(reference) }),
    registry,
    name: path,
    ...(from && { from }),
    ...(to && { to }),
  };
}

function statusOf(tag: {
  from?: TagEnd;
  to?: TagEnd;
  old: Seen['old'];
  after: Seen['new'];
  isKnown: boolean;
}): TagStatus {
  const { from, to, old, after, isKnown } = tag;
  if (!from) return isKnown ? 'put back' : 'new';
  // The same image and release as before: it was moved behind our back.
  const isDrift = text(after, 'digest') !== undefined && text(old, 'digest') === text(after, 'digest');
  if (from.version !== to?.version) return 'moves';
  if (isDrift) return 'put back';
  return text(after, 'channel') === 'release' && after.newest !== true ? 'rebuilt' : 'moves';
}

function end(of: Seen['new']): TagEnd {
  return { digest: text(of, 'target'), version: text(of, 'targetVersion') };
}

/** As the distribution specification's clients read it: the first part is a host where it has a dot or a port. */
function splitReference(reference: string): { registry: string; path: string } {
  const slash = reference.indexOf('/');
  const host = reference.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(host) || host === 'localhost';
  return isHost ? { registry: host, path: reference.slice(slash + 1) } : { registry: '', path: reference };
}

/** The release that `latest` goes on to stand for, where that is not this one (a back-port, a withdrawn version). */
export function latestStays(resources: Seen[]): string[] {
  const versions = resources
    .filter(
      ({ type, operation, new: after }) => type === TAG && operation === 'same' && after.newest === true,
    )
    .filter(({ new: after }) => text(after, 'version') !== text(after, 'targetVersion'))
    .flatMap(({ new: after }) => text(after, 'targetVersion') ?? []);
  return [...new Set(versions)].sort();
}
