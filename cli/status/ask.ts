/**
 * Questions over HTTP, and to folders by `file://`, as clients ask them: no cookies, no decoding, nothing cached. Every
 * one is limited in time and size, and a few run at a time.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import { absent, Answer, failed, Seen, there } from './facts';

export interface Limits {
  /** Milliseconds without a byte after which a server counts as silent. */
  silence: number;
  /** Milliseconds after which an answer is given up, however it trickles. */
  total: number;
  /** Questions at a time. */
  atOnce: number;
  /** Milliseconds before the second try of what failed. */
  pause: number;
}

export const LIMITS: Limits = { silence: 20_000, total: 15 * 60_000, atOnce: 8, pause: 1000 };

/** After so many silences of one host, it is asked no more. */
const SILENCES = 3;
const REDIRECTS = 5;

/** Bytes of what is read at most. */
export const SMALL = 1024 * 1024;
export const LARGE = 256 * 1024 * 1024;
export const PACKAGE = 4 * 1024 * 1024 * 1024;

export interface Document extends Seen {
  body: Buffer;
}

/** An answer whose bytes are still to be read. */
interface Opened extends Seen {
  body: Readable;
}

/** Our own reasons to give up. */
class Trouble extends Error {}
class Silence extends Trouble {}

/** Few words of an error of Node's network and file functions. */
function words(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNRESET') return 'the connection was cut';
  return message || code || 'no answer';
}

const tagOf = (value: string | undefined) => value?.replace(/^W\//, '').replace(/^"(.*)"$/, '$1');

export class Asker {
  private readonly slots;
  private readonly silences = new Map<string, number>();
  private readonly agents = {
    'http:': new http.Agent({ keepAlive: true }),
    'https:': new https.Agent({ keepAlive: true }),
  };

  constructor(readonly limits: Limits = LIMITS) {
    this.slots = pLimit(limits.atOnce);
  }

  /** The bytes of a file of at most `limit` bytes. */
  document(url: string, limit: number): Promise<Answer<Document>> {
    return this.ask(url, 'GET', async ({ body, ...seen }, alive) => {
      const chunks: Buffer[] = [];
      for await (const chunk of counted(body, limit, alive)) chunks.push(chunk);
      const whole = Buffer.concat(chunks);
      return { ...seen, size: whole.length, body: whole };
    });
  }

  /** Whether a file is there, without reading it. */
  async look(url: string): Promise<Answer<Seen>> {
    const seen = await this.ask(url, 'HEAD', async ({ size, etag, body }, alive) => {
      // To its end, which comes at once: so the connection can be used again.
      for await (const chunk of counted(body, SMALL, alive)) void chunk;
      return { size, etag };
    });
    const isRefused = seen.kind === 'failed' && /^HTTP (405|501)$/.test(seen.why);
    if (!isRefused && !(seen.kind === 'there' && seen.value.size === undefined)) return seen;
    // A server that does not answer this in full says the size when it is about to send the bytes.
    return this.ask(url, 'GET', ({ size, etag }) => Promise.resolve({ size, etag }));
  }

  /** Reads all of a file of at most `limit` bytes for its digest, and perhaps into a file here. */
  whole(url: string, limit: number, file?: string): Promise<Answer<Seen & { sha256: string }>> {
    return this.ask(url, 'GET', async ({ body, etag }, alive) => {
      const hash = createHash('sha256');
      let size = 0;
      const hashed = async function* () {
        for await (const chunk of counted(body, limit, alive)) {
          hash.update(chunk);
          size += chunk.length;
          yield chunk;
        }
      };
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
      await pipeline(hashed, file === undefined ? nowhere : createWriteStream(file));
      return { size, etag, sha256: hash.digest('hex') };
    });
  }

  /** Lets go of the connections. */
  close(): void {
    for (const agent of Object.values(this.agents)) agent.destroy();
  }

  private ask<T>(
    url: string,
    method: 'GET' | 'HEAD',
    read: (opened: Opened, alive: () => void) => Promise<T>,
  ): Promise<Answer<T>> {
    return this.slots(async () => {
      const host = new URL(url).host;
      const said = `no answer within ${this.limits.silence / 1000} s`;
      if ((this.silences.get(host) ?? 0) >= SILENCES) return failed(said);
      for (let attempt = 1; ; attempt++) {
        const { answer, trouble } = await this.once(url, method, read, said);
        if (trouble instanceof Silence) this.silences.set(host, (this.silences.get(host) ?? 0) + 1);
        // What another try would not change.
        const isFinal = answer.kind !== 'failed' || trouble || /^HTTP 4/.test(answer.why);
        if (isFinal || attempt === 2) return answer;
        await new Promise((resolve) => setTimeout(resolve, this.limits.pause));
      }
    });
  }

  private async once<T>(
    url: string,
    method: 'GET' | 'HEAD',
    read: (opened: Opened, alive: () => void) => Promise<T>,
    said: string,
  ): Promise<{ answer: Answer<T>; trouble?: Trouble }> {
    const stop = new AbortController();
    const { silence, total } = this.limits;
    const end = setTimeout(() => stop.abort(new Trouble(`not all of it within ${total / 1000} s`)), total);
    let quiet: NodeJS.Timeout | undefined;
    const alive = () => {
      clearTimeout(quiet);
      quiet = setTimeout(() => stop.abort(new Silence(said)), silence);
    };
    try {
      alive();
      const opened = await this.open(new URL(url), method, stop.signal);
      if (opened.kind !== 'there') return { answer: opened };
      try {
        return { answer: there(await read(opened.value, alive)) };
      } finally {
        opened.value.body.destroy();
      }
    } catch (error) {
      const reason: unknown = stop.signal.aborted ? stop.signal.reason : error;
      return { answer: failed(words(reason)), ...(reason instanceof Trouble && { trouble: reason }) };
    } finally {
      clearTimeout(end);
      clearTimeout(quiet);
    }
  }

  private async open(url: URL, method: string, signal: AbortSignal): Promise<Answer<Opened>> {
    if (url.protocol === 'file:') return openFile(url, method, signal);
    for (let at = url, count = 0; ; count++) {
      const response = await this.send(at, method, signal);
      const { statusCode = 0, headers } = response;
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
        response.destroy();
        const next = new URL(headers.location, at);
        if (count === REDIRECTS) throw new Trouble('too many redirections');
        // As apt has it: what was asked for in private is not fetched in public.
        if (next.protocol !== 'https:' && next.protocol !== at.protocol)
          throw new Trouble(`redirected to ${next.protocol}`);
        at = next;
        continue;
      }
      if (statusCode === 200) {
        const length = headers['content-length'];
        const size = length === undefined ? undefined : Number(length);
        return there({ body: response, size, etag: tagOf(headers.etag) });
      }
      response.destroy();
      return statusCode === 404 || statusCode === 410 ? absent : failed(`HTTP ${statusCode}`);
    }
  }

  private send(url: URL, method: string, signal: AbortSignal): Promise<http.IncomingMessage> {
    const { request } = url.protocol === 'https:' ? https : http;
    const agent = this.agents[url.protocol as 'http:' | 'https:'];
    return new Promise((resolve, reject) => {
      request(url, { method, signal, agent, headers: { 'accept-encoding': 'identity' } })
        .once('response', resolve)
        .on('error', reject)
        .end();
    });
  }
}

async function openFile(url: URL, method: string, signal: AbortSignal): Promise<Answer<Opened>> {
  const file = fileURLToPath(url);
  try {
    const found = await fs.stat(file);
    if (!found.isFile()) return absent;
    const body = method === 'HEAD' ? Readable.from([]) : createReadStream(file, { signal });
    return there({ body, size: found.size });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return absent;
    throw error;
  }
}

async function* counted(body: Readable, limit: number, alive: () => void): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of body) {
    alive();
    size += (chunk as Buffer).length;
    if (size > limit) throw new Trouble(`more than ${limit} bytes`);
    yield chunk as Buffer;
  }
}
