/** The keys of a GNUPGHOME, and which of them is meant. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { runGpg, withTemporaryFolder } from './gpgSession';

/** A key whose private parts are in the folder, or stand for a card. */
export interface SecretKey {
  fingerprint: string;
  uid: string;
  /** `r` revoked, `e` expired; GnuPG's doc/DETAILS, field 2. */
  validity: string;
  created: Date;
  canSign: boolean;
  /** The earlier end of the key and of what of it signs: gpg takes the newest subkey that can sign. */
  expires?: Date;
  /** Fingerprints of the subkeys. */
  subkeys: string[];
  /** Names of the files that hold its private parts, without `.key`. */
  keygrips: string[];
}

/** A key that is not there, or cannot sign. */
export class KeyError extends Error {
  override name = 'KeyError';
}

/** Reads `gpg --with-colons` (GnuPG's doc/DETAILS, "Format of the colon listings"). */
function parseKeys(listing: string): SecretKey[] {
  const keys: SecretKey[] = [];
  const ends = new Map<SecretKey, Date | undefined>();
  /** Of the signing subkey of the last key: when it was made, and when it ends. */
  let signing: { created: number; expires?: Date } | undefined;
  let isSubkey = false;
  for (const line of listing.split('\n')) {
    const fields = line.split(':');
    const last = keys[keys.length - 1];
    if (fields[0] === 'pub') {
      signing = undefined;
      isSubkey = false;
      const expires = fields[6] ? new Date(Number(fields[6]) * 1000) : undefined;
      // Upper case letters are what the whole key, subkeys included, can be used for now.
      keys.push({
        fingerprint: '',
        uid: '',
        validity: fields[1],
        created: new Date(Number(fields[5]) * 1000),
        canSign: fields[11].includes('S'),
        expires,
        subkeys: [],
        keygrips: [],
      });
      ends.set(keys[keys.length - 1], expires);
    } else if (fields[0] === 'sub') {
      isSubkey = true;
      const created = Number(fields[5]);
      const isUsable = !/[re]/.test(fields[1]) && fields[11].includes('s');
      if (last && isUsable && (!signing || created > signing.created)) {
        const expires = fields[6] ? new Date(Number(fields[6]) * 1000) : undefined;
        signing = { created, expires };
        const own = ends.get(last);
        last.expires =
          own && expires ? new Date(Math.min(own.getTime(), expires.getTime())) : (own ?? expires);
      }
    } else if (fields[0] === 'fpr' && isSubkey) {
      last?.subkeys.push(fields[9]);
    } else if (fields[0] === 'grp') {
      last?.keygrips.push(fields[9]);
    } else if (fields[0] === 'fpr' && last?.fingerprint === '') {
      last.fingerprint = fields[9];
    } else if (fields[0] === 'uid' && last?.uid === '') {
      last.uid = fields[9].replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
        String.fromCharCode(parseInt(hex, 16)),
      );
    }
  }
  return keys;
}

/** Primary fingerprints in a file of public keys, armored or not. */
export async function fingerprintsIn(keys: Buffer): Promise<string[]> {
  return withTemporaryFolder(async (home) => {
    const listing = await runGpg(home, ['--with-colons', '--show-keys'], keys);
    return parseKeys(listing.toString()).map(({ fingerprint }) => fingerprint);
  });
}

/** Primary fingerprint of every key and subkey of the folder, public ones too; under its key id as well. */
export async function primaryFingerprints(home: string): Promise<Map<string, string>> {
  const listing = await runGpg(home, ['--with-colons', '--fixed-list-mode', '--list-keys']);
  const pairs = parseKeys(listing.toString()).flatMap(({ fingerprint, subkeys }) =>
    [fingerprint, ...subkeys].flatMap((one) => [
      [one, fingerprint] as const,
      [one.slice(-16), fingerprint] as const,
    ]),
  );
  return new Map(pairs);
}

/**
 * Keys of the folder whose private parts are there (or stand for a card). Asks gpg for the public ones and looks
 * for the files: `--list-secret-keys` would start an agent, in every preview.
 */
export async function secretKeys(home: string, key?: string): Promise<SecretKey[]> {
  const args = ['--with-colons', '--with-keygrip', '--fixed-list-mode', '--list-keys'];
  let keys: SecretKey[];
  try {
    keys = parseKeys((await runGpg(home, key === undefined ? args : [...args, '--', key])).toString());
  } catch (error) {
    // gpg fails when nothing matches; any other failure says something else.
    if (/No public key|No such file|not found/i.test((error as Error).message)) return [];
    throw error;
  }
  const files = new Set(await fs.readdir(path.join(home, 'private-keys-v1.d')).catch(() => []));
  return keys.filter(({ keygrips }) => keygrips.some((grip) => files.has(`${grip}.key`)));
}

export function describe({ fingerprint, uid }: SecretKey): string {
  return `${fingerprint} (${uid})`;
}

export function chooseKey(
  keys: SecretKey[],
  home: string,
  key: string | undefined,
  setting: string,
): SecretKey {
  const named = key === undefined ? '' : ` "${key}"`;
  if (keys.length === 0) {
    throw new KeyError(
      `There is no secret key${named} in ${home}: import it there with gpg, or set ${setting} to the fingerprint of one that is there.`,
    );
  }
  if (keys.length > 1) {
    const found = keys.map(describe).join(', ');
    throw new KeyError(
      `Several keys in ${home} match${named}: set ${setting} to the fingerprint of one of ${found}.`,
    );
  }
  const [chosen] = keys;
  if (chosen.validity === 'r') {
    throw new KeyError(`The signing key ${describe(chosen)} is revoked: set ${setting} to another one.`);
  }
  if (chosen.validity === 'e' || (chosen.expires && chosen.expires.getTime() <= Date.now())) {
    const day = chosen.expires?.toISOString().slice(0, 10) ?? 'an unknown day';
    throw new KeyError(
      `The signing key ${describe(chosen)} expired on ${day}: extend it (gpg --quick-set-expire), or set ${setting} to another one.`,
    );
  }
  if (!chosen.canSign) {
    throw new KeyError(`The key ${describe(chosen)} cannot sign: set ${setting} to one that can.`);
  }
  return chosen;
}
