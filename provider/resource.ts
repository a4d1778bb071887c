/** What a resource of this provider is: five verbs on plain values. `main.ts` speaks to the engine. */
import { isDeepStrictEqual } from 'node:util';
import { hasUnknown, Previewed, UNKNOWN } from './wire';

/** Bad input: one sentence that names the setting and the remedy. Stops the run before anything is touched. */
export class CheckError extends Error {
  constructor(
    readonly property: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Diff {
  /** Names of the inputs that differ. Empty: nothing to do. */
  changes: string[];
  /** Those of them that need a new resource. */
  replaces?: string[];
}

/** `I` are the checked inputs, `O` what only create and update can tell. State is both. */
export interface Resource<I extends object, O extends object> {
  /** Validates and completes the inputs; what it adds is known in previews. Throws CheckError. */
  check?(news: Previewed<I>, olds: I | undefined): Promise<Previewed<I>>;
  /** Field by field: what of the new inputs asks for an update. */
  diff(olds: I & O, news: Previewed<I>): Diff;
  create(inputs: I): Promise<{ id: string; outs: O }>;
  update(olds: I & O, news: I): Promise<O>;
  /** The real world's state; undefined: gone. Absent: the state is believed. */
  read?(state: I & O): Promise<(I & O) | undefined>;
  /** The inputs that a refresh keeps of what `read` gave: the next preview shows how they differ. Absent: as before. */
  inputs?(state: I & O): I;
  delete(state: I & O): Promise<void>;
}

/** Names of `fields` whose new value differs from the old one, or is not known yet. */
export function changed<T extends object>(
  olds: T,
  news: Previewed<Partial<T>>,
  fields: (keyof T & string)[],
): string[] {
  const after = news as Record<string, unknown>;
  const before = olds as Record<string, unknown>;
  return fields.filter(
    (field) => hasUnknown(after[field]) || !isDeepStrictEqual(before[field], after[field]),
  );
}

/** The same, but an unknown value counts as equal: for what an input hash already speaks for. */
export function changedIfKnown<T extends object>(
  olds: T,
  news: Previewed<Partial<T>>,
  fields: (keyof T & string)[],
): string[] {
  const after = news as Record<string, unknown>;
  return changed(olds, news, fields).filter((field) => !hasUnknown(after[field]));
}

/** Names of `fields` that check filled with something to do: done with this update, and nothing to undo in the next. */
export function pending<T extends object>(news: Previewed<T>, fields: (keyof T & string)[]): string[] {
  const after = news as Record<string, unknown>;
  return fields.filter((field) => {
    const value = known<unknown>(after[field]);
    return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  });
}

/** The value, unless a preview does not know it. */
export function known<T>(value: Previewed<T> | undefined): T | undefined {
  return value === UNKNOWN || hasUnknown(value) ? undefined : (value as T | undefined);
}
