/** Literal events of a preview, as the engine writes them. */
import { EngineEvent, foldEvents, Preview } from '../../../../cli/releaseDiff/events';

export const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

/** A sha256 of one digit. */
export const sha = (digit: string) => digit.repeat(64);

type Properties = Record<string, unknown>;

/** What a resource is before and after: `old` is its state, `new` its inputs. */
export interface Step {
  op?: string;
  old?: Properties;
  new?: Properties;
  diffs?: string[];
}

/** @param resource `<type>::<name>`; a type without `:` is one of the artifacts provider */
export function step(resource: string, { op = 'update', old, new: after, diffs }: Step): EngineEvent {
  const [short = '', name = ''] = resource.split('::');
  const type = short.includes(':') ? short : `artifacts:index:${short}`;
  return {
    resourcePreEvent: {
      metadata: {
        op,
        urn: `urn:pulumi:local::falco-artifacts::artifacts:components:Any$${type}::${name}`,
        type,
        diffs,
        old: old ? { inputs: {}, outputs: old } : null,
        new: after ? { inputs: after, outputs: {} } : null,
      },
    },
  };
}

export const done: EngineEvent = { summaryEvent: { result: 'succeeded' } };

export const previewed = (steps: Record<string, Step>, ...more: EngineEvent[]): Preview =>
  foldEvents([...Object.entries(steps).map(([resource, one]) => step(resource, one)), ...more, done]);

/** The resources of {@link previewed}. */
export const seen = (steps: Record<string, Step>) => previewed(steps).resources;
