/** The stack `infra` under mocks, with its own file or other settings. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { getMonitor } from '@pulumi/pulumi/runtime/settings';
import { parse } from 'yaml';
import { Declared, declaredResources } from '../../../cli/mocks';

export const root = path.resolve(__dirname, '../../..');

/** The `config:` part of a stack's file. */
export function stackConfig(stack: string): Record<string, unknown> {
  const text = fs.readFileSync(path.join(root, `Pulumi.${stack}.yaml`), 'utf8');
  return (parse(text) as { config: Record<string, unknown> }).config;
}

/** @param changes settings in place of the file's; undefined takes one out */
export async function declareInfraStack(changes: Record<string, unknown> = {}): Promise<Declared[]> {
  const config = Object.fromEntries(
    Object.entries({ ...stackConfig('infra'), ...changes }).filter(([, value]) => value !== undefined),
  );
  return declaredResources('falco-artifacts', 'infra', config);
}

/** The one resource of this type (its last part) and name. */
export function find(declared: Declared[], type: string, name: string): Declared['inputs'] {
  const found = declared.filter((one) => one.type.endsWith(`:${type}`) && one.name === name);
  assert.equal(found.length, 1, `${type} ${name}`);
  return found[0].inputs;
}

/** `<parent's type>$<type> <name>` of every resource of the last run, as its URN under mocks has it; sorted. */
export function withParents(): string[] {
  const { resources } = getMonitor() as unknown as { resources: Map<string, unknown> };
  const named = [...resources.keys()].map((urn) => {
    const [, , types, name] = urn.split('::');
    return `${types} ${name}`;
  });
  return named.sort();
}
