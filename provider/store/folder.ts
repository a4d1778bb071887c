/**
 * A store in a folder: what a web server or a `file://` URL serves as it is.
 *
 * Contents appear by rename(2) of a finished, synced file, with modes 0644 and 0755 whatever the umask. Work in
 * progress lives in `.store/`, which is no part of the namespace.
 */
import { createHash, randomUUID } from 'node:crypto';
import { constants, createReadStream, Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { removeDeadLocks, withLock } from './folderLock';
import { isDead, ProcessIdentity, thisProcess } from './folderProcess';
import { Body, checkKey, ConflictError, digestInKey, ImmutableError, ListedObject, Store } from './store';

const PRIVATE = '.store';
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;
/** ENOTDIR: a segment of the key is a file. EISDIR: the key is a folder. Neither is an object. */
const isAbsent = (error: unknown) => ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(codeOf(error) ?? '');

async function absentAsUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function digestFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

async function describe(body: Body): Promise<{ size: number; sha256: string }> {
  if (Buffer.isBuffer(body)) return { size: body.length, sha256: digest(body) };
  return { size: (await fs.stat(body.file)).size, sha256: await digestFile(body.file) };
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function checkWritable(folder: string): Promise<void> {
  let at = folder;
  while (at !== path.dirname(at) && !(await absentAsUndefined(fs.stat(at)))) at = path.dirname(at);
  await absentAsUndefined(fs.access(at, constants.W_OK));
}

/**
 * Makes missing folders, each with its mode and synced into its parent.
 *
 * @param isLasting whether a folder is to be there after a power cut
 */
async function makeFolder(folder: string, isLasting: (folder: string) => boolean): Promise<void> {
  const first = await fs.mkdir(folder, { recursive: true, mode: FOLDER_MODE }).catch(async (error: Error) => {
    // On a read-only file system Node says ENOENT (nodejs/node#47098); this says what is wrong.
    if (isAbsent(error)) await checkWritable(path.dirname(folder));
    throw error;
  });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = path.dirname(made)) {
    await absentAsUndefined(fs.chmod(made, FOLDER_MODE));
    if (isLasting(made)) await absentAsUndefined(syncFolder(path.dirname(made)));
  }
}

/** Draft names tell their writer: `<base64url of the identity's values>.<uuid>`, below the 255 bytes of a name. */
function draftName(): string {
  const { pid, host, boot, namespace, started } = thisProcess();
  const writer = JSON.stringify([pid, host, boot, namespace, started]);
  return `${Buffer.from(writer).toString('base64url')}.${randomUUID()}`;
}

function writerOf(draft: string): ProcessIdentity | undefined {
  try {
    const text = Buffer.from(draft.split('.')[0], 'base64url').toString();
    const [pid, host, boot, namespace, started] = JSON.parse(text) as [
      number,
      string,
      string,
      string,
      string,
    ];
    return { pid, host, boot, namespace, started };
  } catch {
    return undefined;
  }
}

async function removeDeadDrafts(folder: string): Promise<void> {
  for (const name of await fs.readdir(folder).catch(() => [])) {
    const writer = writerOf(name);
    if (writer && isDead(writer)) await fs.rm(path.join(folder, name), { force: true });
  }
}

async function fill(draft: string, body: Body): Promise<void> {
  if (Buffer.isBuffer(body)) await fs.writeFile(draft, body);
  else await fs.copyFile(body.file, draft, constants.COPYFILE_FICLONE);
  await fs.chmod(draft, FILE_MODE);
  const handle = await fs.open(draft, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export class FolderStore implements Store {
  private tidied?: Promise<void>;

  constructor(
    private readonly root: string,
    readonly url: string,
  ) {}

  private path(key: string): string {
    checkKey(key);
    if (key.split('/')[0] === PRIVATE)
      throw new Error(`"${key}" cannot be an object key: ${PRIVATE}/ is private.`);
    return path.join(this.root, key);
  }

  async get(key: string) {
    const body = await absentAsUndefined(fs.readFile(this.path(key)));
    return body && { body, etag: digest(body) };
  }

  async head(key: string) {
    const file = this.path(key);
    const stat = await absentAsUndefined(fs.stat(file));
    if (!stat?.isFile()) return undefined;
    const sha256 = await absentAsUndefined(digestFile(file));
    return sha256 === undefined ? undefined : { size: stat.size, etag: sha256, sha256 };
  }

  async download(key: string, toFile: string) {
    try {
      await fs.copyFile(this.path(key), toFile, constants.COPYFILE_FICLONE);
    } catch (error) {
      if (isAbsent(error)) throw new Error(`${this.url}/${key} does not exist.`);
      throw error;
    }
  }

  async putImmutable(key: string, body: Body) {
    const file = this.path(key);
    const wanted = await describe(body);
    const named = digestInKey(key);
    if (named !== undefined && named !== wanted.sha256) {
      throw new ImmutableError(`${key} names another digest than that of its contents, ${wanted.sha256}.`);
    }
    const stat = await absentAsUndefined(fs.stat(file));
    if (stat?.isFile()) {
      const same = stat.size === wanted.size && (await absentAsUndefined(digestFile(file))) === wanted.sha256;
      if (same) return;
      if (named === undefined)
        throw new ImmutableError(`${this.url}/${key} exists with other contents, and must not change.`);
    }
    await this.write(file, body);
  }

  async put(key: string, body: Body) {
    await this.write(this.path(key), body);
  }

  async compareAndSwap(key: string, body: Buffer, etag: string | undefined) {
    const file = this.path(key);
    return this.locked(key, async () => {
      const found = await absentAsUndefined(fs.readFile(file));
      if ((found && digest(found)) !== etag) throw new ConflictError(key);
      await this.write(file, body);
      return digest(body);
    });
  }

  async copy(from: string, to: string) {
    const source = this.path(from);
    if (!(await absentAsUndefined(fs.stat(source)))?.isFile())
      throw new Error(`${this.url}/${from} does not exist.`);
    await this.write(this.path(to), { file: source });
  }

  async list(prefix: string) {
    return (await this.walk(prefix)).map(({ key }) => key);
  }

  async listObjects(prefix: string) {
    const found: ListedObject[] = [];
    for (const { key, file } of await this.walk(prefix)) {
      const stat = await absentAsUndefined(fs.stat(file));
      if (stat) found.push({ key, size: stat.size, modified: stat.mtime });
    }
    return found;
  }

  now() {
    return Promise.resolve(new Date());
  }

  async delete(key: string, etag?: string) {
    const file = this.path(key);
    if (etag === undefined) {
      await this.remove(file);
      return;
    }
    await this.locked(key, async () => {
      const found = await absentAsUndefined(fs.readFile(file));
      if (!found || digest(found) !== etag) throw new ConflictError(key);
      await this.remove(file);
    });
  }

  private async locked<T>(key: string, work: () => Promise<T>): Promise<T> {
    const locks = path.join(this.root, PRIVATE, 'locks');
    try {
      return await this.inFolder(locks, () => withLock(path.join(locks, digest(Buffer.from(key))), work));
    } finally {
      await this.removeEmptyFolders(locks);
    }
  }

  /** Runs `work`, which needs `folder`; again if another writer removed the folder as empty in between. */
  private async inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
    // Nothing of the store's own is worth a wait for the disk.
    const isLasting = (made: string) => path.relative(this.root, made).split(path.sep)[0] !== PRIVATE;
    for (let attempt = 1; ; attempt++) {
      try {
        await makeFolder(folder, isLasting);
        return await work();
      } catch (error) {
        // mkdir(2) says ENOTDIR or EEXIST where the folder goes between two of its own looks.
        if (!['ENOENT', 'ENOTDIR', 'EEXIST'].includes(codeOf(error) ?? '') || attempt === 20) throw error;
      }
    }
  }

  private async write(file: string, body: Body): Promise<void> {
    await this.tidy();
    const drafts = path.join(this.root, PRIVATE, 'drafts');
    const draft = path.join(drafts, draftName());
    try {
      await this.inFolder(drafts, () => fill(draft, body));
      await this.inFolder(path.dirname(file), () => fs.rename(draft, file));
    } catch (error) {
      await fs.rm(draft, { force: true });
      throw error;
    }
    await absentAsUndefined(syncFolder(path.dirname(file)));
    await this.removeEmptyFolders(drafts);
  }

  /** Once per store: what killed writers left behind. */
  private tidy(): Promise<void> {
    this.tidied ??= (async () => {
      await removeDeadDrafts(path.join(this.root, PRIVATE, 'drafts'));
      await removeDeadLocks(path.join(this.root, PRIVATE, 'locks'));
    })();
    return this.tidied;
  }

  private async remove(file: string): Promise<void> {
    await this.tidy();
    await absentAsUndefined(fs.unlink(file));
    await absentAsUndefined(syncFolder(path.dirname(file)));
    await this.removeEmptyFolders(path.dirname(file));
  }

  /** An object store has no folders: one that holds nothing is not left behind. */
  private async removeEmptyFolders(folder: string): Promise<void> {
    for (let at = folder; at !== this.root && at.startsWith(this.root); at = path.dirname(at)) {
      try {
        await fs.rmdir(at);
      } catch (error) {
        if (isAbsent(error)) continue;
        return;
      }
    }
  }

  private async walk(prefix: string): Promise<{ key: string; file: string }[]> {
    if (prefix !== '') checkKey(prefix.replace(/\/$/, ''));
    const found: { key: string; file: string }[] = [];
    const visit = async (folder: string, below: string): Promise<void> => {
      const entries = (await absentAsUndefined(fs.readdir(folder, { withFileTypes: true }))) ?? [];
      for (const entry of entries) {
        const key = below + entry.name;
        const file = path.join(folder, entry.name);
        if (below === '' && entry.name === PRIVATE) continue;
        const isFolder = entry.isSymbolicLink()
          ? ((await absentAsUndefined<Stats>(fs.stat(file)))?.isDirectory() ?? false)
          : entry.isDirectory();
        const onTheWay = key.startsWith(prefix) || prefix.startsWith(`${key}/`);
        if (isFolder && onTheWay) await visit(file, `${key}/`);
        else if (!isFolder && key.startsWith(prefix)) found.push({ key, file });
      }
    };
    const start = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    await visit(path.join(this.root, start), start);
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}
