/** The plugin's entry: dispatches the engine's calls to `resources/` by type token. */
import * as path from 'node:path';
import * as log from '@pulumi/pulumi/log';
import type { Resource as Logged } from '@pulumi/pulumi';
import * as pulumi from '@pulumi/pulumi/provider';
import { resetOptions } from '@pulumi/pulumi/runtime/settings';
import { during, progressBy, warnBy } from './diagnostics';
import { registry } from './resources';
import { CheckError, Resource } from './resource';
import { decode, encode, Previewed } from './wire';

/** Root of the project; the bundle lies in `<root>/dist/`. Relative paths in inputs start here. */
process.chdir(path.resolve(__dirname, '..'));
process.umask(0o022);
process.env.LC_ALL = 'C.UTF-8';
process.env.TZ = 'UTC';
process.env.PATH = `${path.resolve('.local/bin')}:${process.env.PATH ?? ''}`;

type Plain = Record<string, unknown>;
type AnyResource = Resource<Plain, Plain>;

function resourceOf(urn: string): AnyResource {
  const type = urn.split('::')[2]?.split('$').pop() ?? '';
  const found = registry[type];
  if (!found)
    throw new Error(`unknown resource type ${type}; this provider has ${Object.keys(registry).join(', ')}`);
  return found;
}

const provider: pulumi.Provider = {
  version: '0.1.0',

  async check(urn: string, olds: unknown, news: unknown) {
    const resource = resourceOf(urn);
    const inputs = decode(news) as Previewed<Plain>;
    if (!resource.check) return { inputs: encode(inputs) };
    const before = decode(olds) as Plain;
    try {
      const checked = await resource.check(inputs, Object.keys(before).length > 0 ? before : undefined);
      return { inputs: encode(checked) };
    } catch (error) {
      if (!(error instanceof CheckError)) throw error;
      // With a property, the engine prints its whole value before the reason.
      return { inputs: encode(inputs), failures: [{ property: '', reason: error.message }] };
    }
  },

  diff(_id: string, urn: string, olds: unknown, news: unknown) {
    const { changes, replaces } = resourceOf(urn).diff(
      decode(olds) as Plain,
      decode(news) as Previewed<Plain>,
    );
    return Promise.resolve({ changes: changes.length > 0, replaces: replaces ?? [] });
  },

  async create(urn: string, inputs: unknown) {
    const plain = decode(inputs) as Plain;
    const { id, outs } = await during(urn, () => resourceOf(urn).create(plain));
    return { id, outs: encode({ ...plain, ...outs }) };
  },

  async update(_id: string, urn: string, olds: unknown, news: unknown) {
    const plain = decode(news) as Plain;
    const outs = await during(urn, () => resourceOf(urn).update(decode(olds) as Plain, plain));
    return { outs: encode({ ...plain, ...outs }) };
  },

  async read(id: string, urn: string, props: unknown) {
    const resource = resourceOf(urn);
    const state = decode(props) as Plain;
    const found = resource.read ? await resource.read(state) : state;
    if (!found) return { id: '', props: {} };
    return { id, props: encode(found), ...(resource.inputs && { inputs: encode(resource.inputs(found)) }) };
  },

  async delete(_id: string, urn: string, props: unknown) {
    await resourceOf(urn).delete(decode(props) as Plain);
  },
};

// The engine ends its plugins; where it was killed, they end by themselves.
const engine = process.ppid;
setInterval(() => {
  if (process.ppid !== engine) process.exit(1);
}, 2000).unref();

const args = process.argv.slice(2);
const address = args.filter((arg) => !arg.startsWith('-')).pop();
if (address) {
  resetOptions('', '', -1, address, '', false, '');
  warnBy((text) => log.warn(text));
  // Shown in the resource's line, and kept nowhere. Of a resource, the log asks for its URN alone.
  progressBy((line, urn) => {
    const resource = { urn: { promise: () => Promise.resolve(urn) } } as unknown as Logged;
    void log.info(line, urn === '' ? undefined : resource, undefined, true);
  });
}
void pulumi.main(provider, args);
