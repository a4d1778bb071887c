/** Properties of a resource as a preview has them: what is unknown or secret must never be shown as if it were a value. Pure. */
import { UNKNOWN } from '../../provider/wire';

export { UNKNOWN };

/** Text, numbers, lists and tables; UNKNOWN where only the update will tell. */
export type Fields = Record<string, unknown>;

/** Stands for an unknown in the engine's JSON (pulumi/sdk/go/common/resource/plugin/rpc.go). */
const UNKNOWN_VALUE = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
/** Key of the objects that wrap a secret (resource.SigKey), should the engine ever not mask one. */
const SIGNATURE = '4dabf18193072939515e22adb298388d';
export const SECRET = '[secret]';

export function fieldsOf(properties: Record<string, unknown>): Fields {
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, valueOf(value)]));
}

function valueOf(value: unknown): unknown {
  if (typeof value === 'string') return value.includes(UNKNOWN_VALUE) ? UNKNOWN : value;
  if (Array.isArray(value)) return value.map(valueOf);
  if (value === null || typeof value !== 'object') return value;
  if (SIGNATURE in value) return SECRET;
  return fieldsOf(value as Record<string, unknown>);
}

/** A text that is known and not empty. */
export function text(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function isUnknown(fields: Fields, name: string): boolean {
  return fields[name] === UNKNOWN;
}

/** The known texts of a list; none where the list is unknown or absent. */
export function texts(fields: Fields, name: string): string[] {
  const value = fields[name];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

/** The tables of a list. */
export function tables(fields: Fields, name: string): Fields[] {
  const value = fields[name];
  return Array.isArray(value) ? value.filter(isTable) : [];
}

export function table(fields: Fields, name: string): Fields {
  const value = fields[name];
  return isTable(value) ? value : {};
}

const isTable = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
