/** Signing with a gpg key. Private keys never leave gpg; passphrases never pass through here. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { chooseKey, KeyError, primaryFingerprints, secretKeys } from './gpgKeys';
import { changeKeys, execute, runGpg, withKeys } from './gpgSession';
import { withLock } from './store/folderLock';

export interface Signer {
  /** 40 hex digits, upper case. */
  fingerprint: string;
  /** First user id. */
  uid: string;
  /** When the key was made. */
  created: Date;
  /** When the key expires; absent: never. */
  expires?: Date;
  home: string;
  /** Fingerprints whose signatures an index has, the oldest key first. */
  indexKeys: string[];
  /** Fingerprints of the keys that are published: this key first. */
  publishedKeys: string[];
  /** An index clear-signed (RFC 4880 section 7) by each of the index keys, SHA-256. */
  clearSign(document: Buffer): Promise<Buffer>;
  /** A detached signature of a file by this key, ASCII-armored, SHA-256. */
  detach(data: Buffer | { file: string }): Promise<Buffer>;
  /** Detached signatures of an index by each of the index keys, in one armor. */
  detachIndex(document: Buffer): Promise<Buffer>;
  /**
   * The published keys, ASCII-armored, a block each: rpm's import wants it so. `also` as far as they are there. In the
   * order of their fingerprints: stacks that share a key file write the same bytes, whichever of the keys is theirs.
   */
  publicKey(also?: string[]): Promise<Buffer>;
  /** The published keys in binary form, as apt's `Signed-By` takes it. */
  keyring(also?: string[]): Promise<Buffer>;
  /** These keys in binary form, in the same order, as far as they are there. */
  keyringOf(keys: string[]): Promise<Buffer>;
  /** Fingerprint of the key that a fingerprint or key id is of, itself or a subkey; undefined: not in the folder. */
  primaryOf(issuer: string): Promise<string | undefined>;
  /** All public keys of the folder, binary: whose signatures count as ours, also after a rotation. */
  trustedKeys(): Promise<Buffer>;
}

/** A key, and what it shares its work with while one takes the place of another (docs/keys.md). */
export interface SignerOptions {
  /** GNUPGHOME. */
  home: string;
  /** Fingerprint or (part of) a user id; without it the folder must hold one secret key. */
  key?: string;
  /** Configuration key that messages name. */
  setting: string;
  /** Fingerprints of further keys that sign indexes; published, too. */
  indexKeys?: string[];
  /** Fingerprints of further keys in the published key file. */
  publishedKeys?: string[];
}

/** Marks a key that `createLocalKey` made. Release stacks refuse such a key. */
export const NOT_FOR_RELEASE = 'not for release';

/** The public keys of a folder, by fingerprint; each is asked for once. */
function exporter(home: string) {
  const all = (...args: string[]) =>
    runGpg(home, ['--export-options', 'export-minimal', '--export', ...args]);
  const known = new Map<string, Promise<Buffer>>();
  return {
    all,
    async key(fingerprint: string, ...form: string[]): Promise<Buffer> {
      const id = [fingerprint, ...form].join(' ');
      const exported = known.get(id) ?? all(...form, fingerprint);
      known.set(id, exported);
      const bytes = await exported;
      if (bytes.length > 0) return bytes;
      throw new KeyError(
        `The public key ${fingerprint} is not in ${home}, and it has to stay published: import it there with gpg. The published key file has it.`,
      );
    },
  };
}

/**
 * Opens a signing key. Errors: no such key, several, expired, revoked, not for signing. Nothing needs to be closed:
 * the agent ends a moment after its last use, or with this process.
 */
export async function openSigner(options: SignerOptions): Promise<Signer> {
  const home = path.resolve(options.home);
  const { key, setting } = options;
  if (!(await fs.stat(home).catch(() => undefined))?.isDirectory()) {
    throw new Error(
      `The key folder ${home} does not exist: import the key there with gpg, or set ${setting}.`,
    );
  }
  const chosen = chooseKey(await secretKeys(home, key), home, key, setting);
  const signing = [];
  for (const other of options.indexKeys ?? []) {
    if (other === chosen.fingerprint) continue;
    signing.push(chooseKey(await secretKeys(home, other), home, other, setting));
  }
  signing.push(chosen);
  // A client that looks at one signature only looks at the first, and it is the old key that all of them have.
  signing.sort((a, b) => a.created.getTime() - b.created.getTime());
  const indexKeys = signing.map(({ fingerprint }) => fingerprint);
  let primaries: Promise<Map<string, string>> | undefined;
  const primaryOf = async (issuer: string) => (await (primaries ??= primaryFingerprints(home))).get(issuer);
  // An rpm may name the subkey that signed it; its key is published as a whole.
  const further = [];
  for (const one of options.publishedKeys ?? [])
    further.push(indexKeys.includes(one) ? one : ((await primaryOf(one)) ?? one));
  const others = [...indexKeys, ...further].sort();
  const publishedKeys = [...new Set([chosen.fingerprint, ...others])];

  const sign = (keys: string[], args: string[], data: Buffer | { file: string }) => {
    const users = keys.flatMap((one) => ['--local-user', one]);
    const common = [...users, '--digest-algo', 'SHA256', '--armor', '--output', '-', ...args];
    return withKeys(home, (gpg) =>
      Buffer.isBuffer(data) ? gpg.run(common, data) : gpg.run([...common, '--', path.resolve(data.file)]),
    );
  };
  const exported = exporter(home);
  const each = async (keys: string[], ...form: string[]) => {
    const bodies = [...new Set(keys)].sort().map((one) => {
      const body = exported.key(one, ...form);
      return publishedKeys.includes(one) ? body : body.catch(() => Buffer.alloc(0));
    });
    return Buffer.concat(await Promise.all(bodies));
  };
  let trusted: Promise<Buffer> | undefined;
  return {
    fingerprint: chosen.fingerprint,
    uid: chosen.uid,
    created: chosen.created,
    expires: chosen.expires,
    home,
    indexKeys,
    publishedKeys,
    clearSign: (document) => sign(indexKeys, ['--clear-sign'], document),
    detach: (data) => sign([chosen.fingerprint], ['--detach-sign'], data),
    detachIndex: (document) => sign(indexKeys, ['--detach-sign'], document),
    publicKey: (also = []) => each([...publishedKeys, ...also], '--armor'),
    keyring: (also = []) => each([...publishedKeys, ...also]),
    keyringOf: (keys) => each(keys),
    primaryOf,
    trustedKeys: () => (trusted ??= exported.all()),
  };
}

/**
 * Makes an unprotected RSA 3072 key (what rpm of EL7 can verify) in `home`, a folder of mode 0700 that is made when
 * missing. The user id says that the key is not for release. A key of that name which is there already is kept.
 */
export async function createLocalKey(options: {
  home: string;
  uid: string;
}): Promise<{ fingerprint: string }> {
  const home = path.resolve(options.home);
  const uid = options.uid.includes(NOT_FOR_RELEASE) ? options.uid : `${options.uid} (${NOT_FOR_RELEASE})`;
  await fs.mkdir(path.join(home, 'private-keys-v1.d'), { recursive: true, mode: 0o700 });
  await fs.chmod(home, 0o700);
  return withLock(path.join(home, 'create.lock'), () =>
    changeKeys(home, async (gpg) => {
      const existing = (await secretKeys(home)).find((key) => key.uid === uid && key.canSign);
      if (existing) return { fingerprint: existing.fingerprint };
      // The passphrase is read from stdin, which is empty: no passphrase.
      const unprotected = ['--pinentry-mode', 'loopback', '--passphrase-fd', '0'];
      await gpg.run(
        [...unprotected, '--quick-generate-key', uid, 'rsa3072', 'sign', 'never'],
        Buffer.alloc(0),
      );
      const made = (await secretKeys(home)).find((key) => key.uid === uid && key.canSign);
      if (!made) throw new Error(`gpg made no key "${uid}" in ${home}.`);
      return { fingerprint: made.fingerprint };
    }),
  );
}

async function findProgram(name: string): Promise<string> {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter).filter((one) => path.isAbsolute(one))) {
    const file = path.join(folder, name);
    if (
      await fs.access(file, fs.constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  throw new Error(`${name} is not installed; install the package that has it.`);
}

/**
 * Signs an rpm file in place through gpg: header signature (OpenPGP v4, SHA-256), payload covered by the header's
 * digest of it. An earlier signature is replaced. Needs `rpmsign`.
 *
 * @param epoch seconds since 1970: the time in the signature, so that the same package signed again is the same bytes;
 *   the key's own date where that is later, because no signature is older than its key
 */
export async function signRpm(file: string, signer: Signer, epoch: number): Promise<void> {
  const time = Math.max(Math.floor(epoch), signer.created.getTime() / 1000);
  await withKeys(signer.home, async (gpg) => {
    const defines = [
      ['_gpg_name', signer.fingerprint],
      ['_gpg_path', gpg.home],
      ['_gpg_digest_algo', 'sha256'],
      // rpm's own default is a gpg2 that Debian does not have.
      ['__gpg', await findProgram('gpg')],
      [
        '_gpg_sign_cmd_extra_args',
        `--batch --no-tty --no-autostart --trust-model always --faked-system-time ${time}!`,
      ],
    ];
    const args = defines.flatMap(([name, value]) => ['--define', `${name} ${value}`]);
    const { code, stderr } = await execute('rpmsign', [...args, '--addsign', path.resolve(file)]);
    const words = stderr.split('\n').filter((line) => line !== '' && !line.includes('GPG_TTY'));
    if (code !== 0)
      throw new Error(`rpmsign cannot sign ${path.basename(file)}: ${words.join(' ') || `status ${code}`}`);
  });
}
