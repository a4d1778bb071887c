/** Signing with a gpg key. Private keys never leave gpg; passphrases never pass through here. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { changeKeys, execute, Gpg, runGpg, withKeys } from './gpgSession';
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
  /** The document clear-signed (RFC 4880 section 7), SHA-256. */
  clearSign(document: Buffer): Promise<Buffer>;
  /** A detached signature, ASCII-armored, SHA-256. */
  detach(data: Buffer | { file: string }): Promise<Buffer>;
  /** The public key, ASCII-armored. */
  publicKey(): Promise<Buffer>;
  /** The public key in binary form, as apt's `Signed-By` takes it. */
  keyring(): Promise<Buffer>;
  /** All public keys of the folder, binary: whose signatures count as ours, also after a rotation. */
  trustedKeys(): Promise<Buffer>;
}

interface SecretKey {
  fingerprint: string;
  uid: string;
  validity: string;
  created: Date;
  canSign: boolean;
  expires?: Date;
  /** Names of the files that hold its private parts, without `.key`. */
  keygrips: string[];
}

/** Marks a key that `createLocalKey` made. Release stacks refuse such a key. */
export const NOT_FOR_RELEASE = 'not for release';

/** Reads `gpg --with-colons` (GnuPG's doc/DETAILS, "Format of the colon listings"). */
function parseKeys(listing: string): SecretKey[] {
  const keys: SecretKey[] = [];
  for (const line of listing.split('\n')) {
    const fields = line.split(':');
    const last = keys[keys.length - 1];
    if (fields[0] === 'pub') {
      const expires = fields[6] ? new Date(Number(fields[6]) * 1000) : undefined;
      // Upper case letters are what the whole key, subkeys included, can be used for now.
      keys.push({
        fingerprint: '',
        uid: '',
        validity: fields[1],
        created: new Date(Number(fields[5]) * 1000),
        canSign: fields[11].includes('S'),
        expires,
        keygrips: [],
      });
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

/**
 * Keys of the folder whose private parts are there (or stand for a card). Asks gpg for the public ones and looks
 * for the files: `--list-secret-keys` would start an agent, in every preview.
 */
async function secretKeys(home: string, key?: string): Promise<SecretKey[]> {
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

function describe({ fingerprint, uid }: SecretKey): string {
  return `${fingerprint} (${uid})`;
}

function chooseKey(keys: SecretKey[], home: string, key: string | undefined, setting: string): SecretKey {
  const named = key === undefined ? '' : ` "${key}"`;
  if (keys.length === 0) {
    throw new Error(
      `There is no secret key${named} in ${home}: import it there with gpg, or set ${setting} to the fingerprint of one that is there.`,
    );
  }
  if (keys.length > 1) {
    const found = keys.map(describe).join(', ');
    throw new Error(
      `Several keys in ${home} match${named}: set ${setting} to the fingerprint of one of ${found}.`,
    );
  }
  const [chosen] = keys;
  if (chosen.validity === 'r') {
    throw new Error(`The signing key ${describe(chosen)} is revoked: set ${setting} to another one.`);
  }
  if (chosen.validity === 'e' || (chosen.expires && chosen.expires.getTime() <= Date.now())) {
    const day = chosen.expires?.toISOString().slice(0, 10) ?? 'an unknown day';
    throw new Error(
      `The signing key ${describe(chosen)} expired on ${day}: extend it (gpg --quick-set-expire), or set ${setting} to another one.`,
    );
  }
  if (!chosen.canSign) {
    throw new Error(`The key ${describe(chosen)} cannot sign: set ${setting} to one that can.`);
  }
  return chosen;
}

/**
 * Opens a signing key.
 *
 * `home` is a GNUPGHOME, `key` a fingerprint or (part of) a user id; without it the folder must hold one secret key.
 * `setting` is the configuration key that messages name. Errors: no such key, several, expired, revoked, not for
 * signing. Nothing needs to be closed: the agent ends a moment after its last use, or with this process.
 */
export async function openSigner(options: { home: string; key?: string; setting: string }): Promise<Signer> {
  const home = path.resolve(options.home);
  const { key, setting } = options;
  if (!(await fs.stat(home).catch(() => undefined))?.isDirectory()) {
    throw new Error(
      `The key folder ${home} does not exist: import the key there with gpg, or set ${setting}.`,
    );
  }
  const use = <T>(work: (gpg: Gpg) => Promise<T>) => withKeys(home, work);
  const chosen = chooseKey(await secretKeys(home, key), home, key, setting);
  const sign = (args: string[], data: Buffer | { file: string }) => {
    const common = [
      '--local-user',
      chosen.fingerprint,
      '--digest-algo',
      'SHA256',
      '--armor',
      '--output',
      '-',
      ...args,
    ];
    return use((gpg) =>
      Buffer.isBuffer(data) ? gpg.run(common, data) : gpg.run([...common, '--', path.resolve(data.file)]),
    );
  };
  const exported = (...args: string[]) =>
    use((gpg) => gpg.run(['--export-options', 'export-minimal', '--export', ...args]));
  return {
    fingerprint: chosen.fingerprint,
    uid: chosen.uid,
    created: chosen.created,
    expires: chosen.expires,
    home,
    clearSign: (document) => sign(['--clear-sign'], document),
    detach: (data) => sign(['--detach-sign'], data),
    publicKey: () => exported('--armor', chosen.fingerprint),
    keyring: () => exported(chosen.fingerprint),
    trustedKeys: () => exported(),
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
