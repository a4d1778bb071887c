/**
 * Runs a stack's whole program under Pulumi's mocks and lists the resources that it declares: no engine, plugin,
 * credential or network, and nothing is looked at or changed. A bundle of its own (`dist/mocks.js`), with the program.
 */
import { setAllConfig } from '@pulumi/pulumi/runtime/config';
import { Mocks, setMocks } from '@pulumi/pulumi/runtime/mocks';
import { disconnect } from '@pulumi/pulumi/runtime/settings';
import { catalog } from '../catalog';
import type { ReleaseRecord } from '../provider/promotion/record';
import type { PartHashes } from '../provider/source/parts';

export interface Declared {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

/** A version as a release has it, so that the program goes the way of releases. */
export const MOCKED_VERSION = '1.2.3';

/**
 * @param config `<namespace>:<key>` to value, as in `Pulumi.<stack>.yaml`
 * @returns every resource and component, sorted by type and name
 */
export async function declaredResources(
  project: string,
  stack: string,
  config: Record<string, unknown>,
): Promise<Declared[]> {
  const declared: Declared[] = [];
  setAllConfig(
    Object.fromEntries(
      Object.entries(config).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    ),
  );
  // As in a preview: no service is started.
  await setMocks(mocksInto(declared), project, stack, true);
  const { default: program } = await import('../index');
  await program();
  // Whatever outputs and resources wait for.
  await disconnect();
  const key = ({ type, name }: Declared) => `${type}\n${name}`;
  return declared.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Stands in for engine and providers: writes down what is declared, and echoes it with what only a provider tells. */
export function mocksInto(declared: Declared[]): Mocks {
  return {
    newResource({ type, name, inputs }) {
      declared.push({ type, name, inputs: inputs as Declared['inputs'] });
      return { id: `${name}-id`, state: { ...(inputs as object), ...told(type, name) } };
    },
    call: () => ({}),
  };
}

/** What the stack says that a promotion takes from. */
const RECORD: ReleaseRecord = {
  format: 1,
  version: MOCKED_VERSION,
  commit: 'revision',
  epoch: 1589302426,
  bucket: '/bucket',
  records: 'build/mocked/record',
  publicKey: 'packages/key.asc',
  signingKey: 'F'.repeat(40),
  cosignKey: 'public key',
  packages: Object.fromEntries(
    catalog.packages.map(({ key }) => [
      key,
      { fileName: key, key, plain: key, sha256: key, size: 1, identity: '', proved: key },
    ]),
  ),
  images: Object.fromEntries(
    catalog.images.map(({ name }) => [name, { repository: `registry/${name}`, digest: `sha256:${name}` }]),
  ),
  systems: Object.fromEntries(
    [...Object.keys(catalog.bases), ...catalog.images.map(({ name }) => name)].map((name) => [
      name,
      { repository: 'registry/base', digest: `sha256:${name}`, recipe: '' },
    ]),
  ),
  gates: {},
};

/** What only a provider tells, as far as programs look at it. */
function told(type: string, name: string): object {
  const archive = { key: `key-${name}`, sha256: `sha256-${name}`, size: 1 };
  const digest = `sha256:${name}`;
  switch (type) {
    case 'artifacts:index:Source':
      return {
        version: MOCKED_VERSION,
        epoch: 1589302426,
        revision: 'revision',
        parts: HASHES,
        sourceArchive: archive,
        extraArchives: {},
      };
    case 'artifacts:index:SigningKey':
      return { fingerprint: 'F'.repeat(40) };
    case 'artifacts:index:CosignKey':
      return { publicKey: 'public key', fingerprint: 'f'.repeat(64) };
    case 'artifacts:index:Attestation':
      return { attachments: [`sha256:${name}`] };
    case 'artifacts:index:InstallTree':
      return { ...archive, parts: HASHES, contents: HASHES, facts: { debDepends: [], rpmRequires: [] } };
    case 'artifacts:index:Package':
    case 'artifacts:index:PromotedPackage':
      return archive;
    case 'pulumi:pulumi:StackReference':
      return { outputs: { release: RECORD } };
    case 'artifacts:index:Base':
    case 'artifacts:index:System':
    case 'artifacts:index:ContextImage':
      return { ref: `${name}@${digest}`, digest, took: 'rootfs' };
    case 'docker-build:index:Image':
      return { digest };
    case 'artifacts:index:Tag':
      return { target: digest };
    case 'artifacts:index:AptRepository':
    case 'artifacts:index:YumRepository':
    case 'artifacts:index:Downloads':
      return { files: {} };
    case 'aws:cloudfront/distribution:Distribution':
      return { arn: `arn:mock:${name}`, domainName: `${name}.example.org` };
    case 'aws:s3/bucket:Bucket':
      return { arn: `arn:mock:${name}`, bucketRegionalDomainName: `${name}.example.org` };
    default:
      return type.startsWith('aws:') ? { arn: `arn:mock:${name}` } : {};
  }
}

const HASHES: PartHashes = {
  binary: 'b',
  rules: 'r',
  module: 'm',
  bpf: 'p',
  driver: 'd',
  recipe: 'c',
  tests: 't',
  docs: 'o',
};

/** One line for each, type and name, and a line that counts them. */
export function resourceTable(stack: string, declared: Declared[]): string {
  const width = Math.max(0, ...declared.map(({ type }) => type.length));
  const lines = declared.map(({ type, name }) => `${type.padEnd(width)}  ${name}`);
  const types = new Set(declared.map(({ type }) => type)).size;
  const count = `${stack}: ${declared.length} resources of ${types} types, under mocks: nothing was asked or changed`;
  return [...lines, '', count, ''].join('\n');
}
