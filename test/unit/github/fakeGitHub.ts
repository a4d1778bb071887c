/** Stands for GitHub's REST API on loopback: comments, issues and releases of one repository, two a page. */
import * as http from 'node:http';
import { AddressInfo } from 'node:net';

interface Thing {
  id: number;
  number: number;
  body?: string;
  user: { login: string };
  [field: string]: unknown;
}

const PAGE = 2;
const BOT = 'github-actions[bot]';
export const REPOSITORY = 'birds/kestrel';
export const TOKEN = 'token-of-the-test';

export class FakeGitHub {
  /** Of pull request 12. */
  comments: Thing[] = [];
  issues: Thing[] = [];
  releases: Thing[] = [];
  /** `METHOD path` of each request that writes, with its body. */
  readonly writes: [string, Record<string, unknown>][] = [];
  private readonly server = http.createServer((request, response) => void this.answer(request, response));

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** What a step has in its environment. */
  get env(): Record<string, string> {
    return {
      GITHUB_API_URL: `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/api/v3`,
      GITHUB_SERVER_URL: 'https://git.example.org',
      GITHUB_REPOSITORY: REPOSITORY,
      GITHUB_RUN_ID: '77',
      GITHUB_TOKEN: TOKEN,
    };
  }

  /** One that is there already, by somebody. */
  thing(fields: Partial<Thing>): Thing {
    const id = 100 + this.comments.length + this.issues.length + this.releases.length;
    return { id, number: id, user: { login: BOT }, state: 'open', ...fields };
  }

  private async answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', `http://${request.headers.host}`);
    const send = (status: number, body: unknown, headers = {}) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return void send(401, { message: 'who?' });
    const path = url.pathname.replace(`/api/v3/repos/${REPOSITORY}`, '');
    let text = '';
    for await (const chunk of request) text += String(chunk);
    if (request.method === 'GET') {
      const all = this.list(path, url.searchParams);
      if (!all) return void send(404, { message: 'Not Found' });
      const page = Number(url.searchParams.get('page') ?? 1);
      const next = new URL(url);
      next.searchParams.set('page', String(page + 1));
      const more = page * PAGE < all.length ? { link: `<${next.href}>; rel="next"` } : {};
      return void send(200, all.slice((page - 1) * PAGE, page * PAGE), more);
    }
    const body = JSON.parse(text) as Record<string, unknown>;
    this.writes.push([`${request.method} ${path}`, body]);
    const made = this.write(request.method ?? '', path, body);
    send(made ? 200 : 404, made ?? { message: 'Not Found' });
  }

  private list(path: string, query: URLSearchParams): Thing[] | undefined {
    if (path === '/issues/12/comments') return this.comments;
    if (path === '/releases') return this.releases;
    if (path !== '/issues') return undefined;
    return this.issues
      .filter(({ state }) => state === query.get('state'))
      .filter(({ user }) => user.login === query.get('creator'));
  }

  private write(method: string, path: string, body: Record<string, unknown>): Thing | undefined {
    const [, kind = '', id = ''] =
      /^\/(issues\/comments|issues|releases)\/(\d+)(?:\/comments)?$/.exec(path) ?? [];
    if (method === 'POST' && path === '/issues') return this.add(this.issues, body);
    if (method === 'POST' && path.endsWith('/comments'))
      return this.add(path === '/issues/12/comments' ? this.comments : [], body);
    const all = { 'issues/comments': this.comments, issues: this.issues, releases: this.releases }[kind];
    const found = all?.find((one) => String(kind === 'issues' ? one.number : one.id) === id);
    return found && Object.assign(found, body);
  }

  private add(to: Thing[], body: Record<string, unknown>): Thing {
    const made = this.thing(body);
    to.push(made);
    return made;
  }
}
