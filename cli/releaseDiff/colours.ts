/** The colour of each resource in the picture of a release diff. Pure. */
import type { Operation } from './events';
import type { ReleaseDiff } from './diff';
import type { Colour } from './mermaid';

const BY_OPERATION: Record<Operation, Colour> = {
  same: 'same',
  create: 'added',
  update: 'changed',
  replace: 'changed',
  delete: 'removed',
};

/** A file or tag of a new version is new, though its resource is updated. */
export function colours({ resources, source, packages, tags }: ReleaseDiff): (resource: string) => Colour {
  const found = new Map<string, Colour>(
    resources.map(({ name, operation }) => [name, BY_OPERATION[operation]]),
  );
  // Its version alone is new.
  if (source?.isSame) found.set(source.resource, 'same');
  for (const { resource, status } of packages) if (status === 'new') found.set(resource, 'added');
  for (const { resource, status } of tags) {
    if (status === 'new') found.set(resource, 'added');
    if (status === 'removed') found.set(resource, 'removed');
  }
  return (resource) => found.get(resource) ?? 'same';
}
