/** Where a published release is read from: a bucket, or what a web server shows of one. */
import * as os from 'node:os';
import * as path from 'node:path';
import * as fs from 'node:fs/promises';
import { bucketAddress } from '../../location';
import { openStore } from '../../provider/store/open';
import { Asker, LARGE, PACKAGE } from '../status/ask';

export interface Place {
  /** As messages name it. */
  name: string;
  /** @returns undefined where there is none. @throws Error where nobody answers */
  get(key: string): Promise<{ body: Buffer; etag: string } | undefined>;
  /** Writes the object to a file here. @returns false where there is none */
  fetch(key: string, toFile: string): Promise<boolean>;
  /** Keys below a prefix; undefined where a listing is not to be had. */
  list(prefix: string): Promise<string[] | undefined>;
}

/** @param address folder, `file://`, `s3://…`, or the `http(s)://` address of a bucket's root */
export function openPlace(address: string): Place {
  return /^https?:/i.test(address) ? onTheWeb(address.replace(/\/+$/, '')) : inBucket(address);
}

function inBucket(address: string): Place {
  bucketAddress(address, 'npm run verify');
  const store = openStore(address);
  return {
    name: address,
    get: (key) => store.get(key),
    fetch: async (key, toFile) => {
      if (!(await store.head(key))) return false;
      await store.download(key, toFile);
      return true;
    },
    list: (prefix) => store.list(prefix),
  };
}

function onTheWeb(url: string): Place {
  const asker = new Asker();
  return {
    name: url,
    get: async (key) => {
      const answer = await asker.document(`${url}/${key}`, LARGE);
      if (answer.kind === 'failed') throw new Error(`${url}/${key} cannot be read: ${answer.why}`);
      return answer.kind === 'there' ? { body: answer.value.body, etag: answer.value.etag ?? '' } : undefined;
    },
    fetch: async (key, toFile) => {
      const answer = await asker.whole(`${url}/${key}`, PACKAGE, toFile);
      if (answer.kind === 'failed') throw new Error(`${url}/${key} cannot be read: ${answer.why}`);
      return answer.kind === 'there';
    },
    list: () => Promise.resolve(undefined),
  };
}

/** @returns what is found out of the file that is there; undefined where there is none */
export async function readAt<T>(
  place: Place,
  key: string,
  read: (file: string) => Promise<T>,
): Promise<T | undefined> {
  const work = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-verify-'));
  try {
    const file = path.join(work, path.basename(key));
    return (await place.fetch(key, file)) ? await read(file) : undefined;
  } finally {
    await fs.rm(work, { recursive: true, force: true });
  }
}
