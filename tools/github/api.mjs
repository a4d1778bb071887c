// GitHub's REST API, as far as the workflows need it: JSON over fetch, all pages, and errors that say what to do.
// In a workflow GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_TOKEN say where and as whom.

/** Who a workflow's own token writes as. */
export const BOT = 'github-actions[bot]';

/**
 * @typedef {(method: string, path: string, body?: object) => Promise<void>} Send
 * @param {NodeJS.ProcessEnv} environment
 * @param {string} [repository] `owner/name`; default: the workflow's
 * @returns {{send: Send, all: (path: string) => Promise<any[]>}} paths are below `/repos/<owner>/<name>`
 * @throws {Error} naming the variable that is missing
 */
export function repositoryApi(environment, repository = need(environment, 'GITHUB_REPOSITORY')) {
  const token = need(environment, 'GITHUB_TOKEN');
  const base = `${need(environment, 'GITHUB_API_URL').replace(/\/+$/, '')}/repos/${repository}`;
  /** @param {string} method @param {string} url @param {object} [body] */
  const request = async (method, url, body) => {
    const response = await fetch(url, {
      method,
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token}`,
        'x-github-api-version': '2022-11-28',
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    if (response.ok) return response;
    const said = (await response.text()).slice(0, 500);
    const hint = [401, 403, 404].includes(response.status) ? '; does the job have the permission?' : '';
    throw new Error(`${method} ${url}: ${response.status} ${said}${hint}`);
  };
  return {
    async send(method, path, body) {
      const response = await request(method, `${base}${path}`, body);
      // Read to its end: a rest would keep the connection, and this process, for seconds.
      await response.arrayBuffer();
    },
    async all(path) {
      const found = [];
      /** @type {string | undefined} */
      let url = `${base}${path}${path.includes('?') ? '&' : '?'}per_page=100`;
      while (url !== undefined) {
        const response = await request('GET', url);
        found.push(.../** @type {any[]} */ (await response.json()));
        url = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
      }
      return found;
    },
  };
}

/** @param {NodeJS.ProcessEnv} environment @param {string} name */
export function need(environment, name) {
  const value = environment[name];
  if (!value) throw new Error(`${name} is not set; a workflow's step gives it in env`);
  return value;
}

/** Address of the run that this is, for people. @param {NodeJS.ProcessEnv} environment */
export function runUrl({ GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID }) {
  return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
}

/** Characters that GitHub takes in a comment or an issue. */
const LIMIT = 65_536;

/**
 * A text by which its comment or issue is found again: an invisible mark in front, and cut to what GitHub takes.
 *
 * @param {string} key
 * @param {string} text
 * @param {string} url where all of it can be read
 */
export function marked(key, text, url) {
  const head = `${mark(key)}\n`;
  const note = `\n\n**Cut here.** All of it: ${url}\n`;
  if (head.length + text.length <= LIMIT) return head + text;
  const cut = text.slice(0, LIMIT - head.length - note.length - '\n```'.length);
  const lines = cut.slice(0, cut.lastIndexOf('\n'));
  // A block that the cut leaves open would swallow the note.
  const isOpen = (lines.match(/^```/gm) ?? []).length % 2 === 1;
  return `${head}${lines}${isOpen ? '\n```' : ''}${note}`;
}

/** @param {string} key */
const mark = (key) => `<!-- artifacts: ${key} -->`;

/**
 * @param {{body?: string | null, user?: {login?: string} | null}} one a comment or an issue
 * @param {string} key
 * @returns {boolean} whether `marked` made it; anyone could write the mark, so its author counts
 */
export function isMarked({ body, user }, key) {
  return user?.login === BOT && (body ?? '').startsWith(mark(key));
}
