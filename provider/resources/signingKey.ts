/**
 * The gpg keys that sign indexes and rpms: the one that does, and those that share its work while one takes the place
 * of another (docs/keys.md). Private parts stay in gpg; state holds fingerprints only.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { warn } from '../diagnostics';
import { createLocalKey, NOT_FOR_RELEASE, openSigner, Signer } from '../gpg';
import { secretKeys } from '../gpgKeys';
import { changed, CheckError, known, Resource } from '../resource';
import { UNKNOWN } from '../wire';

export interface SigningKeyInputs {
  /** GNUPGHOME, relative to the project or absolute. */
  home: string;
  /** Fingerprint or user id of a key in it. Absent: the key of the name below, made when it is not there. */
  key?: string;
  /** User id of a key made here; says that it is not for release. */
  localName: string;
  /** Configuration key that names it, for messages. */
  setting: string;
  /** Fingerprints of further keys that sign indexes. */
  indexKeys: string[];
  /** Configuration key of these. */
  indexSetting: string;
  /** Fingerprints of further keys in the published key file. */
  publishedKeys: string[];
  /** Others can reach what it signs: then a key that says "not for release" is refused. */
  isPublic: boolean;
  /**
   * Whether something is signed in this run. A preview need not have the secret key, which a pull request must not: one
   * that is named by its fingerprint is taken as it is named. No reason for a change.
   */
  signs: boolean;
  /** Set by check where the key is there already. */
  fingerprint?: string;
}

/** 40 hex digits: says which key it is without the key. */
const isFingerprint = (key: string | undefined) => key !== undefined && /^[0-9A-F]{40}$/.test(key);

/** Whether the folder has the secret key; it may be elsewhere, on the machine that signs. */
async function hasSecretKey({ home, key }: SigningKeyInputs): Promise<boolean> {
  const exists = await fs.stat(home).catch(() => undefined);
  return exists !== undefined && (await secretKeys(path.resolve(home), key)).length > 0;
}

const DAY = 24 * 3600 * 1000;
/** Days before its end from which on a key is warned of, and from which on nothing is signed with it any more. */
const WARN = 30;
const FAIL = 7;

/** What is to be said of a key that ends soon: clients refuse what it signed from that day on. */
export function expiryRemark(
  { fingerprint, uid, expires }: Pick<Signer, 'fingerprint' | 'uid' | 'expires'>,
  setting: string,
  now = new Date(),
): { text: string; isFatal: boolean } | undefined {
  const left = expires === undefined ? Infinity : (expires.getTime() - now.getTime()) / DAY;
  if (left > WARN) return undefined;
  const day = expires?.toISOString().slice(0, 10);
  const text = `the signing key ${fingerprint} (${uid}) expires on ${day}: extend it (gpg --quick-set-expire) and publish it, or set ${setting} to another one`;
  return { text, isFatal: left <= FAIL };
}

async function find(inputs: SigningKeyInputs): Promise<string | undefined> {
  const exists = await fs.stat(inputs.home).catch(() => undefined);
  if (inputs.isPublic && !inputs.key)
    throw new CheckError(
      'key',
      `${inputs.setting}: what is signed would be public, and no key for releases is named; give its fingerprint`,
    );
  if (!exists && !inputs.key) return undefined;
  if (!inputs.signs && isFingerprint(inputs.key) && !(await hasSecretKey(inputs))) return inputs.key;
  try {
    const { home, setting, indexKeys, indexSetting, publishedKeys } = inputs;
    for (const one of indexKeys) {
      // On its way out: it may end soon, and gpg refuses it when it has.
      const remark = expiryRemark(await openSigner({ home, key: one, setting: indexSetting }), indexSetting);
      if (remark) await warn(remark.text);
    }
    const key = inputs.key ?? inputs.localName;
    const signer = await openSigner({ home, key, setting, indexKeys, publishedKeys });
    // Says which of them is not there; those that sign are.
    if (publishedKeys.length > 0) await signer.publicKey();
    if (inputs.isPublic && signer.uid.includes(NOT_FOR_RELEASE))
      throw new Error(
        `${setting}: the key ${signer.fingerprint} (${signer.uid}) is for this machine only, and what it signs would be public; import a key for releases into ${home} and name it`,
      );
    const remark = expiryRemark(signer, setting);
    if (remark?.isFatal) throw new Error(remark.text);
    if (remark) await warn(remark.text);
    return signer.fingerprint;
  } catch (error) {
    // Our own name, and the folder holds other keys: ours is still to be made.
    const isMissing = (error as Error).message.startsWith(`There is no secret key "${inputs.localName}"`);
    if (!inputs.key && isMissing) return undefined;
    throw new CheckError('key', (error as Error).message);
  }
}

async function make(inputs: SigningKeyInputs) {
  const found = inputs.fingerprint ?? (await find(inputs));
  return found ?? (await createLocalKey({ home: inputs.home, uid: inputs.localName })).fingerprint;
}

export const signingKey: Resource<SigningKeyInputs, { fingerprint: string }> = {
  async check(news) {
    const inputs = known<SigningKeyInputs>(news);
    if (!inputs || news === UNKNOWN) return news;
    // An update may not hear of an unknown: a key that is still to be made is left out.
    return { ...inputs, fingerprint: await find({ ...inputs, fingerprint: undefined }) };
  },

  diff(olds, news) {
    return { changes: changed(olds, news, ['fingerprint', 'indexKeys', 'publishedKeys']) };
  },

  async create(inputs) {
    const fingerprint = await make({ ...inputs, fingerprint: undefined });
    return { id: fingerprint, outs: { fingerprint } };
  },

  async update(_olds, news) {
    return { fingerprint: await make({ ...news, fingerprint: undefined }) };
  },

  /** A key that is gone, was replaced or expired is one that the next update has to look at. */
  async read(state) {
    const inputs = { ...state, fingerprint: undefined };
    // The key is elsewhere, and so is what can be said of it.
    if (!(await fs.stat(state.home).catch(() => undefined))) return state;
    const fingerprint = await find(inputs).catch(async (error: Error) => {
      await warn(error.message);
      return undefined;
    });
    return { ...state, fingerprint: fingerprint ?? '' };
  },

  inputs: (state) => state,

  /** A key stays with its owner: a release that is gone is still verified with it. */
  async delete() {},
};
