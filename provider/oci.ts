/**
 * Images in an OCI registry, through the `crane` program (it knows the registries' logins). Loopback registries
 * are reached over plain HTTP by themselves, others need `insecure`.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { isLoopback } from '../location';
import { warn } from './diagnostics';
import { writeLayout } from './ociLayout';

export interface RegistryOptions {
  /** Milliseconds until the registry counts as silent. Default: a minute for questions, 15 for copies. */
  timeout?: number;
  /** Allow plain HTTP and unknown certificates. */
  insecure?: boolean;
}

const QUESTION = 60_000;
const TRANSFER = 15 * 60_000;

/** What a registry, or crane, answered in place of what was asked for. */
export class RegistryError extends Error {
  /** @param said without the remedy, which is for a registry of one's own */
  constructor(
    readonly said: string,
    readonly kind: 'absent' | 'refused deletion' | 'other',
    remedy?: string,
  ) {
    super(remedy === undefined ? said : `${said}; ${remedy}`);
  }
}

/** `registry/namespace/name` of a reference, without its tag and digest. */
export function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}

function hostOf(reference: string): string {
  const [first] = reference.split('/');
  return /[.:]|^localhost$/.test(first) ? first : 'docker.io';
}

function crane(
  args: string[],
  about: string,
  options: RegistryOptions & { timeout: number },
): Promise<string> {
  return program('crane', options.insecure ? ['--insecure', ...args] : args, about, options);
}

/** Runs crane or regctl; both tell errors in the words of the OCI distribution specification. */
function program(
  name: 'crane' | 'regctl',
  args: string[],
  about: string,
  options: RegistryOptions & { timeout: number },
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(name, args, { timeout: options.timeout, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout.trim());
      if (error.code === 'ENOENT' && error.syscall?.startsWith('spawn')) {
        return reject(new Error(`${name} is not on PATH; "npm run up" installs it`));
      }
      const silent = error.killed ? `no answer within ${options.timeout / 1000} s` : undefined;
      reject(explain(hostOf(about), about, silent, stderr));
    });
  });
}

/** Puts crane's last words into one sentence. Error codes: OCI distribution specification, "Error Codes". */
function explain(host: string, about: string, silent: string | undefined, stderr: string): RegistryError {
  const lines = stderr.trim().split('\n');
  const said = (lines.filter((line) => line.startsWith('Error: ')).pop() ?? lines.pop() ?? '').replace(
    /^Error: /,
    '',
  );
  // An answer of the manifest's address; a 404 of /v2/ itself comes from something that is no registry.
  if (
    /\/(manifests\/|tags\/list)\S*: (MANIFEST_UNKNOWN|NAME_UNKNOWN|NOT_FOUND|unexpected status code 404)/.test(
      said,
    )
  ) {
    return new RegistryError(`${about} is not in the registry ${host}`, 'absent');
  }
  if (/^DELETE /.test(said) && /UNSUPPORTED|DENIED|status code 405/.test(said)) {
    return new RegistryError(`the registry ${host} does not allow deletion of ${about}`, 'refused deletion');
  }
  if (/UNAUTHORIZED|DENIED|status code 40[13]/.test(said)) {
    const remedy = `log in with "crane auth login ${host}", or give another registry`;
    return new RegistryError(`the registry ${host} refuses ${about} (${said})`, 'other', remedy);
  }
  const broken =
    silent ??
    /dial tcp.*?(?=; Get |$)|status code 404.*|EOF|server gave HTTP response.*|x509: .*/.exec(said)?.[0];
  if (broken) {
    const remedy = 'start it, or correct the registry setting';
    return new RegistryError(`the registry ${host} does not answer (${broken})`, 'other', remedy);
  }
  return new RegistryError(`the registry ${host}, asked for ${about}: ${said}`, 'other');
}

/** Awaits crane; a given kind of error becomes a value. */
async function unless<T>(asked: Promise<string>, kind: RegistryError['kind'], value: T): Promise<string | T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RegistryError && error.kind === kind) return value;
    throw error;
  }
}

/**
 * Digest of the manifest (or index) that a tag or digest names; undefined when the registry says that there is
 * none. Throws when the registry does not answer or refuses.
 */
export function digest(reference: string, options: RegistryOptions = {}): Promise<string | undefined> {
  return unless(
    crane(['digest', reference], reference, { timeout: QUESTION, ...options }),
    'absent',
    undefined,
  );
}

/** The tags of a repository; none where the registry does not have it. */
export async function tags(repository: string, options: RegistryOptions = {}): Promise<string[]> {
  const listing = await unless(
    crane(['ls', repository], repository, { timeout: QUESTION, ...options }),
    'absent',
    '',
  );
  return listing.split('\n').filter(Boolean);
}

/** What an image runs (OCI image specification, "Image Configuration"). */
export async function imageCommand(
  reference: string,
  options: RegistryOptions = {},
): Promise<{ entryPoint: string[]; command: string[] }> {
  const text = await crane(['config', reference], reference, { timeout: QUESTION, ...options });
  const { config = {} } = JSON.parse(text) as { config?: { Entrypoint?: string[]; Cmd?: string[] } };
  return { entryPoint: config.Entrypoint ?? [], command: config.Cmd ?? [] };
}

/** Copies an image or index with its blobs, also between registries; `to` is a tag or the same digest. */
export async function copy(from: string, to: string, options: RegistryOptions = {}): Promise<void> {
  await crane(['copy', from, to], from === to ? from : `${from} for ${to}`, {
    timeout: TRANSFER,
    ...options,
  });
}

/** Loopback registries are reached over plain HTTP, as crane does by itself. */
function regctl(
  references: string[],
  args: string[],
  about: string,
  options: RegistryOptions & { timeout: number },
): Promise<string> {
  const hosts = [...new Set(references.map(hostOf))].filter(isLoopback);
  const plain = hosts.flatMap((host) => ['--host', `reg=${host},tls=disabled`]);
  return program('regctl', [...plain, ...args], about, options);
}

/** Digests of what is attached to an image (OCI distribution specification, "Listing Referrers"), sorted. */
export async function attachments(reference: string, options: RegistryOptions = {}): Promise<string[]> {
  const format = '{{range .Descriptors}}{{println .Digest}}{{end}}';
  const args = ['artifact', 'list', '--format', format, reference];
  const listed = await regctl([reference], args, reference, { timeout: QUESTION, ...options });
  return listed.split('\n').filter(Boolean).sort();
}

/**
 * Copies an image by digest with what is attached to it: referrers (OCI distribution specification, "Listing
 * Referrers"), and the tags that cosign derives from the digest. `regctl` does, which knows registries without the
 * referrers API, too.
 */
export async function copyWithAttachments(
  from: string,
  to: string,
  options: RegistryOptions = {},
): Promise<void> {
  const copyWith = (...what: string[]) =>
    regctl([from, to], ['image', 'copy', ...what, from, to], `${from} for ${to}`, {
      timeout: TRANSFER,
      ...options,
    });
  try {
    await copyWith('--referrers', '--digest-tags');
  } catch (error) {
    // A repository that has no tags at all has none of cosign's.
    if (!/failed to list tags .*NAME_UNKNOWN/s.test((error as Error).message)) throw error;
    await copyWith('--referrers');
  }
}

/** What became of a deletion. */
export type Removal = 'removed' | 'absent' | 'not allowed';

/**
 * Removes a tag, or a manifest by digest with all tags that point at it. Says `not allowed` where the registry
 * has deletion switched off or cannot remove a single tag; nothing is removed then.
 */
export async function remove(reference: string, options: RegistryOptions = {}): Promise<Removal> {
  const asked = crane(['delete', reference], reference, { timeout: QUESTION, ...options });
  const answer = await unless(unless(asked, 'absent', 'absent'), 'refused deletion', 'not allowed');
  return answer === 'absent' || answer === 'not allowed' ? answer : 'removed';
}

/** Removes tags and manifests, and says in the update's output which ones the registry keeps. */
export async function withdraw(references: string[], options: RegistryOptions = {}): Promise<void> {
  const kept: string[] = [];
  for (const reference of references) {
    if ((await remove(reference, options)) === 'not allowed') kept.push(reference);
  }
  if (kept.length === 0) return;
  await warn(`the registry does not allow deletion, these stay: ${kept.join(', ')}`);
}

async function pushLayer(
  repository: string,
  tarFile: string,
  compress: boolean,
  options: RegistryOptions,
): Promise<string> {
  const work = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-push-'));
  try {
    const made = await writeLayout(tarFile, work, { compress, os: 'linux', architecture: 'amd64' });
    await crane(['push', work, `${repository}@${made}`], repository, { timeout: TRANSFER, ...options });
    return made;
  } finally {
    await fs.rm(work, { recursive: true, force: true });
  }
}

/**
 * Pushes a tar as an image of one layer, untagged, for linux/amd64: a context for image builds. The tar goes up
 * as it is, because packages are compressed already. Same bytes, same digest. Returns the digest.
 */
export function pushFiles(
  repository: string,
  tarFile: string,
  options: RegistryOptions = {},
): Promise<string> {
  return pushLayer(repository, tarFile, false, options);
}

/** The same for a root file system that images start from: gzipped, because every image carries it. */
export function pushRootfs(
  repository: string,
  tarFile: string,
  options: RegistryOptions = {},
): Promise<string> {
  return pushLayer(repository, tarFile, true, options);
}
