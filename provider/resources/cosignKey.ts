/**
 * The key that signs images. Its private part stays in its encrypted file or its service; state holds the public one.
 * One that a stack made for itself lies beside its gpg key and is for this machine only.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import {
  CosignError,
  fingerprintOf,
  isUri,
  makeKey,
  normalized,
  PrivateKey,
  publicKeyOf,
} from '../attest/cosign';
import { warn } from '../diagnostics';
import { changed, CheckError, known, Resource } from '../resource';
import { UNKNOWN } from '../wire';

export interface CosignKeyInputs {
  /** Path of an encrypted key file, relative to the project or absolute, or a URI. Absent: one that is made here. */
  key?: string;
  /** Folder of a key that is made here. */
  home: string;
  /** Configuration key that names it, for messages. */
  setting: string;
  /** Others can reach what it signs: then a key that is "not for release" is refused. */
  isPublic: boolean;
  /** Whether something is signed in this run. A preview takes the public key beside the file. No reason for a change. */
  signs: boolean;
  /** Set by check where the key is there already: PEM. */
  publicKey?: string;
  /** Set by check with it: SHA-256 of its DER form, 64 hex digits. */
  fingerprint?: string;
}

export type CosignKeyOutputs = Required<Pick<CosignKeyInputs, 'publicKey' | 'fingerprint'>>;

/** File name, without its ending, of a key that is made here. */
const LOCAL = 'cosign-not-for-release';

/** What cosign is given to sign with. */
export function privateKey({ key, home }: Pick<CosignKeyInputs, 'key' | 'home'>): PrivateKey {
  // The one of this machine has no password, whatever the environment says.
  if (!key) return { key: path.join(path.resolve(home), `${LOCAL}.key`), password: '' };
  return { key: isUri(key) ? key : path.resolve(key) };
}

const publicFile = (key: string) => `${key.replace(/\.key$/, '')}.pub`;

const isThere = async (file: string) => (await fs.stat(file).catch(() => undefined)) !== undefined;

/** The public key that lies beside the private one, as `cosign generate-key-pair` leaves it. */
async function besideIt(file: string, setting: string): Promise<string | undefined> {
  const text = await fs.readFile(publicFile(file), 'utf8').catch(() => undefined);
  try {
    return text === undefined ? undefined : normalized(text);
  } catch {
    throw new CheckError('key', `${setting}: ${publicFile(file)} is no public key in PEM form`);
  }
}

function refuseLocal({ key, isPublic, setting }: CosignKeyInputs): void {
  if (!isPublic) return;
  if (!key)
    throw new CheckError(
      'key',
      `${setting}: the images would be public, and no key for releases is named that signs them; make one (docs/keys.md) and give its file or URI`,
    );
  if (path.basename(key).startsWith(LOCAL))
    throw new CheckError(
      'key',
      `${setting}: the key ${key} is for this machine only, and what it signs would be public; name a key for releases`,
    );
}

async function find(inputs: CosignKeyInputs, olds?: CosignKeyInputs): Promise<string | undefined> {
  refuseLocal(inputs);
  const own = privateKey(inputs);
  const { key, setting, signs } = inputs;
  const isFile = !isUri(own.key);
  const published = isFile ? await besideIt(own.key, setting) : undefined;
  if (!signs && published) return published;
  const hasPrivate = isFile ? await isThere(own.key) : signs;
  if (hasPrivate) {
    const found = await publicKeyOf(own).catch((error: unknown) => {
      if (!(error instanceof CosignError)) throw error;
      throw new CheckError(
        'key',
        `${setting}: ${error.message}; name a key that is there, and give its password in COSIGN_PASSWORD`,
      );
    });
    if (published && published !== found)
      throw new CheckError(
        'key',
        `${setting}: ${publicFile(own.key)} is not the public key of ${own.key}; write it anew (cosign public-key)`,
      );
    return found;
  }
  if (!key) return undefined;
  if (!signs) return olds?.key === key ? olds.publicKey : undefined;
  throw new CheckError('key', `${setting}: there is no ${own.key}; put the encrypted private key there`);
}

async function make(inputs: CosignKeyInputs): Promise<CosignKeyOutputs> {
  const local = path.join(path.resolve(inputs.home), LOCAL);
  const publicKey = (await find({ ...inputs, signs: true })) ?? (await makeKey(local, ''));
  return { publicKey, fingerprint: fingerprintOf(publicKey) };
}

export const cosignKey: Resource<CosignKeyInputs, CosignKeyOutputs> = {
  async check(news, olds) {
    const inputs = known<CosignKeyInputs>(news);
    if (!inputs || news === UNKNOWN) return news;
    const publicKey = await find(inputs, olds);
    return {
      ...news,
      ...(publicKey !== undefined && { publicKey, fingerprint: fingerprintOf(publicKey) }),
    };
  },

  diff(olds, news) {
    return { changes: changed(olds, news, ['key', 'home', 'publicKey']) };
  },

  async create(inputs) {
    const outs = await make(inputs);
    return { id: outs.fingerprint, outs };
  },

  update(_olds, news) {
    return make(news);
  },

  /**
   * One that was made here and is gone is made again; the public key beside a named one says which it is. Neither a
   * password nor a service is asked for: what signs is looked at when it signs.
   */
  async read(state) {
    const { key } = privateKey(state);
    // It is elsewhere, and so is what can be said of it.
    if (isUri(key) || !(await isThere(path.dirname(key)))) return state;
    const isNamed = state.key !== undefined;
    if (isNamed && !(await isThere(publicFile(key)))) {
      if (!(await isThere(key)))
        await warn(
          `${state.setting}: there is neither ${key} nor ${publicFile(key)}; put the key back, or name another one`,
        );
      return state;
    }
    try {
      const publicKey = await find({ ...state, isPublic: false, signs: !isNamed });
      return publicKey === undefined
        ? undefined
        : { ...state, publicKey, fingerprint: fingerprintOf(publicKey) };
    } catch (error) {
      if (!(error instanceof CheckError)) throw error;
      await warn(error.message);
      return state;
    }
  },

  inputs: (state) => state,

  async delete() {
    // A key stays with its owner: a release that is gone is still verified with it.
  },
};
