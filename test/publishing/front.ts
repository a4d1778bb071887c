/** A web server before a bucket, as a CDN is: it caches as it is told, and may be some seconds behind. */
import { createServer } from 'node:http';
import { AddressInfo } from 'node:net';
import { openStore } from '../../provider/store/open';

export interface Front {
  url: string;
  close(): Promise<void>;
}

/** What becomes of a request: an answer, a status without one, a cut line. */
export type Fate = 'answer' | 'cut' | number;

/**
 * @param behind milliseconds for which it may answer from its cache, also for what must be asked for anew
 * @param fate of a request for a key
 */
export async function startFront(
  bucket: () => string,
  behind = 0,
  fate: (key: string) => Fate = () => 'answer',
): Promise<Front> {
  const cache = new Map<string, { body: Buffer; until: number }>();
  const fetchObject = async (key: string) => {
    const cached = cache.get(key);
    if (cached && cached.until > Date.now()) return cached.body;
    const found = await openStore(bucket(), url).get(key);
    // What is not there is asked for again at once, as CDNs are set up to.
    if (found && behind > 0) cache.set(key, { body: found.body, until: Date.now() + behind });
    return found?.body;
  };
  let url = '';
  const server = createServer((request, response) => {
    const key = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname.slice(1));
    const decision = fate(key);
    if (decision === 'cut') return void request.socket.destroy();
    if (decision !== 'answer') return void response.writeHead(decision).end();
    fetchObject(key).then(
      (body) =>
        body
          ? response.writeHead(200, { 'content-length': body.length }).end(body)
          : response.writeHead(404).end(),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
