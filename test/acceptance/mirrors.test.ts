/**
 * Every line of docs/mirrors.md, after one release and after the next, and real clients that know the mirror only.
 * The published bucket is reached by its name through a proxy, because apt-mirror takes no address with a port. Needs
 * root.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { cosignKeyFile, publicNames } from '../../names';
import { shellBlocks } from '../../pages';
import { makeKey, sign } from '../../provider/attest/cosign';
import { attachments, copy, digest, tags } from '../../provider/oci';
import { removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { serve, testSigner } from '../unit/publish/bench';
import { startRegistry, TestRegistry } from '../unit/registryServer';
import { AptClient, aptClient, dnfClient } from './clients';
import { PROJECT } from './imageSet';
import { publishVersion, pushImages, tagImages } from './publicSet';

const [OLD, NEW] = ['0.23.0', '0.24.0'];
const NAME = 'http://packages.example.org';
const { suite, component } = catalog.repositories.apt;

/** Options of this machine: dnf's folders, registries without TLS. */
const PRELUDE = `dnf() {
  command dnf --disableplugin=local --releasever=9 --setopt=cachedir="$HOME/cache" \\
    --setopt=persistdir="$HOME/lib" --setopt=logdir="$HOME/log" "$@"
}
skopeo() {
  verb=$1; shift
  command skopeo "$verb" --src-tls-verify=false --dest-tls-verify=false "$@"
}
regctl() { command regctl $HOSTS "$@"; }
`;

/** Blocks for the first time alone (keys, and aptly's mirror), and for later ones alone. */
const FIRST = /^gpg --show-keys |^aptly mirror create /m;
const AFTER_RELEASE = /^aptly publish switch /m;

type Server = Awaited<ReturnType<typeof serve>>;

describe('mirrors, made as the documentation says', function () {
  this.timeout(300_000); // The first root on a machine is made from packages.

  let bucket: string;
  let work: string;
  /** Home of who mirrors, and the folder where they are. */
  let home: string;
  let published: Server;
  let mirror: Server;
  let aptly: Server;
  const registries: TestRegistry[] = [];
  /** `<host>/<namespace>`. */
  let namespaces: string[];
  let blocks: string[];
  /** What the lines of the documentation asked the server for. */
  let asked: string[];

  const served = (name: string) => path.join(home, 'mirror', name);

  /** In a shell that goes on after a command that failed, and has the status of the last, as where lines are pasted. */
  async function shell(script: string, of = home): Promise<string> {
    const text = script
      .replaceAll('https://packages.example.org', NAME)
      .replaceAll('https://mirror.example.org', mirror.url)
      .replaceAll('docker.io', registries[0].host)
      .replaceAll('registry.example.org', registries[1].host);
    const { PATH } = process.env;
    const hosts = registries.map(({ host }) => `--host reg=${host},tls=disabled`).join(' ');
    const env = {
      PATH,
      HOME: of,
      HOSTS: hosts,
      LC_ALL: 'C',
      http_proxy: published.url,
      no_proxy: '127.0.0.1',
    };
    const { stdout } = await run('bash', ['-c', `${PRELUDE}${text}`], { cwd: of, env });
    return stdout;
  }

  async function publish(version: string): Promise<void> {
    await publishVersion({ bucket, url: NAME, signer: await testSigner(), work }, version);
    const [first] = namespaces;
    const digests = await pushImages(first, work, [version]);
    for (const tag of [version, 'latest']) await tagImages(first, first, digests, version, tag);
    const key = { key: path.join(work, 'cosign.key'), password: '' };
    for (const { name, aliases } of catalog.images)
      for (const repository of [name, ...aliases.map((one) => one.repository)])
        await sign(`${first}/${repository}@${digests[`${name}:${version}`]}`, key);
    await shell(`set -e
      echo ${version} > sbom
      regctl artifact put --artifact-type application/spdx+json --subject ${first}/falco:${version} -f sbom`);
  }

  /** What the documentation has for the first time, or for later ones. */
  async function mirrorAll(other: RegExp): Promise<void> {
    for (const block of blocks.filter((one) => !other.test(one))) await shell(`set -e\n${block}`);
  }
  const blockOf = (command: RegExp): string => {
    const [block, ...more] = blocks.filter((one) => command.test(one));
    assert.deepEqual(more, []);
    return block;
  };

  /** A new home with the keys. */
  async function otherHome(): Promise<string> {
    const other = await temporaryFolder();
    await shell(`set -e\n${blockOf(/^gpg --show-keys /m)}`, other);
    return other;
  }
  /** While a published file is edited. */
  async function whileEdited(name: string, change: RegExp, use: () => Promise<void>): Promise<void> {
    const file = path.join(bucket, name);
    const good = await fs.readFile(file, 'utf8');
    const edited = good.replace(change, '0');
    assert.notEqual(edited, good);
    await fs.writeFile(file, edited);
    await use().finally(() => fs.writeFile(file, good));
  }

  before(async () => {
    [bucket, work, home] = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()];
    for (const name of ['.gnupg', 'mirror', '.aptly/public'])
      await fs.mkdir(path.join(home, name), { recursive: true, mode: 0o700 });
    published = await serve(bucket);
    mirror = await serve(path.join(home, 'mirror'));
    aptly = await serve(path.join(home, '.aptly/public'));
    for (const deletion of [true, false]) registries.push(await startRegistry(work, deletion));
    namespaces = registries.map(({ host }) => `${host}/falcosecurity`);
    await shell(`set -e
      gpg --batch --quiet --passphrase '' --quick-generate-key mirror@example.org rsa2048 sign never
      gpg --armor --export mirror@example.org > mirror/own.asc`);
    blocks = shellBlocks(await fs.readFile(path.join(PROJECT, 'docs/mirrors.md'), 'utf8'));
    const keyFile = path.join(bucket, cosignKeyFile('release'));
    await fs.mkdir(path.dirname(keyFile), { recursive: true });
    await fs.writeFile(keyFile, await makeKey(path.join(work, 'cosign'), ''));
    await publish(OLD);
    await mirrorAll(AFTER_RELEASE);
    await publish(NEW);
    await mirrorAll(FIRST);
    asked = [...published.requests];
  });
  after(async () => {
    for (const server of [published, mirror, aptly]) await server.close();
    for (const registry of registries) await registry.stop();
    for (const name of await fs.readdir(path.join(home, 'cache')))
      await run('gpgconf', ['--homedir', path.join(home, 'cache', name, 'pubring'), '--kill', 'all']);
    await shell('gpgconf --kill all');
    await removeFolders();
  });

  async function withApt(url: string, key: string, use: (client: AptClient) => Promise<void>): Promise<void> {
    const apt = { url, suite, component, key: `${mirror.url}/${key}`, sources: '' };
    const client = await aptClient({ apt }, { alone: true });
    try {
      await use(client);
    } finally {
      await client.remove();
    }
  }
  const versions = (client: AptClient, ...names: string[]) =>
    client.chroot('dpkg-query', '-W', '-f', '${Package} ${Version}\n', ...names);

  it('by aptly: apt installs each version, signed by the key of the mirror alone', async () => {
    await withApt(aptly.url, 'own.asc', async (client) => {
      await client.install(`falco=${OLD}`);
      assert.equal(await versions(client, 'falco'), `falco ${OLD}\n`);
      await client.install('falco');
      assert.equal(await versions(client, 'falco'), `falco ${NEW}\n`);
    });
    await withApt(aptly.url, 'falco.asc', (client) =>
      assert.rejects(client.install('falco'), /NO_PUBKEY|not signed/),
    );
  });

  it('by aptly are not made without the published key', async () => {
    const other = await temporaryFolder();
    await assert.rejects(
      shell(`aptly mirror create falco ${NAME}/packages/deb ${suite} ${component}`, other),
      /No public key|no keyring|trustedkeys/i,
    );
  });

  it('by apt-mirror: apt installs with their .sources file, by the published key', async () => {
    const folder = served('packages.example.org/packages/deb');
    for (const name of ['InRelease', 'Release', 'Release.gpg', `${component}/binary-amd64/Packages.xz`]) {
      const file = path.join('dists', suite, name);
      const original = await fs.readFile(path.join(bucket, 'packages/deb', file));
      assert.deepEqual(await fs.readFile(path.join(folder, file)), original);
    }
    await withApt(mirror.url, 'own.asc', async (client) => {
      await fs.rm(path.join(client.root.folder, 'etc/apt/sources.list.d/release.list'));
      const sources = await fs.readFile(served('falco.sources'), 'utf8');
      await client.root.write('etc/apt/sources.list.d/falco.sources', sources);
      await client.install(`falco=${OLD}`);
      await client.install('falco-bpf');
      await client.install('falco');
      assert.equal(await versions(client, 'falco', 'falco-bpf'), `falco ${NEW}\nfalco-bpf ${NEW}\n`);
    });
  });

  it('by reposync: dnf installs with gpgcheck=1 and repo_gpgcheck=1, by the published key', async () => {
    for (const name of ['repomd.xml', 'repomd.xml.asc']) {
      const original = await fs.readFile(path.join(bucket, 'packages/rpm/repodata', name));
      assert.deepEqual(await fs.readFile(served(`falco/repodata/${name}`)), original);
    }
    const repo = `${mirror.url}/falco.repo`;
    assert.match(await fs.readFile(served('falco.repo'), 'utf8'), /^gpgcheck=1\nrepo_gpgcheck=1$/m);
    const yum = { url: '', key: '', repo };
    const client = await dnfClient({ yum, packages: {} }, await temporaryFolder());
    try {
      await client.install(`falco-${OLD}`);
      await client.dnf('upgrade', 'falco');
      await client.install('falco-bpf');
      const installed = await client.query('-qa', '--qf', '%{name} %{version}\n', 'falco*');
      assert.deepEqual(installed.trim().split('\n').sort(), [`falco ${NEW}`, `falco-bpf ${NEW}`]);
    } finally {
      await client.remove();
    }
  });

  it('by reposync are not made from the mirrorlist, whose packages lie outside of its folder', async () => {
    await shell(
      'mkdir -p published && curl -fsS -o published/falco.repo https://packages.example.org/packages/rpm/falco.repo',
    );
    await assert.rejects(
      shell('dnf -y --setopt=reposdir=$PWD/published reposync --repoid=falco --download-path=refused'),
      /is outside of download path/,
    );
  });

  it('of the downloads have each listed file and its signature', async () => {
    const folder = path.join(bucket, 'packages/bin/x86_64');
    const files = (await fs.readdir(folder, { withFileTypes: true }))
      .filter((entry) => entry.isFile() && entry.name !== 'index.html')
      .map(({ name }) => name);
    assert.deepEqual((await fs.readdir(served('bin'))).sort(), files.sort());
    for (const name of files)
      assert.deepEqual(await fs.readFile(served(`bin/${name}`)), await fs.readFile(path.join(folder, name)));
  });

  it('by skopeo and regctl have every tag of every image, with its digest and what is attached to it', async () => {
    const all = catalog.images.flatMap(({ name, aliases }) => [
      name,
      ...aliases.map((one) => one.repository),
    ]);
    for (const name of new Set(all)) {
      const [ours, theirs] = await Promise.all(
        namespaces.map(async (namespace) => {
          const found = (await tags(`${namespace}/${name}`)).sort();
          // Not of the tags that list what is attached: two copies may have the same in another order.
          const images = found.filter((tag) => !tag.startsWith('sha256-'));
          const digests = images.map((tag) => digest(`${namespace}/${name}:${tag}`));
          const attached = images.map((tag) => attachments(`${namespace}/${name}:${tag}`));
          return {
            found,
            images,
            digests: await Promise.all(digests),
            attached: await Promise.all(attached),
          };
        }),
      );
      assert.deepEqual(theirs, ours);
      for (const tag of [OLD, NEW, 'latest']) assert.ok(ours.found.includes(tag));
      // A signature, and of falco what `publish` attaches.
      const attached = name === 'falco' ? 2 : 1;
      assert.equal(ours.attached[ours.images.indexOf(NEW)].length, attached);
    }
  });

  it('take each key once, when it is compared, and their users have it from them', async () => {
    const keys = asked.filter((name) => /(-packages\.asc|keyring\.gpg|\.pub|\.sources|\.repo)$/.test(name));
    const { publicKey } = publicNames(catalog.product);
    assert.deepEqual(keys, [`/${publicKey}`, `/${cosignKeyFile('release')}`]);
    const compared = (await fs.readFile(served('falco.asc'), 'utf8')).trim();
    const sources = await fs.readFile(served('falco.sources'), 'utf8');
    const [, embedded] = sources.split('Signed-By:\n');
    assert.equal(embedded.trimEnd().replace(/^ /gm, '').replace(/^\.$/gm, ''), compared);
    assert.match(await fs.readFile(served('falco.repo'), 'utf8'), /^gpgkey=\S+\/falco\.asc$/m);
  });

  it('take nothing of the downloads where their list was edited', async () => {
    const other = await otherHome();
    const downloads = blockOf(/ SHA256SUMS\.asc/);
    // A list of before is there, as at each release but the first.
    await shell(downloads, other);
    const folder = path.join(other, 'mirror/bin');
    await fs.rm(folder, { recursive: true });
    await whileEdited('packages/bin/x86_64/SHA256SUMS.asc', /^[1-9a-f](?=[0-9a-f]{63} )/m, async () => {
      await assert.rejects(shell(downloads, other), { stderr: /BAD signature/ });
    });
    assert.deepEqual(await fs.readdir(folder), []);
  });

  it('by apt-mirror end with an error where the index was edited', async () => {
    const other = await otherHome();
    await whileEdited(`packages/deb/dists/${suite}/InRelease`, /(?<=^Origin: )./m, async () => {
      await assert.rejects(shell(blockOf(/^apt-mirror /m), other), { stderr: /BAD signature/ });
    });
  });

  it('of images end with the tags that are not signed by the key', async () => {
    const [, theirs] = namespaces;
    const verify = blockOf(/cosign verify/);
    assert.match(await shell(verify), /^not signed by this key: none$/m);
    await copy(`${namespaces[0]}/falco-tester:${NEW}`, `${theirs}/falco-builder:${NEW}-other`);
    await assert.rejects(shell(verify), {
      stdout: `not signed by this key: falco-builder:${NEW}-other\n`,
      stderr: /no signatures found/,
    });
  });
});
