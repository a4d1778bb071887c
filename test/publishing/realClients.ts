/** Real apt, dnf and curl, each on a machine that knows one repository and nothing else. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A real client. Both verbs throw with the client's own words. */
export interface Machine {
  /** `apt-get update` or `dnf makecache`. */
  update(): Promise<void>;
  /** File names that installing these packages downloads. */
  download(...what: string[]): Promise<string[]>;
  /** Downloads one version of a package, without what it needs, and checks it as an installation does. */
  fetch(name: string, version: string): Promise<void>;
  /** The version that an installation by name would take. */
  candidate(name: string): Promise<string>;
}

/** @param sources contents of the `.sources` file */
export async function aptMachine(folder: string, sources: string): Promise<Machine> {
  const root = await fs.mkdtemp(path.join(folder, 'apt-'));
  for (const name of ['lists/partial', 'cache/archives/partial', 'parts', 'trusted'])
    await fs.mkdir(path.join(root, name), { recursive: true });
  await fs.writeFile(path.join(root, 'status'), '');
  await fs.writeFile(path.join(root, 'parts/sample.sources'), sources);
  const options = {
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': `${root}/parts`,
    'Dir::Etc::trustedparts': `${root}/trusted`,
    'Dir::Etc::preferencesparts': `${root}/trusted`,
    'Dir::State': root,
    'Dir::State::status': `${root}/status`,
    'Dir::State::lists': `${root}/lists`,
    'Dir::Cache': `${root}/cache`,
    'APT::Architecture': 'amd64',
    'APT::Architectures': 'amd64',
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '0',
    // As every machine has it that is not set up to forgive.
    'Acquire::Check-Date': 'true',
    'Acquire::Check-Valid-Until': 'true',
  };
  const args = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const apt = (...command: string[]) => run('apt-get', [...args, '-q', ...command]);
  return {
    async update() {
      const { stdout, stderr } = await apt('update');
      // apt ends with 0 where an index could not be had and an old one is there.
      if (/^(W|E|Err|Ign)/m.test(stdout + stderr)) throw new Error(stdout + stderr);
    },
    async download(...what) {
      await apt('clean');
      const { stdout } = await apt('install', '-y', '--download-only', '--print-uris', ...what);
      await apt('install', '-y', '--download-only', ...what);
      return [...stdout.matchAll(/^'([^']+)'/gm)].map(([, uri = '']) => path.basename(uri)).sort();
    },
    async fetch(name, version) {
      // As root, apt says that it cannot use its sandbox here; the digest is checked all the same.
      await run('apt-get', [...args, '-q', 'download', `${name}=${version}`], { cwd: root });
    },
    async candidate(name) {
      const { stdout } = await run('apt-cache', [...args, 'policy', name]);
      return /^ {2}Candidate: (.+)$/m.exec(stdout)?.[1] ?? '';
    },
  };
}

/** @param repo contents of the `.repo` file */
export async function dnfMachine(folder: string, repo: string): Promise<Machine> {
  const root = await fs.mkdtemp(path.join(folder, 'dnf-'));
  for (const name of ['log', 'repos', 'cache', 'out']) await fs.mkdir(path.join(root, name));
  await fs.writeFile(path.join(root, 'repos/sample.repo'), repo);
  const set = (name: string, value: string) => `--setopt=${name}=${value}`;
  const common = [
    '-y',
    // Those of the machine are none of a user's.
    '--noplugins',
    `--installroot=${root}`,
    '--releasever=9',
    set('reposdir', `${root}/repos`),
    set('cachedir', `${root}/cache`),
    set('logdir', `${root}/log`),
    set('persistdir', `${root}/p`),
    set('module_platform_id', 'platform:el9'),
    set('retries', '1'),
  ];
  const dnf = async (...command: string[]) => {
    try {
      const { stdout, stderr } = await run('dnf', [...common, ...command]);
      // dnf ends with 0 where a repository could not be had.
      if (/^(Error|Ignoring repositories)/m.test(stderr + stdout)) throw new Error(stdout + stderr);
      return stdout;
    } finally {
      for (const name of await fs.readdir(path.join(root, 'cache'))) {
        // dnf leaves an agent running for its copy of the key.
        const home = path.join(root, 'cache', name, 'pubring');
        await run('gpgconf', ['--homedir', home, '--kill', 'all']).catch(() => {});
      }
    }
  };
  return {
    async update() {
      await dnf('makecache', '--refresh');
    },
    async download(...what) {
      const out = path.join(root, 'out');
      await fs.rm(out, { recursive: true, force: true });
      const stdout = await dnf('install', '--downloadonly', `--downloaddir=${out}`, ...what);
      if (!stdout.includes('Complete!')) throw new Error(stdout);
      return (await fs.readdir(out)).sort();
    },
    async fetch(name, version) {
      const key = /^gpgkey=file:\/\/(.*)$/m.exec(repo)?.[1] ?? '';
      const query = ['repoquery', '--quiet', '--location', `${name}-${version}`];
      const file = fileURLToPath((await dnf(...query)).trim());
      const db = ['--dbpath', path.join(root, 'keys')];
      await run('rpmkeys', [...db, '--import', key]);
      await run('rpmkeys', [...db, '--checksig', '--verbose', file]).catch(
        ({ stdout }: { stdout: string }) => {
          throw new Error(stdout);
        },
      );
    },
    async candidate(name) {
      return (await dnf('repoquery', '--quiet', '--latest-limit=1', '--qf=%{version}', name)).trim();
    },
  };
}

/**
 * A person with curl, gpg and sha256sum, as the download page says.
 *
 * @param url of the folder
 * @param key the public key, armored
 */
export async function downloadsMachine(
  folder: string,
  url: string,
  key: Buffer,
): Promise<Pick<Machine, 'update' | 'download'>> {
  const root = await fs.mkdtemp(path.join(folder, 'downloads-'));
  await fs.writeFile(path.join(root, 'key.asc'), key);
  await run('gpg', ['--quiet', '--dearmor', '--output', 'key.gpg', 'key.asc'], { cwd: root });
  const sh = (script: string) => run('bash', ['-c', `set -euo pipefail; ${script}`], { cwd: root });
  const curl = 'curl --fail --silent --show-error --remote-name';
  return {
    async update() {
      await sh(`${curl} ${url}/SHA256SUMS.asc
        gpgv --keyring ./key.gpg --output SHA256SUMS SHA256SUMS.asc 2>said || { cat said >&2; exit 1; }`);
    },
    async download(...what) {
      await sh(`rm -f ${what.join(' ')}
        for file in ${what.join(' ')}; do
          ${curl} ${url}/$file
          grep "  $file\$" SHA256SUMS | sha256sum --check --quiet
        done`);
      return what;
    },
  };
}
