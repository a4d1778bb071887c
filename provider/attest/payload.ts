/** What a package would put onto a machine, unpacked into a folder: what its SBOM is made of. Nothing in it is run. */
import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Format } from '../../model';
import { CPIO, cpioEntry, paddingOf, portions } from '../formats/cpio';
import { findMember } from '../formats/debControl';
import { readRpm } from '../formats/rpmHeader';
import { unpackTar } from '../source/files';

/**
 * @param work empty folder of the caller's, for what is needed on the way
 * @param root folder that gets the files; made when missing
 */
export async function unpackPayload(file: string, format: Format, work: string, root: string): Promise<void> {
  await fs.mkdir(root, { recursive: true });
  switch (format) {
    case 'deb':
      return unpackDeb(file, work, root);
    case 'rpm':
      return unpackRpm(file, root);
    case 'tar.gz':
      return unpackTar(file, root);
    case 'debug':
      return fs.copyFile(file, path.join(root, path.basename(file)));
  }
}

/** The member `data.tar.*` (deb(5)). */
async function unpackDeb(file: string, work: string, root: string): Promise<void> {
  const { name, start, size } = await findMember(file, 'data.tar');
  const archive = path.join(work, 'data.tar');
  const member = createReadStream(file, { start, end: start + size - 1 });
  const program = name.endsWith('.xz') ? 'xz' : name.endsWith('.zst') ? 'zstd' : undefined;
  // unpackTar sees by itself whether it is gzipped.
  if (program === undefined) await pipeline(member, createWriteStream(archive));
  else await decompress(program, member, archive);
  await unpackTar(archive, root);
  await fs.rm(archive);
}

async function decompress(program: string, input: NodeJS.ReadableStream, toFile: string): Promise<void> {
  const child = spawn(program, ['--decompress', '--stdout'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`${program} cannot be started: ${error.message}`)));
    child.on('close', (status) =>
      status === 0 ? resolve() : reject(new Error(`${program} failed with status ${status}`)),
    );
  });
  await Promise.all([ended, pipeline(input, child.stdin), pipeline(child.stdout, createWriteStream(toFile))]);
}

const TYPE = 0o170000;
const FOLDER = 0o040000;
const FILE = 0o100000;
const LINK = 0o120000;

/** The payload of an rpm with gzip, as this project makes them. */
async function unpackRpm(file: string, root: string): Promise<void> {
  const { end } = (await readRpm(file)).header;
  const real = await fs.realpath(root);
  await pipeline(
    createReadStream(file, { start: end }),
    createGunzip(),
    async (stream: AsyncIterable<Buffer>) => {
      const archive = portions(stream);
      for (;;) {
        const { name, mode, size } = await cpioEntry(archive);
        if (name === CPIO.trailer) return archive.drain();
        const target = path.join(real, path.posix.normalize(`/${name}`));
        await fs.mkdir(path.dirname(target), { recursive: true });
        const parent = await fs.realpath(path.dirname(target));
        if (parent !== real && !parent.startsWith(`${real}${path.sep}`))
          throw new Error(`${file}: the entry ${name} points outside`);
        switch (mode & TYPE) {
          case FOLDER:
            await fs.mkdir(target, { recursive: true });
            break;
          case LINK:
            await fs.symlink((await archive.take(size)).toString(), target);
            break;
          case FILE:
            await fs.rm(target, { force: true });
            await pipeline(archive.pass(size), createWriteStream(target));
            break;
          default:
            throw new Error(`${file}: ${name} is no file, folder or link`);
        }
        await archive.take(paddingOf(size));
      }
    },
  );
}
