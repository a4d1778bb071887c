/**
 * The ledger: one object per channel that says which release has which images and tags, and who published it.
 * `latest` and the aliases are computed from it. Compare-and-swapped (design, "Releases accumulate").
 */
import * as semver from 'semver';
import { ConflictError, Store } from './store/store';
import { openStore } from './store/open';

export interface LedgerTag {
  /** `<registry>/<namespace>/<name>`. */
  repository: string;
  tag: string;
  digest: string;
}

export interface LedgerRelease {
  /** Stack that published it; only that one takes it away. */
  stack: string;
  /** Digest of each image, by repository. */
  images: Record<string, string>;
  /** Fixed tags of this release. */
  tags: LedgerTag[];
  /** Taken out of `latest` and the aliases; its own tag stays. */
  withdrawn?: boolean;
  /** Every manifest pushed for it, `repository@digest`: bases, contexts, images that a rebuild replaced. */
  manifests: string[];
}

export interface Ledger {
  format: 1;
  releases: Record<string, LedgerRelease>;
}

const KEYS = 'ledger/';
const keyOf = (channel: string) => `${KEYS}${channel}.json`;
const TRIES = 10;

async function load(store: Store, channel: string): Promise<{ ledger: Ledger; etag?: string }> {
  const found = await store.get(keyOf(channel));
  if (!found) return { ledger: { format: 1, releases: {} } };
  return { ledger: JSON.parse(found.body.toString('utf8')) as Ledger, etag: found.etag };
}

export async function readLedger(bucket: string, channel: string): Promise<Ledger> {
  return (await load(openStore(bucket), channel)).ledger;
}

/** Applies a change by compare-and-swap, re-reading when somebody else was faster. */
export async function updateLedger(
  bucket: string,
  channel: string,
  change: (ledger: Ledger) => void,
): Promise<Ledger> {
  const store = openStore(bucket);
  for (let attempt = 1; ; attempt++) {
    const { ledger, etag } = await load(store, channel);
    change(ledger);
    try {
      if (Object.keys(ledger.releases).length === 0) {
        if (etag) await store.delete(keyOf(channel), etag);
      } else {
        const sorted = Object.fromEntries(
          Object.entries(ledger.releases).sort(([a], [b]) => semver.compare(a, b)),
        );
        const body = Buffer.from(`${JSON.stringify({ ...ledger, releases: sorted }, undefined, 2)}\n`);
        await store.compareAndSwap(keyOf(channel), body, etag);
      }
      return ledger;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      if (attempt === TRIES)
        throw new Error(
          `${keyOf(channel)}: another publisher was faster ${TRIES} times; run the update again`,
        );
    }
  }
}

/** What the stack's list says of its own releases, and the ledger of the others. */
export function withWithdrawn(ledger: Ledger, stack: string, versions: string[]): Ledger['releases'] {
  return Object.fromEntries(
    Object.entries(ledger.releases).map(([version, { withdrawn, ...release }]) => {
      const isOut = release.stack === stack ? versions.includes(version) : withdrawn;
      return [version, { ...release, ...(isOut && { withdrawn: true }) }];
    }),
  );
}

/** The newest release that may be `latest`: no pre-release, not withdrawn, the highest version. */
export function newestRelease(
  releases: Record<string, Pick<LedgerRelease, 'withdrawn'>>,
): string | undefined {
  return Object.keys(releases)
    .filter((version) => !semver.prerelease(version) && !releases[version]?.withdrawn)
    .sort(semver.rcompare)[0];
}

/** Whether any channel's ledger still names the manifest. */
export async function referencedElsewhere(
  bucket: string,
  manifest: string,
  except?: { channel: string; version: string },
): Promise<boolean> {
  const store = openStore(bucket);
  for (const key of await store.list(KEYS)) {
    const channel = key.slice(KEYS.length).replace(/\.json$/, '');
    const { ledger } = await load(store, channel);
    for (const [version, release] of Object.entries(ledger.releases)) {
      if (channel === except?.channel && version === except.version) continue;
      if (release.manifests.includes(manifest)) return true;
    }
  }
  return false;
}
