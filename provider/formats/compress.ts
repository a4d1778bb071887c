/** Index files in the forms that clients ask for. Equal input gives equal bytes. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

const deflate = promisify(zlib.gzip);
/** In another thread. */
export const gunzip: (bytes: Buffer) => Promise<Buffer> = promisify(zlib.gunzip);

/** Of indexes and packages, as createrepo_c and nfpm's debs have it: 9 takes three times as long for 0.4 % of the bytes. */
export const GZIP_LEVEL = 6;

/** Of what only publishers read, at every publication: a third of the time for a tenth more bytes. */
export const QUICK = 1;

/** gzip without name and time; the operating system byte is fixed, for it differs between builds of zlib. */
export async function gzip(bytes: Buffer, level = GZIP_LEVEL): Promise<Buffer> {
  const packed = await deflate(bytes, { level });
  packed[9] = 255;
  return packed;
}

/** xz by the `xz` program. Preset 0: of an index, 2 takes three to six times as long for 3 % fewer bytes. */
export function xz(bytes: Buffer): Promise<Buffer> {
  return runXz(['--compress', '--threads=1', '-0'], bytes);
}

export function unxz(bytes: Buffer): Promise<Buffer> {
  return runXz(['--decompress'], bytes);
}

function runXz(args: string[], bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('xz', [...args, '--stdout'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ENOENT' ? new Error('xz is not installed; install the package xz-utils.') : error,
      ),
    );
    child.on('close', (code) =>
      code === 0 ? resolve(Buffer.concat(chunks)) : reject(new Error(`xz ended with status ${code}.`)),
    );
    child.stdin.on('error', () => {});
    child.stdin.end(bytes);
  });
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
