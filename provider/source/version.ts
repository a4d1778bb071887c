/** Which version a source or a ready tree says it is. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { GitInfo } from './git';

const run = promisify(execFile);
const VERSION = /\b(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)\b/;

export interface SourceVersion {
  version: string;
  /** Whether another `--version` contradicts it: a tag, or a version that the recipe does not let be set. */
  fixed: boolean;
  /** Where it was read, for error messages. */
  from: string;
}

/**
 * A version tag on HEAD; else what the top CMakeLists.txt sets `variable` to (fixed unless it is guarded
 * by `if(NOT variable)` or a cache entry, which `-D` overrides); else its `project(… VERSION …)`; else a VERSION file.
 */
export async function sourceVersion(
  folder: string,
  variable: string,
  { tag }: GitInfo,
): Promise<SourceVersion | undefined> {
  if (tag) return { version: tag, fixed: true, from: `the git tag ${tag}` };
  const cmake = stripComments(await fs.readFile(path.join(folder, 'CMakeLists.txt'), 'utf8').catch(() => ''));
  const set = new RegExp(`\\bset\\s*\\(\\s*${variable}\\s+"?([^\\s")]+)"?([^)]*)\\)`, 'i').exec(cmake);
  if (set?.[1] && VERSION.test(set[1])) {
    const guarded = new RegExp(`\\bif\\s*\\(\\s*NOT\\s+(DEFINED\\s+)?${variable}\\s*\\)`, 'i').test(
      cmake.slice(0, set.index),
    );
    return { version: set[1], fixed: !guarded && !/\bCACHE\b/.test(set[2] ?? ''), from: 'CMakeLists.txt' };
  }
  const project = /\bproject\s*\([^)]*\bVERSION\s+"?(\d+\.\d+\.\d+)\b/i.exec(cmake)?.[1];
  if (project) {
    // Fixed only when the binary's version comes from it whatever -D says.
    const settable = new RegExp(`\\b${variable}\\b`).test(cmake);
    return { version: project, fixed: !settable, from: 'project() in CMakeLists.txt' };
  }
  const file = (await fs.readFile(path.join(folder, 'VERSION'), 'utf8').catch(() => ''))
    .trim()
    .replace(/^v/, '');
  return VERSION.exec(file)?.[0] === file && file
    ? { version: file, fixed: false, from: 'the file VERSION' }
    : undefined;
}

const stripComments = (text: string) => text.replace(/#.*$/gm, '');

/** What `<binary> --version` prints first that is a version; undefined when it does not run here. */
export async function binaryVersion(binary: string): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(binary, ['--version'], {
      timeout: 10_000,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    });
    return VERSION.exec(stdout)?.[1] ?? VERSION.exec(stderr)?.[1];
  } catch {
    return undefined;
  }
}

/** `e_machine` of an ELF file, undefined for anything else (ELF specification, "ELF Header"). */
export async function elfMachine(file: string): Promise<number | undefined> {
  const handle = await fs.open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(20), 0, 20, 0);
    if (bytesRead < 20 || buffer.readUInt32BE(0) !== 0x7f454c46) return undefined;
    return buffer[5] === 2 ? buffer.readUInt16BE(18) : buffer.readUInt16LE(18);
  } finally {
    await handle.close();
  }
}
