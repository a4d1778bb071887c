/** The peer of a whole release: `ci-script.sh`, with what it starts from. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { makeKey } from '../../provider/attest/cosign';
import { createLocalKey } from '../../provider/gpg';
import { benchFolder, bucket, resource, root, source } from './stack';
import { run } from './table';

const work = path.join(benchFolder, 'script');
const file = (name: string) => path.join(work, name);

/** A blob of the stack's bucket, by the resource that made it. */
const blobOf = (name: string) => path.join(bucket, String(resource(name).key));

/**
 * Makes the folder that the script works in, empty, and gives what runs it: the whole sequence, with a package's
 * control files and texts taken from the release that the stack has now.
 */
export async function ciScript(): Promise<(version: string, tree: string) => void> {
  fs.rmSync(work, { recursive: true, force: true });
  for (const driver of ['module', 'bpf']) {
    fs.mkdirSync(file('templates'), { recursive: true });
    run('dpkg-deb', ['-R', blobOf(`package-deb-${driver}`), file(`templates/${driver}`)]);
  }
  const home = file('gnupg');
  const { fingerprint } = await createLocalKey({ home, uid: 'Benchmark' });
  // gpg starts one, which would outlive the script.
  process.on('exit', () => run('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']));
  await makeKey(file('cosign'), '');
  const base = String(resource('base-debian').ref);
  const env = {
    ...process.env,
    GNUPGHOME: home,
    KEY: fingerprint,
    COSIGN_KEY: file('cosign.key'),
    COSIGN_PASSWORD: '',
    SYFT_CHECK_FOR_APP_UPDATE: 'false',
    SYFT_REGISTRY_INSECURE_USE_HTTP: 'true',
    TEMPLATES: file('templates'),
    SOURCE: source,
    DOCKERFILES: path.join(root, 'dockerfiles'),
    WORK: work,
    BASE: base,
    DEPENDS: (resource('system-falco').depends as string[]).join(' '),
    REGISTRY: `${base.split('/')[0]}/bench-script`,
    BUILDKIT: String(resource('package-tree').buildkit),
  };
  return (version, tree) =>
    void run('bash', [path.join(__dirname, 'ci-script.sh')], {
      env: { ...env, VERSION: version, TREE: tree },
    });
}

/** The stack's install tree of now, unpacked into a folder of its own. */
export function unpackTree(): string {
  const folder = file('tree');
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  run('tar', ['-xf', blobOf('package-tree'), '-C', folder]);
  return folder;
}
