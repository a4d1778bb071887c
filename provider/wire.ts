/**
 * Between the engine's property maps and plain values: secrets, outputs, assets and unknowns arrive wrapped
 * (signatures: pulumi/sdk/proto and sdk/nodejs/runtime/rpc), and `undefined` must not go out.
 */

/** Stands for a value that a preview cannot know yet. */
export const UNKNOWN = Symbol('unknown');
export type Unknown = typeof UNKNOWN;

/** Every leaf and branch may be unknown in a preview. */
export type Previewed<T> = Unknown | (T extends object ? { [K in keyof T]: Previewed<T[K]> } : T);

const UNKNOWN_VALUE = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET = '1b47061264138c4ac30d75fd1eb44270';
const OUTPUT = 'd0e6a833031e9bbcd3f4e8bde6ca49a4';

/** From the wire: unwraps secrets and outputs, turns the engine's unknown into UNKNOWN. */
export function decode(value: unknown): unknown {
  if (value === UNKNOWN_VALUE) return UNKNOWN;
  if (Array.isArray(value)) return value.map(decode);
  if (value === null || typeof value !== 'object') return value;
  const wrapped = value as Record<string, unknown>;
  if (wrapped[SIGNATURE] === SECRET) return decode(wrapped.value);
  if (wrapped[SIGNATURE] === OUTPUT) return 'value' in wrapped ? decode(wrapped.value) : UNKNOWN;
  return Object.fromEntries(Object.entries(wrapped).map(([key, inner]) => [key, decode(inner)]));
}

/** To the wire: drops `undefined`, turns UNKNOWN into the engine's unknown. */
export function encode(value: unknown): unknown {
  if (value === UNKNOWN) return UNKNOWN_VALUE;
  if (Array.isArray(value)) return value.map((inner) => (inner === undefined ? null : encode(inner)));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]) => [key, encode(inner)]),
  );
}

/** Whether anything inside is unknown. */
export function hasUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  if (value === null || typeof value !== 'object') return false;
  return Object.values(value).some(hasUnknown);
}
