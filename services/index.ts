/** The services of a local stack, for the program and the command line: started if they do not answer, else reused. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { builderAddress, isLoopback } from '../location';
import {
  answers,
  BUILDER,
  buildkitAddress,
  buildkitPid,
  startBuildkit,
  stopBuildkit,
  writeBuilder,
} from './buildkit';
import { findPrograms } from './programs';
import { ask, chooseAddress, DEFAULT_ADDRESS, registryPid, startRegistry, stopRegistry } from './registry';

export interface Wanted {
  /** `host:port`, and perhaps a path below it. Default host: a registry of our own on loopback. */
  registry?: string;
  /** Address of buildkitd. Default: one of our own. */
  buildkit?: string;
}

export interface Services {
  /** `host:port`, and the path that was asked for. */
  registry: string;
  /** Address of buildkitd. */
  buildkit: string;
  /** Name of the buildx builder that stands for it. */
  builder: string;
}

const SETTING = 'falco:registry';
const BUILDKIT_SETTING = 'falco:buildkit';
/** The project's root; this file runs from sources and from a bundle one folder below it. */
const projectRoot = path.resolve(__dirname, '..');

const chosenFile = (root: string) => path.join(root, '.local', 'services.json');

/** The registry address chosen before, so that previews need nobody to answer. */
function remembered(root: string): string | undefined {
  try {
    return (JSON.parse(fs.readFileSync(chosenFile(root), 'utf8')) as { registry: string }).registry;
  } catch {
    return undefined;
  }
}

function remember(root: string, registry: string): void {
  fs.mkdirSync(path.dirname(chosenFile(root)), { recursive: true });
  fs.writeFileSync(chosenFile(root), `${JSON.stringify({ registry })}\n`);
}

/**
 * Where the services are; with `start`, also starts those of our own that do not answer; `builds` says whether
 * buildkitd is wanted.
 * Throws when a port is in use by something else or a service does not start.
 */
export async function localServices(
  { registry: address = '', buildkit }: Wanted,
  {
    start,
    builds = true,
    root = projectRoot,
    onStart = () => {},
  }: { start: boolean; builds?: boolean; root?: string; onStart?: (line: string) => void },
): Promise<Services> {
  // A URL is refused as it is, below.
  const slash = address.includes('://') ? -1 : address.indexOf('/');
  const [host, below] = slash < 0 ? [address, ''] : [address.slice(0, slash), address.slice(slash)];
  const wanted = { registry: host || undefined, buildkit };
  const services = await servicesAt(wanted, { start, builds, root, onStart });
  return { ...services, registry: `${services.registry}${below}` };
}

async function servicesAt(
  wanted: Wanted,
  {
    start,
    builds,
    root,
    onStart,
  }: { start: boolean; builds: boolean; root: string; onStart: (line: string) => void },
): Promise<Services> {
  const buildkit = wanted.buildkit ?? process.env.BUILDKIT_HOST ?? buildkitAddress(root);
  if (!start)
    return { registry: wanted.registry ?? remembered(root) ?? DEFAULT_ADDRESS, buildkit, builder: BUILDER };
  findPrograms(root);
  const registry = await registryAddress(wanted, root);
  // One that a stack names is that stack's alone.
  if (!wanted.registry) remember(root, registry);
  if (isLoopback(registry) && (await startRegistry(root, registry, SETTING)) === 'started') {
    onStart(`started the registry on ${registry}`);
  }
  if (!builds) return { registry, buildkit, builder: BUILDER };
  if (buildkit === buildkitAddress(root) && (await startBuildkit(root)) === 'started') {
    onStart('started buildkitd');
  }
  writeBuilder(buildkit, BUILDKIT_SETTING);
  return { registry, buildkit, builder: BUILDER };
}

/**
 * What a builder of somebody else must be able to do, asked before anything is built or published.
 *
 * @param cache repository of the build cache
 * @param isUpdate also ask whether it answers; a preview needs nobody to
 * @throws Error naming the settings and the remedy
 */
export async function checkBuilder(
  { buildkit, registry }: Services,
  cache: string | undefined,
  { isUpdate, root = projectRoot }: { isUpdate: boolean; root?: string },
): Promise<void> {
  if (buildkit === buildkitAddress(root)) return;
  const { isElsewhere } = builderAddress(buildkit, BUILDKIT_SETTING);
  for (const [setting, address] of Object.entries({ [SETTING]: registry, 'falco:cache': cache ?? '' })) {
    if (!isElsewhere || !isLoopback(address)) continue;
    throw new Error(
      `${BUILDKIT_SETTING}: the builder at ${buildkit} cannot reach ${address}, which is on this machine's loopback; set ${setting} to a registry that both reach, or ${BUILDKIT_SETTING} to a builder of this machine`,
    );
  }
  if (!isUpdate || (await answers(buildkit))) return;
  throw new Error(
    `${BUILDKIT_SETTING}: no buildkitd answers at ${buildkit}; start it, or correct the address (TLS: its folder of certificates)`,
  );
}

/** A host; on loopback with the port that we are to listen on. */
function checkAddress(address: string): void {
  const match = /^(?:[\w.-]+|\[[\da-f:]+\])(?::(\d{1,5}))?$/i.exec(address);
  const port = match?.[1];
  const isComplete = port !== undefined || !isLoopback(address);
  if (match && isComplete && Number(port ?? 0) <= 65535) return;
  throw new Error(`${SETTING}: "${address}" is no host:port; give one such as ${DEFAULT_ADDRESS}`);
}

async function registryAddress(wanted: Wanted, root: string): Promise<string> {
  if (wanted.registry !== undefined) checkAddress(wanted.registry);
  if (wanted.registry && !isLoopback(wanted.registry)) return wanted.registry;
  const before = wanted.registry ?? remembered(root);
  if (before) {
    const answer = await ask(root, before);
    const isOthers = typeof answer === 'object' && !wanted.registry;
    if (!isOthers) return chooseAddress(root, before, SETTING);
  }
  return chooseAddress(root, undefined, SETTING);
}

/** Stops what this project started. */
export async function stopServices(root = projectRoot): Promise<{ registry: boolean; buildkit: boolean }> {
  return { buildkit: await stopBuildkit(root), registry: await stopRegistry(root) };
}

/** Process ids of what this project started; undefined: not running. */
export function serviceStatus(root = projectRoot) {
  const services = { registry: remembered(root) ?? DEFAULT_ADDRESS, buildkit: buildkitAddress(root) };
  return { ...services, registryPid: registryPid(root), buildkitPid: buildkitPid(root) };
}
