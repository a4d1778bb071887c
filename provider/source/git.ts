/** Git as a source: a URL with a ref becomes a folder; a folder tells its revision, date and tag. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { CheckError } from '../resource';

const run = promisify(execFile);

async function git(args: string[]): Promise<string> {
  const { stdout } = await run('git', ['-c', 'safe.directory=*', ...args], {
    maxBuffer: 1 << 26,
    env: { ...process.env, GIT_TERMINAL_PROMPT: '0' },
  });
  return stdout.trim();
}

/** Whether a source names a git repository elsewhere: `URL#REF`, or any URL that git takes. */
export function isGitUrl(source: string): boolean {
  return /^(https?|git|ssh|file):\/\//.test(source) || /^[\w.-]+@[\w.-]+:/.test(source);
}

export interface GitInfo {
  /** Commit, 40 hex digits; empty outside git. */
  revision: string;
  /** Commit time, seconds since 1970. */
  date?: number;
  /** A tag on this very commit that is a version (`x.y.z…`, an initial `v` dropped). */
  tag?: string;
}

/** What git says of a folder: of HEAD for a repository's top, else of the last commit that touched it. */
export async function describeFolder(folder: string): Promise<GitInfo> {
  try {
    const log = ['-C', folder, 'log', '-1', '--format=%H %ct'];
    // At once, whichever is used: a preview waits for this.
    const [prefix, head, own, pointing] = await Promise.all([
      git(['-C', folder, 'rev-parse', '--show-prefix']),
      git(log),
      git([...log, '--', '.']),
      git(['-C', folder, 'tag', '--points-at', 'HEAD']),
    ]);
    const isTop = prefix === '';
    const [revision = '', time] = (isTop ? head : own).split(' ');
    const tags = isTop ? pointing.split('\n') : [];
    const versions = tags.map((tag) => tag.replace(/^v/, '')).filter((tag) => /^\d+\.\d+\.\d+/.test(tag));
    return {
      revision,
      date: time ? Number(time) : undefined,
      tag: versions.length === 1 ? versions[0] : undefined,
    };
  } catch {
    return { revision: '' };
  }
}

/**
 * A checkout of `URL#REF` (default HEAD) below `cache`, one folder per commit.
 * Asks the repository which commit the ref is; fetches only a commit that is not there yet.
 */
export async function checkout(source: string, cache: string, setting: string): Promise<string> {
  const [url = '', ref = 'HEAD'] = splitRef(source);
  let commit = /^[0-9a-f]{40}$/.test(ref) ? ref : '';
  try {
    if (!commit) commit = await resolveRef(url, ref);
    const folder = path.resolve(cache, commit);
    if (await fs.stat(path.join(folder, '.git')).catch(() => undefined)) return folder;
    await fs.mkdir(cache, { recursive: true });
    const temporary = `${folder}.${process.pid}`;
    await fs.rm(temporary, { recursive: true, force: true });
    await git(['init', '--quiet', temporary]);
    await git(['-C', temporary, 'fetch', '--quiet', '--depth=1', url, commit]).catch(() =>
      // A server may refuse single commits: take the whole ref.
      git(['-C', temporary, 'fetch', '--quiet', '--tags', url, ref === commit ? 'HEAD' : ref]),
    );
    await git(['-C', temporary, '-c', 'advice.detachedHead=false', 'checkout', '--quiet', commit]);
    if (/^v?\d+\.\d+\.\d+/.test(ref)) await git(['-C', temporary, 'tag', '--force', ref, commit]);
    await fs.rename(temporary, folder);
    return folder;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').pop() ?? (error as Error).message;
    throw new CheckError(
      'source',
      `${setting}: cannot get ${url} at ${ref}: ${said}. Check the URL and the ref.`,
    );
  }
}

function splitRef(source: string): [string, string?] {
  const at = source.indexOf('#');
  return at < 0 ? [source] : [source.slice(0, at), source.slice(at + 1) || undefined];
}

async function resolveRef(url: string, ref: string): Promise<string> {
  const lines = (await git(['ls-remote', url, ref, `${ref}^{}`])).split('\n').filter(Boolean);
  const peeled = lines.find((line) => line.endsWith('^{}')) ?? lines[0];
  if (!peeled) throw new Error(`there is no such ref`);
  return peeled.split('\t')[0] ?? '';
}
