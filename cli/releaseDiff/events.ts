/**
 * The engine's events of a preview, as they come one a line (`pulumi preview --json` with
 * PULUMI_ENABLE_STREAMING_JSON_PREVIEW; types: pulumi/sdk/go/common/apitype/events.go), folded into one row per
 * resource. Pure.
 */
import { Fields, fieldsOf } from './values';

interface State {
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

export interface EngineEvent {
  resourcePreEvent?: {
    metadata: {
      op: string;
      urn: string;
      type: string;
      diffs?: string[] | null;
      detailedDiff?: Record<string, unknown> | null;
      old: State | null;
      new: State | null;
    };
  };
  diagnosticEvent?: { message: string; severity: string; urn?: string; ephemeral?: boolean };
  summaryEvent?: { result?: string };
}

export type Operation = 'same' | 'create' | 'update' | 'replace' | 'delete';

/** One resource as the preview sees it. */
export interface Seen {
  /** As the program calls it. */
  name: string;
  type: string;
  operation: Operation;
  /** What is in the state; empty for a new one. */
  old: Fields;
  /** What will be; a value that is not known yet is UNKNOWN. Empty for one that goes. */
  new: Fields;
  /** Inputs that differ, where the provider says so: ours cannot. */
  differs: string[];
}

export interface Preview {
  /** In order of type, then name: the engine's own order differs from run to run. */
  resources: Seen[];
  /** Each once, in order. */
  warnings: string[];
  errors: string[];
  /** The engine came to its end. */
  isComplete: boolean;
}

/** Operations of the engine (pulumi/pkg/resource/deploy/step.go); a replacement comes as several. */
const OPERATIONS: Record<string, Operation> = {
  same: 'same',
  read: 'same',
  refresh: 'same',
  create: 'create',
  import: 'create',
  update: 'update',
  delete: 'delete',
  replace: 'replace',
  'create-replacement': 'replace',
  'delete-replaced': 'replace',
  'read-replacement': 'replace',
  'import-replacement': 'replace',
};

/** One line of the engine's output; undefined for what is no event. */
export function parseEvent(line: string): EngineEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as EngineEvent;
  } catch {
    return undefined;
  }
}

export function foldEvents(events: EngineEvent[]): Preview {
  const byUrn = new Map<string, Seen>();
  const messages = { warning: new Set<string>(), error: new Set<string>() };
  let isComplete = false;
  for (const { resourcePreEvent, diagnosticEvent, summaryEvent } of events) {
    if (resourcePreEvent) {
      const { urn } = resourcePreEvent.metadata;
      byUrn.set(urn, merge(byUrn.get(urn), seen(resourcePreEvent.metadata)));
    }
    if (diagnosticEvent) {
      const { severity, message } = diagnosticEvent;
      if (severity === 'warning' || severity === 'error') messages[severity].add(plain(message));
    }
    if (summaryEvent) isComplete = summaryEvent.result !== 'failed';
  }
  const key = ({ type, name }: Seen) => `${type} ${name}`;
  return {
    resources: [...byUrn.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1)),
    warnings: [...messages.warning].sort(),
    errors: [...messages.error].sort(),
    isComplete: isComplete && messages.error.size === 0,
  };
}

/** What the program calls a resource: `urn:pulumi:<stack>::<project>::<types>::<name>`; a name may have `::` in it. */
export const nameIn = (urn: string): string => urn.split('::').slice(3).join('::');

function seen({
  op,
  urn,
  type,
  diffs,
  detailedDiff,
  old,
  new: after,
}: NonNullable<EngineEvent['resourcePreEvent']>['metadata']): Seen {
  const operation = OPERATIONS[op] ?? 'update';
  return {
    name: nameIn(urn),
    type,
    operation,
    old: fieldsOf({ ...old?.inputs, ...old?.outputs }),
    // Outputs of what changes are those of before; of what stays, they hold what only an update told.
    new: fieldsOf({ ...(operation === 'same' && after?.outputs), ...after?.inputs }),
    differs: [...new Set([...(diffs ?? []), ...Object.keys(detailedDiff ?? {})])].sort(),
  };
}

function merge(before: Seen | undefined, now: Seen): Seen {
  if (!before) return now;
  const isEmpty = (fields: Fields) => Object.keys(fields).length === 0;
  return {
    ...now,
    old: isEmpty(now.old) ? before.old : now.old,
    new: isEmpty(now.new) ? before.new : now.new,
    differs: [...new Set([...before.differs, ...now.differs])].sort(),
  };
}

/** Without the engine's colour marks, and without blanks around. */
const plain = (text: string) => text.replace(/<\{%[^%]*%\}>/g, '').trim();
