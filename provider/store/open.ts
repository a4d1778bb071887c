/** Opens a bucket by its address. */
import * as path from 'node:path';
import { bucketAddress, bucketUrl } from '../../location';
import { FolderStore } from './folder';
import { S3Store } from './s3';
import { Store } from './store';

/** One store per address and process: it keeps connections. */
const opened = new Map<string, Store>();

/**
 * `bucket` as in `location.ts`; a folder need not exist yet. `publicUrl` is the address under which a web server
 * shows it; default: its own URL.
 */
export function openStore(bucket: string, publicUrl?: string): Store {
  const address = bucketAddress(bucket, 'bucket');
  const url = (publicUrl ?? bucketUrl(address)).replace(/\/+$/, '');
  if (address.kind === 'folder') return new FolderStore(path.resolve(address.folder), url);
  const id = `${bucket}\n${url}`;
  const store = opened.get(id) ?? new S3Store(address, url);
  opened.set(id, store);
  return store;
}
