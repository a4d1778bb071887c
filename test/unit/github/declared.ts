/** Declares under Pulumi's mocks and records every resource: type, name, inputs, parent and options. */
import * as pulumi from '@pulumi/pulumi';

export interface Declared {
  type: string;
  name: string;
  /** As the engine gets them. Of components none. */
  inputs: Record<string, unknown>;
  /** Name of the parent. */
  parent?: string;
  retainOnDelete?: boolean;
}

/** @param declare is given options that record what is declared with them */
export async function declared(
  declare: (opts: pulumi.ComponentResourceOptions) => unknown,
): Promise<Declared[]> {
  const all = new Map<string, Declared>();
  await pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs }) {
        const one = all.get(`${type} ${name}`);
        if (one) one.inputs = inputs as Declared['inputs'];
        const told = type.includes('release:Release') ? { htmlUrl: `https://git.example.org/${name}` } : {};
        return { id: `${name}-id`, state: { ...(inputs as object), ...told } };
      },
      call: () => ({}),
    },
    'artifacts',
    'infra',
  );
  const nameOf = new Map<unknown, string>();
  declare({
    transformations: [
      ({ resource, type, name, opts }) => {
        nameOf.set(resource, name);
        all.set(`${type} ${name}`, {
          type,
          name,
          inputs: {},
          ...(opts.parent && { parent: nameOf.get(opts.parent) }),
          ...(opts.retainOnDelete !== undefined && { retainOnDelete: opts.retainOnDelete }),
        });
        return undefined;
      },
    ],
  });
  await pulumi.runtime.disconnect();
  return [...all.values()];
}
