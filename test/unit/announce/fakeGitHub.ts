/** A small GitHub: repositories, git objects, pull requests and issues in memory, over HTTP on loopback. */
import { createHash } from 'node:crypto';
import * as http from 'node:http';
import { AddressInfo } from 'node:net';

interface Commit {
  message: string;
  files: Record<string, string>;
  parents: string[];
}

export interface Item {
  number: number;
  state: 'open' | 'closed';
  title: string;
  body: string;
  html_url: string;
  user: { login: string; type: 'User' | 'Bot' } | null;
  author_association: string;
  head?: string;
  base?: string;
  pull_request?: object;
}

interface Repository {
  branches: Record<string, string>;
  commits: Record<string, Commit>;
  trees: Record<string, Record<string, string>>;
  items: Item[];
  push: boolean;
  hasIssues: boolean;
}

/** What a test makes of the answer to one request: lost on its way there, lost on its way back, or another one. */
export type Trouble =
  'lost request' | 'lost answer' | { status: number; headers?: Record<string, string>; body?: object };

interface Reply {
  status: number;
  body: unknown;
}

const TOKEN = 'secret-token';
const shaOf = (value: unknown) => createHash('sha1').update(JSON.stringify(value)).digest('hex');

export class FakeGitHub {
  readonly repositories: Record<string, Repository> = {};
  /** Whom the token is of; a bot is an app, and an app's token may not ask who it is. */
  user: NonNullable<Item['user']> = { login: 'ann', type: 'User' };
  /** `METHOD path` of all that came. */
  readonly requests: string[] = [];
  /** By position in `requests`. */
  trouble: Record<number, Trouble> = {};
  private readonly server = http.createServer((request, response) => void this.answer(request, response));

  static async start(): Promise<FakeGitHub> {
    const fake = new FakeGitHub();
    await new Promise<void>((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get environment() {
    const { port } = this.server.address() as AddressInfo;
    return { GITHUB_API_URL: `http://127.0.0.1:${port}`, GITHUB_TOKEN: TOKEN };
  }

  addRepository(name: string, files: Record<string, string>): Repository {
    const repository: Repository = {
      branches: {},
      commits: {},
      trees: {},
      items: [],
      push: true,
      hasIssues: true,
    };
    repository.branches.main = this.commit(repository, { message: 'first', files, parents: [] });
    return (this.repositories[name] = repository);
  }

  /** What a person sees: of each repository the branches with their files and history, and all items. */
  state() {
    return Object.fromEntries(
      Object.entries(this.repositories).map(([name, { branches, commits, items }]) => [
        name,
        {
          branches: Object.fromEntries(
            Object.entries(branches).map(([branch, sha]) => [branch, this.history(commits, sha)]),
          ),
          items,
        },
      ]),
    );
  }

  private history(commits: Record<string, Commit>, sha: string): Omit<Commit, 'parents'>[] {
    const commit = commits[sha];
    if (!commit) return [];
    const { message, files, parents } = commit;
    return [{ message, files }, ...parents.flatMap((parent) => this.history(commits, parent))];
  }

  private commit(repository: Repository, commit: Commit): string {
    const sha = shaOf(commit);
    repository.commits[sha] = commit;
    repository.trees[shaOf(commit.files)] = commit.files;
    return sha;
  }

  private async answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const trouble = this.trouble[this.requests.length];
    this.requests.push(`${request.method} ${request.url}`);
    if (trouble === 'lost request') return void request.socket.destroy();
    if (typeof trouble === 'object') {
      response.writeHead(trouble.status, trouble.headers);
      return void response.end(JSON.stringify(trouble.body ?? {}));
    }
    const text = Buffer.concat(chunks).toString();
    const isKnown = request.headers.authorization === `Bearer ${TOKEN}`;
    const { status, body } = isKnown
      ? this.reply(request.method ?? '', request.url ?? '', text === '' ? {} : (JSON.parse(text) as Input))
      : { status: 401, body: { message: 'Bad credentials' } };
    if (trouble === 'lost answer') return void request.socket.destroy();
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }

  private reply(method: string, url: string, input: Input): Reply {
    const { pathname, searchParams } = new URL(url, 'http://fake');
    if (pathname === '/user')
      return this.user.type === 'User'
        ? ok({ login: this.user.login })
        : { status: 403, body: { message: 'Resource not accessible by integration' } };
    const [, owner, name, rest = ''] = /^\/repos\/([^/]+)\/([^/]+)\/?(.*)$/.exec(decodeURI(pathname)) ?? [];
    const repository = this.repositories[`${owner}/${name}`];
    if (!repository) return missing;
    if (rest === '')
      return ok({
        default_branch: 'main',
        has_issues: repository.hasIssues,
        permissions: { push: repository.push },
      });
    const [area = ''] = rest.split('/');
    if (area === 'git') return this.git(repository, method, rest.slice(4), input);
    if (area === 'contents') {
      const content =
        repository.commits[searchParams.get('ref') ?? '']?.files[rest.slice('contents/'.length)];
      return content === undefined ? missing : ok({ content: Buffer.from(content).toString('base64') });
    }
    return this.items(repository, method, rest, searchParams, input, `${owner}/${name}`);
  }

  private git(repository: Repository, method: string, rest: string, input: Input): Reply {
    const [kind, ...names] = rest.split('/');
    if (method === 'GET' && kind === 'ref') {
      const sha = repository.branches[names.slice(1).join('/')];
      return sha ? ok({ object: { sha } }) : missing;
    }
    if (method === 'GET' && kind === 'commits') {
      const commit = repository.commits[names[0] ?? ''];
      return commit ? ok({ tree: { sha: shaOf(commit.files) } }) : missing;
    }
    if (!repository.push) return missing;
    if (kind === 'trees') {
      const files = { ...repository.trees[input.base_tree ?? ''] };
      for (const { path, content } of input.tree as { path: string; content: string }[])
        files[path] = content;
      repository.trees[shaOf(files)] = files;
      return { status: 201, body: { sha: shaOf(files) } };
    }
    if (kind === 'commits') {
      const files = repository.trees[input.tree as string] ?? {};
      const { message = '', parents = [] } = input;
      return { status: 201, body: { sha: this.commit(repository, { message, files, parents }) } };
    }
    const branch =
      kind === 'refs' && method === 'PATCH' ? names.slice(1).join('/') : (input.ref ?? '').slice(11);
    if (method === 'POST' && repository.branches[branch])
      return { status: 422, body: { message: 'Reference already exists' } };
    repository.branches[branch] = input.sha ?? '';
    return ok({ object: { sha: input.sha } });
  }

  private items(
    repository: Repository,
    method: string,
    rest: string,
    query: URLSearchParams,
    input: Input,
    name: string,
  ): Reply {
    const [kind = '', number] = rest.split('/');
    const { items } = repository;
    if (method === 'GET') {
      const page = Number(query.get('page') ?? 1);
      const branch = query.get('head')?.split(':')[1];
      const listed = [...items]
        .reverse()
        .filter(({ head }) => (kind === 'pulls' ? head === branch : true))
        .slice((page - 1) * 100, page * 100);
      return ok(listed);
    }
    if (method === 'PATCH') {
      const item = items.find((one) => one.number === Number(number));
      return item ? ok(Object.assign(item, input)) : missing;
    }
    const isPull = kind === 'pulls';
    if (isPull && items.some(({ head, state }) => head === input.head && state === 'open'))
      return {
        status: 422,
        body: { message: 'Validation Failed', errors: [{ message: 'A pull request already exists' }] },
      };
    const item: Item = {
      number: items.length + 1,
      state: 'open',
      title: input.title ?? '',
      body: input.body ?? '',
      html_url: `https://github.example/${name}/${isPull ? 'pull' : 'issues'}/${items.length + 1}`,
      user: this.user,
      author_association: 'NONE',
      ...(isPull && { head: input.head, base: input.base, pull_request: {} }),
    };
    items.push(item);
    return { status: 201, body: item };
  }
}

interface Input {
  base_tree?: string;
  tree?: unknown;
  message?: string;
  parents?: string[];
  ref?: string;
  sha?: string;
  title?: string;
  body?: string;
  head?: string;
  base?: string;
}

const ok = (body: unknown): Reply => ({ status: 200, body });
const missing: Reply = { status: 404, body: { message: 'Not Found' } };
