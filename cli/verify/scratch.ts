/** The project in a folder of its own, where a release is made again: its own state, registry, builder and key. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { parse, stringify } from 'yaml';
import { catalog } from '../../catalog';
import { BASE_REPOSITORY, SettingError } from '../../names';
import { copy } from '../../provider/oci';
import type { RecordedBuild, ReleaseRecord } from '../../provider/promotion/record';
import { packageList } from '../../provider/systems/packageList';
import type { PinnedSystems } from '../../provider/systems/pin';
import { buildkitAddress } from '../../services/buildkit';
import { writeSystems } from '../../systemsFile';
import type { Rebuilt } from './compare';
import type { VerifiedRecord } from './release';
import type { Sources } from './sources';

/** Name of the stack there. */
const STACK = 'verify';
const SETTING = 'npm run verify';

/** What git does not track, or what is made anew. */
const LEFT_OUT = ['.git', '.local', 'dist', 'node_modules'];

export interface Made extends Rebuilt {
  build: RecordedBuild;
}

/** Copies what the project consists of; npm's packages are shared. */
export async function makeScratch(root: string): Promise<string> {
  const parent = path.join(root, '.local', 'verify');
  await fs.mkdir(parent, { recursive: true });
  const scratch = await fs.mkdtemp(path.join(parent, 'r-'));
  for (const name of await fs.readdir(root)) {
    if (LEFT_OUT.includes(name)) continue;
    await fs.cp(path.join(root, name), path.join(scratch, name), { recursive: true });
  }
  await fs.symlink(path.join(root, 'node_modules'), path.join(scratch, 'node_modules'));
  return scratch;
}

/** The settings of the release, for a stack that publishes nothing. */
export async function configure(
  scratch: string,
  { version, epoch, build }: VerifiedRecord,
  { source, tree, patches, ...extra }: Sources,
): Promise<void> {
  const local = await fs.readFile(path.join(scratch, 'Pulumi.local.yaml'), 'utf8');
  const { encryptionsalt } = parse(local) as { encryptionsalt: string };
  const { libraries, cmakeArgs } = build;
  const settings = {
    program: 'rebuild',
    bucket: '.local/bucket',
    registry: `/${STACK}`,
    ...(source && { source }),
    ...(tree && { tree }),
    ...(patches && { patches }),
    ...{ extra, libraries, cmakeArgs, version, date: String(epoch) },
  };
  const config = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`falco:${key}`, value]));
  await fs.writeFile(path.join(scratch, `Pulumi.${STACK}.yaml`), stringify({ encryptionsalt, config }));
}

/** Starts the scratch project's own services, and puts there what the images were made on. */
export async function takeSystems(
  scratch: string,
  { systems }: ReleaseRecord,
  say: (line: string) => void,
): Promise<void> {
  if ((await runScript(scratch, ['services', 'start'], say)) !== 0)
    throw new Error('the services of the rebuild do not start; their messages are above');
  const { registry } = JSON.parse(
    await fs.readFile(path.join(scratch, '.local', 'services.json'), 'utf8'),
  ) as { registry: string };
  const repository = `${registry}/${STACK}/${catalog.product.imageNamespace}/${BASE_REPOSITORY}`;
  const pinned: PinnedSystems = {};
  for (const [name, { repository: from, digest, recipe }] of Object.entries(systems)) {
    say(`${name}: ${from}@${digest}`);
    await copy(`${from}@${digest}`, `${repository}@${digest}`).catch((error: Error) => {
      throw new SettingError(
        SETTING,
        `what ${name} was made on, ${digest}, is not to be had from ${from} (${error.message}); without it the release cannot be made again`,
      );
    });
    const packages = await packageList(buildkitAddress(scratch), `${repository}@${digest}`);
    pinned[name] = { digest, recipe, packages };
  }
  writeSystems(scratch, STACK, pinned);
}

/** @throws Error where it cannot be built; the engine has said why */
export async function rebuild(scratch: string, say: (line: string) => void): Promise<Made> {
  if ((await runScript(scratch, ['up', '--stack', STACK], say)) !== 0)
    throw new Error('the release cannot be made again; the messages of its build are above');
  let text = '';
  await runScript(scratch, ['output', '--stack', STACK, '--json'], (line) => (text += `${line}\n`), 'stdout');
  return JSON.parse(text) as Made;
}

/** Stops what runs there; with `isKept`, files stay to be looked at. */
export async function leave(scratch: string, isKept: boolean): Promise<void> {
  await runScript(scratch, ['services', 'stop'], () => {});
  if (!isKept) await fs.rm(scratch, { recursive: true, force: true });
}

/** @param of which output `say` gets; of `stdout`, errors go on to ours */
function runScript(
  scratch: string,
  args: string[],
  say: (line: string) => void,
  of: 'both' | 'stdout' = 'both',
): Promise<number> {
  // A builder or a state that the environment names is not to be touched.
  const env: NodeJS.ProcessEnv = { ...process.env, INIT_CWD: scratch };
  delete env.BUILDKIT_HOST;
  delete env.PULUMI_BACKEND_URL;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['tools/run.mjs', ...args], {
      cwd: scratch,
      env,
      stdio: ['ignore', 'pipe', of === 'both' ? 'pipe' : 'inherit'],
    });
    for (const stream of [child.stdout, child.stderr])
      if (stream) createInterface({ input: stream }).on('line', say);
    child.on('error', reject);
    // Services outlive it and may hold its pipes: `exit`, not `close`.
    child.on('exit', (status) => setTimeout(() => resolve(status ?? 1), 100));
  });
}
