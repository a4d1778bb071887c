/** A registry with images of one file, and keys that sign them, for tests. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { AttachedBundle, bundlesOf } from '../../../provider/attest/bundles';
import { attest, makeKey, PrivateKey } from '../../../provider/attest/cosign';
import { PROVENANCE, SPDX } from '../../../provider/attest/provenance';
import { pushFiles } from '../../../provider/oci';
import type { AttestationInputs } from '../../../provider/resources/attestation';
import { startRegistry } from '../registryServer';

export interface TestKey {
  home: string;
  publicKey: string;
  private: PrivateKey;
}

export interface TestImage {
  repository: string;
  digest: string;
  /** `<repository>@<digest>`. */
  reference: string;
}

/** What a promotion demands of an image, in short. */
const DOCUMENTS = [
  { type: SPDX, predicate: { spdxVersion: 'SPDX-2.3' } },
  {
    type: PROVENANCE,
    predicate: {
      buildDefinition: { buildType: 'https://example.org/build', externalParameters: { version: '1' } },
      runDetails: { builder: { id: 'https://example.org/builder' } },
    },
  },
];
/** Attaches an SBOM and a provenance. */
export async function attestDocuments(reference: string, key: PrivateKey): Promise<void> {
  for (const one of DOCUMENTS) await attest(reference, one, key);
}

export const NOTE = { type: 'https://example.org/note', predicate: { list: [1, 'two'], of: { what: null } } };

/** @param names of keys */
export async function startSignedImages(names: string[]) {
  const work = await fs.mkdtemp(path.join(os.tmpdir(), 'signed-images-'));
  const registry = await startRegistry(work, true);
  const { host } = registry;
  const keys: Record<string, TestKey> = {};
  for (const name of names) {
    const home = path.join(work, name);
    const prefix = path.join(home, 'cosign-not-for-release');
    const publicKey = await makeKey(prefix, '');
    keys[name] = { home, publicKey, private: { key: `${prefix}.key`, password: '' } };
  }
  let count = 0;
  return {
    work,
    host,
    keys,
    /** An image of its own, in a repository of its own. */
    async push(): Promise<TestImage> {
      const folder = path.join(work, `image-${++count}`);
      await fs.mkdir(folder);
      await fs.writeFile(path.join(folder, 'file'), `${count}`);
      execFileSync('tar', ['-C', folder, '-cf', `${folder}.tar`, 'file']);
      const repository = `${host}/ns/image-${count}`;
      const digest = await pushFiles(repository, `${folder}.tar`);
      return { repository, digest, reference: `${repository}@${digest}` };
    },
    /** What the stack of that key is told to sign. */
    inputsOf: ({ repository, digest }: Omit<TestImage, 'reference'>, by: string): AttestationInputs => {
      const { home, publicKey } = keys[by];
      return { repository, digest, key: { home }, publicKey };
    },
    /** With regctl, in `work`. */
    regctl: (...args: string[]) =>
      execFileSync('regctl', ['--host', `reg=${host},tls=disabled`, ...args], { cwd: work, stdio: 'pipe' }),
    tag: (reference: string, tag: string) =>
      execFileSync('crane', ['tag', reference, tag], { stdio: 'pipe' }),
    async stop() {
      await registry.stop();
      await fs.rm(work, { recursive: true });
    },
  };
}

export type SignedImages = Awaited<ReturnType<typeof startSignedImages>>;

/** All bundles that are attached to an image, whoever signed them. */
export async function bundlesAt(reference: string): Promise<AttachedBundle[]> {
  const found: AttachedBundle[] = [];
  for await (const one of bundlesOf(reference)) found.push(one);
  return found;
}
