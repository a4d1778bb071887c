/** Git as a source: a URL with a ref becomes a folder; a folder tells its revision, date and tag. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { CheckError } from '../resource';

const run = promisify(execFile);

/** What git prints, trimmed. Any repository is taken, whoever owns it. */
export async function git(args: string[]): Promise<string> {
  const { stdout } = await run('git', ['-c', 'safe.directory=*', ...args], {
    maxBuffer: 1 << 26,
    env: { ...process.env, GIT_TERMINAL_PROMPT: '0' },
  });
  return stdout.trim();
}

/** What git said is wrong, without what it says to do. */
function reason(error: unknown): string {
  const lines = (error as { stderr?: string }).stderr?.trim().split('\n') ?? [];
  return lines.find((line) => /^(fatal|error): /.test(line)) ?? lines.pop() ?? (error as Error).message;
}

export interface GitInfo {
  /** Commit, 40 hex digits; empty outside git. */
  revision: string;
  /** The folder has something else than the commit: its bytes say nothing of what is there. */
  isEdited?: boolean;
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
    const [prefix, head, own, pointing, edits] = await Promise.all([
      git(['-C', folder, 'rev-parse', '--show-prefix']),
      git(log),
      git([...log, '--', '.']),
      git(['-C', folder, 'tag', '--points-at', 'HEAD']),
      // Not our lock: somebody may work there.
      git(['--no-optional-locks', '-C', folder, 'status', '--porcelain', '--', '.']),
    ]);
    const isTop = prefix === '';
    const [revision = '', time] = (isTop ? head : own).split(' ');
    const tags = isTop ? pointing.split('\n') : [];
    const versions = tags.map((tag) => tag.replace(/^v/, '')).filter((tag) => /^\d+\.\d+\.\d+/.test(tag));
    return {
      revision,
      isEdited: edits !== '',
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
    if (await fs.stat(path.join(folder, '.git')).catch(() => undefined)) {
      await tagOnly(folder, ref, commit);
      return folder;
    }
    await fs.mkdir(cache, { recursive: true });
    const temporary = `${folder}.${process.pid}`;
    await fs.rm(temporary, { recursive: true, force: true });
    await git(['init', '--quiet', temporary]);
    await git(['-C', temporary, 'fetch', '--quiet', '--depth=1', url, commit]).catch(() =>
      // A server may refuse single commits: take the whole ref.
      git(['-C', temporary, 'fetch', '--quiet', '--tags', url, ref === commit ? 'HEAD' : ref]),
    );
    await git(['-C', temporary, '-c', 'advice.detachedHead=false', 'checkout', '--quiet', commit]);
    await tagOnly(temporary, ref, commit);
    await fs.rename(temporary, folder);
    return folder;
  } catch (error) {
    throw new CheckError(
      'source',
      `${setting}: cannot get ${url} at ${ref}: ${reason(error)}. Check the URL and the ref.`,
    );
  }
}

/**
 * A bare repository below `cache` with all commits that `commit` contains and the tags that the repository of
 * `URL#REF` has now; one per URL. No files, where the server can leave them out.
 */
export async function fetchHistory(
  source: string,
  commit: string,
  cache: string,
  setting: string,
): Promise<string> {
  const [url] = splitRef(source);
  const folder = path.resolve(
    cache,
    `history-${createHash('sha256').update(url).digest('hex').slice(0, 16)}`,
  );
  const fetch = (...refs: string[]) =>
    git([
      `--git-dir=${folder}`,
      ...['fetch', '--quiet', '--force', '--prune', '--no-tags', '--filter=tree:0', 'origin'],
      ...refs,
      '+refs/tags/*:refs/tags/*',
    ]);
  try {
    await git(['init', '--quiet', '--bare', folder]);
    // A filter needs a remote of a name.
    await git([`--git-dir=${folder}`, 'config', 'remote.origin.url', url]);
    // A server may refuse single commits: take all branches.
    await fetch(commit).catch(() => fetch('+refs/heads/*:refs/heads/*'));
    return folder;
  } catch (error) {
    throw new CheckError(
      'source',
      `${setting}: cannot get the history of ${url}, which tells a master build's version: ${reason(error)}. ` +
        `Check the URL, or set the version.`,
    );
  }
}

/** The only tag on the commit is the ref that was asked for, if it is a version: several may be of one commit. */
async function tagOnly(folder: string, ref: string, commit: string): Promise<void> {
  const wanted = /^v?\d+\.\d+\.\d+/.test(ref) ? [ref] : [];
  const found = (await git(['-C', folder, 'tag', '--points-at', commit])).split('\n').filter(Boolean);
  const others = found.filter((tag) => !wanted.includes(tag));
  if (others.length > 0) await git(['-C', folder, 'tag', '--delete', ...others]);
  for (const tag of wanted) await git(['-C', folder, 'tag', '--force', '--', tag, commit]);
}

function splitRef(source: string): [string, string?] {
  const at = source.indexOf('#');
  return at < 0 ? [source] : [source.slice(0, at), source.slice(at + 1) || undefined];
}

/** The commit of exactly this tag, branch or full ref: `ls-remote` takes `x/master` for `master` too. */
async function resolveRef(url: string, ref: string): Promise<string> {
  const names = [`refs/tags/${ref}^{}`, `refs/tags/${ref}`, `refs/heads/${ref}`, ref];
  const lines = (await git(['ls-remote', '--', url, ...names])).split('\n').filter(Boolean);
  const commits = new Map(lines.map((line) => line.split('\t').reverse() as [string, string]));
  const found = names.map((name) => commits.get(name)).find(Boolean);
  if (!found) throw new Error('there is no such ref');
  return found;
}
