/** The release that is announced: at the public addresses, or as a stack has published it. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Released } from '../announce/release';
import { changelogSection } from '../components/github/changelog';
import { bucketAddress, bucketUrl } from '../location';
import { SettingError } from '../names';
import { newestRelease, readLedger } from '../provider/ledger';
import { PUBLIC } from '../pages';
import { stackOutputs } from './engine';
import { openStack, readStackFile, Stack } from './stack';

/** What the options say of it. */
export type GivenRelease = Pick<Released, 'version' | 'previous' | 'newest' | 'changelog'>;

/**
 * @param name of the stack that published it; undefined: the public addresses
 * @throws SettingError where it is withdrawn, or the stack has published another version
 */
export async function releasedBy(
  root: string,
  given: GivenRelease,
  name: string | undefined,
): Promise<Released> {
  refuseWithdrawn(root, given.version, name);
  if (name === undefined) return { ...given, url: PUBLIC.url, digests: {} };
  const stack = openStack(root, name, {});
  const outputs = (await stackOutputs(stack)) as { version?: string; images?: Record<string, string> };
  if (outputs.version !== given.version)
    throw new SettingError(
      '--version',
      `the stack ${name} has published ${outputs.version ?? 'nothing'}; announce what it has published`,
    );
  const bucket = bucketOf(stack);
  const url = text(stack, 'url') ?? bucketUrl(bucketAddress(bucket, 'falco:bucket'));
  const { releases } = await readLedger(bucket, text(stack, 'channel') ?? 'release');
  if (releases[given.version]?.withdrawn) throw withdrawn(given.version, `the bucket of ${name} says so`);
  const newest = newestRelease(releases);
  const file = text(stack, 'changelog');
  const changelog =
    given.changelog ??
    (file && changelogOf(path.resolve(root, file), given.version, `falco:changelog of ${name}`));
  return {
    ...given,
    ...(newest !== undefined && newest !== given.version && { newest }),
    url: url.replace(/\/+$/, ''),
    digests: outputs.images ?? {},
    ...(changelog !== undefined && { changelog }),
  };
}

/**
 * The section of a version in a changelog.
 *
 * @param setting that names the file, for messages
 * @throws SettingError where the file cannot be read, or has no such section
 */
export function changelogOf(file: string, version: string, setting: string): string {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new SettingError(
      setting,
      `${file} cannot be read (${(error as Error).message}); give a Markdown file`,
    );
  }
  return changelogSection(text, version, `${setting} (${file})`);
}

function text({ config }: Stack, key: string): string | undefined {
  const value = config[`falco:${key}`];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The bucket's address, a folder with its whole path. */
function bucketOf(stack: Stack): string {
  const given = text(stack, 'bucket') ?? '.local/bucket';
  const address = bucketAddress(given, 'falco:bucket');
  return address.kind === 'folder' ? path.resolve(stack.root, address.folder) : given;
}

/**
 * @param name of the stack whose file is looked at; undefined: those of all stacks
 * @throws SettingError where one has the version among `falco:withdrawn`
 */
function refuseWithdrawn(root: string, version: string, name: string | undefined): void {
  const files = fs.readdirSync(root).filter((file) => /^Pulumi\..+\.yaml$/.test(file));
  const file = files
    .filter((one) => name === undefined || one === `Pulumi.${name}.yaml`)
    .find((one) => {
      const list = readStackFile(path.join(root, one)).config?.['falco:withdrawn'];
      return Array.isArray(list) && list.includes(version);
    });
  if (file === undefined) return;
  const other = name === undefined ? ', or name the stack that published it with --stack' : '';
  throw withdrawn(version, `falco:withdrawn in ${file} says so`, other);
}

const withdrawn = (version: string, why: string, other = '') =>
  new SettingError(
    '--version',
    `${version} is withdrawn, ${why}; announce the release that takes its place${other}`,
  );
