/** The few calls of the GitHub REST API that announcements need; every error says what to do. */
import { SettingError } from '../names';

/** Milliseconds until an answer counts as lost. */
const LIMIT = 30_000;

interface Answer<T> {
  status: number;
  body: T;
}

export interface GitHubSettings {
  /** Root of the API, without a slash at the end. */
  url: string;
  token: string;
}

/**
 * @param environment GITHUB_TOKEN, and GITHUB_API_URL where it is another than github.com's
 * @throws SettingError for no token, or an address that would carry it in clear
 */
export function gitHubSettings(environment: NodeJS.ProcessEnv): GitHubSettings {
  const { GITHUB_API_URL: given = '', GITHUB_TOKEN: token = '' } = environment;
  const url = (given || 'https://api.github.com').replace(/\/+$/, '');
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new SettingError('GITHUB_API_URL', `"${url}" is no URL; leave it out for github.com`);
  }
  const isLoopback = ['127.0.0.1', 'localhost', '[::1]'].includes(parsed.hostname);
  if (parsed.protocol !== 'https:' && !(parsed.protocol === 'http:' && isLoopback))
    throw new SettingError(
      'GITHUB_API_URL',
      `${parsed.origin} would get the token in clear; give an https:// address`,
    );
  if (token.trim() === '')
    throw new SettingError(
      'GITHUB_TOKEN',
      'is not set; give it a token that may write contents, pull requests and issues of both repositories, ' +
        'or leave --open out to see what would be opened',
    );
  return { url, token: token.trim() };
}

export class GitHub {
  constructor(private readonly settings: GitHubSettings) {}

  /** @returns undefined where there is no such thing */
  async get<T>(path: string): Promise<T | undefined> {
    const { status, body } = await this.request<T>('GET', path);
    return status === 404 ? undefined : body;
  }

  /** Login of whom the token is of; undefined for the token of a GitHub App, which may not ask. */
  async user(): Promise<string | undefined> {
    try {
      return (await this.get<{ login: string }>('/user'))?.login;
    } catch (error) {
      if (error instanceof Forbidden) return undefined;
      throw error;
    }
  }

  /** @returns what the API says of what was made or changed */
  async send<T>(method: 'POST' | 'PATCH', path: string, body: unknown): Promise<T> {
    const answer = await this.request<T>(method, path, body);
    if (answer.status !== 404) return answer.body;
    // The API hides what a token may not change.
    throw new SettingError('GITHUB_TOKEN', `may not do ${method} ${path}; ${RIGHTS}`);
  }

  private async request<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const what = `${method} ${path}`;
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.settings.url}${path}`, {
        method,
        // A redirect means that a repository was renamed: a person should know, and a POST would be lost.
        redirect: 'manual',
        signal: AbortSignal.timeout(LIMIT),
        headers: {
          accept: 'application/vnd.github+json',
          authorization: `Bearer ${this.settings.token}`,
          'user-agent': 'announce',
          'x-github-api-version': '2022-11-28',
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      text = await response.text();
    } catch (error) {
      const { message, cause } = error as Error;
      const why = cause instanceof Error ? cause.message : message;
      throw new Error(`${what}: no answer from ${this.settings.url} (${why}); ${AGAIN}`);
    }
    if (response.ok || response.status === 404)
      return { status: response.status, body: parsed<T>(text, what) };
    throw refusal(response, text, what);
  }
}

const AGAIN = 'run the same command again, it goes on where it stopped';
const RIGHTS =
  'it needs "contents", "pull requests" and "issues", read and write, on that repository; or give a fork by --website or --charts';

/** The token is good, but not for this. */
class Forbidden extends SettingError {}

function parsed<T>(text: string, what: string): T {
  try {
    return JSON.parse(text || 'null') as T;
  } catch {
    throw new Error(`${what}: the answer is no JSON; look at GITHUB_API_URL`);
  }
}

function refusal({ status, headers }: Response, text: string, what: string): Error {
  const said = messageOf(text);
  const isLimit =
    status === 429 || headers.get('x-ratelimit-remaining') === '0' || headers.has('retry-after');
  if (status === 401)
    return new SettingError('GITHUB_TOKEN', `is not accepted (${said}); it may have expired: make a new one`);
  if ((status === 403 || status === 429) && isLimit)
    return new Error(`${what}: rate limit; ${waiting(headers)}`);
  if (status === 403) return new Forbidden('GITHUB_TOKEN', `may not do ${what} (${said}); ${RIGHTS}`);
  if ([301, 302, 307, 308].includes(status))
    return new Error(`${what}: the repository was renamed; give its new name by --website or --charts`);
  if (status === 410)
    return new Error(`${what}: issues are switched off there; give another repository by --charts`);
  if (status >= 500) return new Error(`${what}: status ${status} (${said}); ${AGAIN}`);
  return new Error(`${what}: status ${status} (${said}); if another run opened it in between, ${AGAIN}`);
}

function messageOf(text: string): string {
  try {
    const { message, errors } = JSON.parse(text) as { message?: string; errors?: { message?: string }[] };
    return [message, ...(errors ?? []).map((one) => one.message)].filter(Boolean).join(': ');
  } catch {
    return 'no reason given';
  }
}

function waiting(headers: Headers): string {
  const seconds = Number(headers.get('retry-after') ?? 0);
  const reset = Number(headers.get('x-ratelimit-reset') ?? 0);
  if (seconds > 0) return `wait ${seconds} s, then ${AGAIN}`;
  return reset > 0
    ? `wait until ${new Date(reset * 1000).toISOString()}, then ${AGAIN}`
    : `wait a minute, then ${AGAIN}`;
}
