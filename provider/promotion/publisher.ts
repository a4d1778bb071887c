/** Whether a stack has published a release already: then it does without the stack that the release came from. */
import { readLedger } from '../ledger';

/** Where a stack publishes, and what it is called in the ledger there. */
export interface Publisher {
  bucket: string;
  channel: string;
  stack: string;
}

/** To the last tag but the moving ones. */
export async function isPublished({ bucket, channel, stack }: Publisher, version: string): Promise<boolean> {
  return (await readLedger(bucket, channel)).releases[version]?.stack === stack;
}
