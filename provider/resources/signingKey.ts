/** The gpg key that signs indexes and rpms. Private parts stay in gpg; state holds the fingerprint only. */
import * as fs from 'node:fs/promises';
import { createLocalKey, openSigner, Signer } from '../gpg';
import { CheckError, known, Resource } from '../resource';
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
  /** Set by check where the key is there already. */
  fingerprint?: string;
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
  if (!exists && !inputs.key) return undefined;
  try {
    const signer = await openSigner({
      home: inputs.home,
      key: inputs.key ?? inputs.localName,
      setting: inputs.setting,
    });
    const remark = expiryRemark(signer, inputs.setting);
    if (remark?.isFatal) throw new Error(remark.text);
    if (remark) process.stderr.write(`warning: ${remark.text}\n`);
    return signer.fingerprint;
  } catch (error) {
    // Our own name, and the folder holds other keys: ours is still to be made.
    if (!inputs.key && /^There is no secret key/.test((error as Error).message)) return undefined;
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
    const fingerprint = news === UNKNOWN ? UNKNOWN : news.fingerprint;
    return { changes: fingerprint === olds.fingerprint ? [] : ['fingerprint'] };
  },

  async create(inputs) {
    const fingerprint = await make({ ...inputs, fingerprint: undefined });
    return { id: fingerprint, outs: { fingerprint } };
  },

  async update(_olds, news) {
    return { fingerprint: await make({ ...news, fingerprint: undefined }) };
  },

  /** A key stays with its owner: a release that is gone is still verified with it. */
  async delete() {},
};
