/**
 * Pull requests and issues, each once: found again by marker and author, whatever became of it. All is looked at before
 * anything is written, and each step can be the last one of an interrupted run.
 */
import { SettingError } from '../names';
import { GitHub } from './github';
import { Post } from './texts';

/** Where something is opened, and the option that says so. */
export interface Place {
  repository: string;
  setting: '--website' | '--charts';
}

/** The text of a file of the repository; undefined where there is none. */
export type ReadFile = (path: string) => Promise<string | undefined>;

/** By what something is found again. */
interface Traces {
  marker: string;
  /** Login of whom the token is of; undefined: it is a GitHub App's. */
  user: string | undefined;
}

export interface PullRequest extends Traces {
  place: Place;
  branch: string;
  post: Post;
  /** What files should hold; `remark` says why there are none. */
  files(read: ReadFile): Promise<{ files: Record<string, string>; remark?: string }>;
}

export interface Issue extends Traces {
  place: Place;
  post: Post;
}

/** Who a commit is by, for projects that want a sign-off. */
export interface Author {
  name: string;
  email: string;
}

/** Writes what is still to be written; resolves to a line for a person. */
export type Step = () => Promise<string>;

interface Repository {
  default_branch: string;
  has_issues?: boolean;
  permissions?: { push?: boolean };
}

interface Item {
  number: number;
  state: 'open' | 'closed';
  title: string;
  body: string | null;
  html_url: string;
  user: { login: string; type: string } | null;
  author_association: string;
  pull_request?: unknown;
}

/**
 * Anyone could write the marker, and so keep the real thing from being opened: only what the token's user wrote counts,
 * or somebody who belongs to the repository. Only an app that was installed there writes as a bot.
 */
function isOurs({ author_association, user: by }: Item, user: string | undefined): boolean {
  if (['OWNER', 'MEMBER', 'COLLABORATOR'].includes(author_association)) return true;
  return user === undefined ? by?.type === 'Bot' : by?.login === user;
}

/** @throws SettingError where it is not there, or the token may not write */
async function repositoryAt(api: GitHub, { repository, setting }: Place): Promise<Repository> {
  const found = await api.get<Repository>(`/repos/${repository}`);
  if (!found)
    throw new SettingError(
      setting,
      `${repository} is not there, or GITHUB_TOKEN does not see it; give OWNER/REPO`,
    );
  return found;
}

/** Looks; the step that it returns writes. */
export async function planPullRequest(api: GitHub, request: PullRequest, author?: Author): Promise<Step> {
  const { place, branch, marker, user, post } = request;
  const { repository, setting } = place;
  const { default_branch: main, permissions } = await repositoryAt(api, place);
  const owner = repository.split('/')[0] ?? '';
  const repo = `/repos/${repository}`;
  const head = `${encodeURIComponent(owner)}:${encodeURIComponent(branch)}`;
  const pulls = (await api.get<Item[]>(`${repo}/pulls?state=all&per_page=100&head=${head}`)) ?? [];
  const ours = pulls.filter((one) => isOurs(one, user));
  const existing = ours.find((one) => one.body?.includes(marker)) ?? ours[0];
  const name = `pull request at ${repository}`;
  // A branch takes one that is open.
  const other = pulls.find(({ state }) => state === 'open');
  if (!existing && other)
    throw new Error(
      `${name}: ${other.html_url} is of the branch ${branch}, by somebody who does not belong to the repository; ` +
        'close it and run the same command again',
    );
  if (existing && (existing.state === 'closed' || !existing.body?.includes(marker)))
    return leave(name, existing);
  if (permissions?.push === false)
    throw new SettingError(
      setting,
      `GITHUB_TOKEN may not write to ${repository}; give a token that may, or a fork`,
    );

  const ownHead = await headOf(api, repository, branch);
  const base = ownHead ?? (await headOf(api, repository, main));
  if (!base) throw new SettingError(setting, `${repository} has no branch ${main}; is it empty?`);
  const known = new Map<string, string | undefined>();
  const read: ReadFile = async (path) => {
    if (known.has(path)) return known.get(path);
    const file = await api.get<{ content: string }>(`${repo}/contents/${encodeURI(path)}?ref=${base}`);
    const text = file && Buffer.from(file.content, 'base64').toString('utf8');
    known.set(path, text);
    return text;
  };
  const { files, remark } = await request.files(read);
  const changed: Record<string, string> = {};
  for (const [path, text] of Object.entries(files)) if ((await read(path)) !== text) changed[path] = text;
  const isChanged = Object.keys(changed).length > 0;
  if (!isChanged && !ownHead)
    return () => Promise.resolve(`${name}: nothing to change${remark ? `: ${remark}` : ''}`);

  return async () => {
    if (isChanged)
      await commit(api, repository, { branch, base, isNew: !ownHead, changed, title: post.title, author });
    if (!existing) {
      const body = { title: post.title, body: post.body, head: branch, base: main };
      return `${name}: opened ${(await api.send<Item>('POST', `${repo}/pulls`, body)).html_url}`;
    }
    return update(api, name, `${repo}/pulls/${existing.number}`, existing, post, isChanged);
  };
}

async function headOf(api: GitHub, repository: string, branch: string): Promise<string | undefined> {
  const ref = await api.get<{ object: { sha: string } }>(
    `/repos/${repository}/git/ref/heads/${encodeURI(branch)}`,
  );
  return ref?.object.sha;
}

interface Change {
  branch: string;
  base: string;
  isNew: boolean;
  changed: Record<string, string>;
  title: string;
  author?: Author;
}

/** One commit for all files: the branch is there with all of them, or not at all. */
async function commit(api: GitHub, repository: string, change: Change): Promise<void> {
  const { branch, base, isNew, changed, title, author } = change;
  const git = `/repos/${repository}/git`;
  const parent = await api.get<{ tree: { sha: string } }>(`${git}/commits/${base}`);
  if (!parent) throw new Error(`${repository} has no commit ${base} any more; run the same command again`);
  const tree = await api.send<{ sha: string }>('POST', `${git}/trees`, {
    base_tree: parent.tree.sha,
    tree: Object.entries(changed).map(([path, content]) => ({ path, content, mode: '100644', type: 'blob' })),
  });
  const made = await api.send<{ sha: string }>('POST', `${git}/commits`, {
    message: author ? `${title}\n\nSigned-off-by: ${author.name} <${author.email}>` : title,
    tree: tree.sha,
    parents: [base],
    ...(author && { author }),
  });
  if (isNew) await api.send('POST', `${git}/refs`, { ref: `refs/heads/${branch}`, sha: made.sha });
  else await api.send('PATCH', `${git}/refs/heads/${encodeURI(branch)}`, { sha: made.sha });
}

/** Looks; the step that it returns writes. */
export async function planIssue(api: GitHub, { place, post, ...traces }: Issue): Promise<Step> {
  const { repository, setting } = place;
  const { has_issues } = await repositoryAt(api, place);
  const name = `issue at ${repository}`;
  const existing = await findIssue(api, repository, traces);
  if (existing?.state === 'closed') return leave(name, existing);
  if (!existing && has_issues === false)
    throw new SettingError(
      setting,
      `${repository} has issues switched off; switch them on, or give another repository`,
    );
  const path = `/repos/${repository}/issues`;
  if (existing) return () => update(api, name, `${path}/${existing.number}`, existing, post, false);
  return async () => `${name}: opened ${(await api.send<Item>('POST', path, post)).html_url}`;
}

/** The listing itself, newest first: the search index is minutes behind, and a second issue would be opened. */
async function findIssue(
  api: GitHub,
  repository: string,
  { marker, user }: Traces,
): Promise<Item | undefined> {
  for (let page = 1; ; page++) {
    const query = `state=all&sort=created&direction=desc&per_page=100&page=${page}`;
    const items = (await api.get<Item[]>(`/repos/${repository}/issues?${query}`)) ?? [];
    const found = items.find((one) => !one.pull_request && one.body?.includes(marker) && isOurs(one, user));
    if (found || items.length < 100) return found;
  }
}

function leave(name: string, { html_url, state }: Item): Step {
  const why = state === 'closed' ? 'is closed' : 'has another text now';
  return () => Promise.resolve(`${name}: left as it is, ${html_url} ${why}`);
}

async function update(
  api: GitHub,
  name: string,
  path: string,
  { title, body, html_url }: Item,
  post: Post,
  isChanged: boolean,
): Promise<string> {
  // The API turns line ends into those of the web.
  const same = title === post.title && body?.replace(/\r\n/g, '\n').trim() === post.body.trim();
  if (!same) await api.send('PATCH', path, { title: post.title, body: post.body });
  return `${name}: ${same && !isChanged ? 'is there' : 'updated'} ${html_url}`;
}
