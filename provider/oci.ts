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
/** Bytes of an answer: a list of an image's contents, which is attached to it, has megabytes. */
const MOST = 256 << 20;

/** What a registry, or crane, answered in place of what was asked for. */
export class RegistryError extends Error {
  /** @param said without the remedy, which is for a registry of one's own */
  constructor(
    readonly said: string,
    readonly kind: 'absent' | 'too large' | 'refused deletion' | 'other',
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

async function crane(
  args: string[],
  about: string,
  options: RegistryOptions & { timeout: number },
): Promise<string> {
  return (await craneBytes(args, about, options)).toString().trim();
}

function craneBytes(
  args: string[],
  about: string,
  options: RegistryOptions & { timeout: number },
): Promise<Buffer> {
  return program('crane', options.insecure ? ['--insecure', ...args] : args, about, options);
}

/** Runs crane or regctl; both tell errors in the words of the OCI distribution specification. */
function program(
  name: 'crane' | 'regctl',
  args: string[],
  about: string,
  options: RegistryOptions & { timeout: number },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: options.timeout, killSignal: 'SIGKILL', maxBuffer: MOST } as const;
    execFile(name, args, { ...limits, encoding: 'buffer' }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if (error.code === 'ENOENT' && error.syscall?.startsWith('spawn')) {
        return reject(new Error(`${name} is not on PATH; "npm run up" installs it`));
      }
      if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
        return reject(new RegistryError(`${about} has more than ${MOST} bytes`, 'too large'));
      }
      const silent = error.killed ? `no answer within ${options.timeout / 1000} s` : undefined;
      reject(explain(hostOf(about), about, silent, stderr.toString()));
    });
  });
}

/**
 * Puts the program's last words into one sentence. Error codes: OCI distribution specification, "Error Codes". regctl
 * logs beside them what other blobs' copies say when the first error ends them, before it or after.
 */
function explain(host: string, about: string, silent: string | undefined, stderr: string): RegistryError {
  const all = stderr.trim().split('\n');
  const spoken = all.filter((line) => line.trim() !== '' && !/^time=\S+ level=/.test(line));
  const lines = spoken.length > 0 ? spoken : all;
  const said = (lines.filter((line) => line.startsWith('Error: ')).pop() ?? lines.pop() ?? '').replace(
    /^Error: /,
    '',
  );
  // An answer of the manifest's or blob's address; a 404 of /v2/ itself comes from something that is no registry.
  if (
    /\/(manifests\/|blobs\/|tags\/list)\S*: (MANIFEST_UNKNOWN|BLOB_UNKNOWN|NAME_UNKNOWN|NOT_FOUND|unexpected status code 404)/.test(
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
async function unless<A, T>(asked: Promise<A>, kind: RegistryError['kind'], value: T): Promise<A | T> {
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

/** The text of a manifest. Throws where there is none. */
export function manifest(reference: string, options: RegistryOptions = {}): Promise<string> {
  return crane(['manifest', reference], reference, { timeout: QUESTION, ...options });
}

/** The text of a blob, by its own digest. */
export function blob(reference: string, options: RegistryOptions = {}): Promise<string> {
  return crane(['blob', reference], reference, { timeout: TRANSFER, ...options });
}

/** The bytes of a blob, such as a layer. */
export function blobBytes(reference: string, options: RegistryOptions = {}): Promise<Buffer> {
  return craneBytes(['blob', reference], reference, { timeout: TRANSFER, ...options });
}

/** Digests of an image's layers, uncompressed, from the lowest on (OCI image specification, "rootfs"). */
export async function imageLayers(reference: string, options: RegistryOptions = {}): Promise<string[]> {
  const text = await crane(['config', reference], reference, { timeout: QUESTION, ...options });
  const { rootfs } = JSON.parse(text) as { rootfs?: { diff_ids?: string[] } };
  return rootfs?.diff_ids ?? [];
}

/** Copies an image or index with its blobs, also between registries; `to` is a tag or the same digest. */
export async function copy(from: string, to: string, options: RegistryOptions = {}): Promise<void> {
  await crane(['copy', from, to], from === to ? from : `${from} for ${to}`, {
    timeout: TRANSFER,
    ...options,
  });
}

/** Loopback registries are reached over plain HTTP, as crane does by itself. */
async function regctl(
  references: string[],
  args: string[],
  about: string,
  options: RegistryOptions & { timeout: number },
): Promise<string> {
  const hosts = [...new Set(references.map(hostOf))].filter(isLoopback);
  const plain = hosts.flatMap((host) => ['--host', `reg=${host},tls=disabled`]);
  return (await program('regctl', [...plain, ...args], about, options)).toString().trim();
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

/**
 * Copies an image by digest with some of what is attached to it, and nothing else. One after the other: a registry
 * without the referrers API has a list of them that each writes anew.
 *
 * @param attached digests of manifests in `from`
 */
export async function copyAttached(
  from: string,
  wanted: string,
  attached: string[],
  to: string,
): Promise<void> {
  await copy(`${from}@${wanted}`, `${to}@${wanted}`);
  if (attached.length > 0) await dropLostAttachments(`${to}@${wanted}`);
  for (const one of attached) {
    const [source, target] = [`${from}@${one}`, `${to}@${one}`];
    // By force: where the manifest is there, the list may not have it any more.
    const args = ['image', 'copy', '--force-recursive', source, target];
    await regctl([source, target], args, `${source} for ${to}`, { timeout: TRANSFER });
  }
}

/** Whether all of this is there and attached to the image. @param wanted digests */
export async function hasAttached(reference: string, wanted: string[]): Promise<boolean> {
  if (wanted.length === 0) return true;
  const listed = await attachments(reference);
  if (!wanted.every((one) => listed.includes(one))) return false;
  // A registry without the referrers API lists what is gone, too.
  const found = await Promise.all(wanted.map((one) => digest(`${repositoryOf(reference)}@${one}`)));
  return found.every((one) => one !== undefined);
}

/**
 * Takes out of the list of what is attached to an image what is not in the registry any more. Only a registry without
 * the referrers API has such a list; it would refuse another with an entry that is gone, and so everything new.
 */
export async function dropLostAttachments(reference: string): Promise<void> {
  const repository = repositoryOf(reference);
  const list = `${repository}:${reference.slice(reference.indexOf('@') + 1).replace(':', '-')}`;
  if (!(await digest(list))) return;
  const listed = await attachments(reference);
  const found = await Promise.all(listed.map((one) => digest(`${repository}@${one}`)));
  const lost = listed.filter((_one, i) => found[i] === undefined);
  if (lost.length === 0) return;
  const args = ['index', 'delete', ...lost.flatMap((one) => ['--digest', one]), list];
  await regctl([reference], args, list, { timeout: QUESTION });
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

/**
 * What has to go before an image does: what is attached to it, and the tag that lists that in a registry without the
 * referrers API (OCI distribution specification, "Referrers Tag Schema"). `<repository>@<digest>` each.
 */
export async function attachedReferences(reference: string): Promise<string[]> {
  const repository = repositoryOf(reference);
  const subject = reference.slice(reference.indexOf('@') + 1);
  const attached = await unless(attachments(reference), 'absent', [] as string[]);
  const list = await digest(`${repository}:${subject.replace(':', '-')}`);
  return [...attached, ...(list ? [list] : [])].map((one) => `${repository}@${one}`);
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
