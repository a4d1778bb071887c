/** Signatures of images: the real cosign, registry and engine, from one stack to the next. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { shellBlocks } from '../../pages';
import { signedBundles } from '../../provider/attest/bundles';
import { bundlesAt } from '../unit/attest/signedImages';
import {
  attest,
  fingerprintOf,
  makeKey,
  sign,
  SIGNATURE,
  verify,
  verifyAttestation,
} from '../../provider/attest/cosign';
import { attachedReferences, attachments, digest, remove, tags } from '../../provider/oci';
import { PROVENANCE, SPDX } from '../../provider/attest/provenance';
import { startRegistry, TestRegistry } from '../unit/registryServer';
import { copyProject, Outputs, Project } from './project';
import { PROJECT } from './imageSet';
import { spdxTools } from './spdxTools';

const run = promisify(execFile);
const PROD = ['--stack', 'local-prod'];
const IMAGES = ['falco', 'falco-builder', 'falco-driver-loader', 'falco-no-driver', 'falco-tester'];

/** What is attached to every image: who made it, how, and of what. */
const TYPES = [SIGNATURE, PROVENANCE, SPDX].sort();

/** Makes a repository of a project, with all of it in one commit. */
async function committed(folder: string): Promise<string> {
  const git = async (...args: string[]) => (await run('git', ['-C', folder, ...args])).stdout.trim();
  await git('init', '--quiet');
  await git('add', '--all');
  const author = ['-c', 'user.name=Tests', '-c', 'user.email=tests@localhost'];
  await git(...author, 'commit', '--quiet', '--message', 'As tested');
  return git('rev-parse', 'HEAD');
}

describe('signatures of images', function () {
  this.timeout(1_200_000);
  const env: NodeJS.ProcessEnv = {};
  let project: Project;
  let mirror: TestRegistry;
  let work: string;
  let outputs: Outputs;
  /** Of the project. */
  let commit: string;
  let publicKey: string;
  let prodFile: string;

  const image = (name: string, of = outputs) => of.images[`falcosecurity/${name}:0.1.0`];
  const inBucket = (name: string, of = 'bucket') => path.join(project.folder, '.local', of, 'packages', name);
  const keyIn = (of?: string) => fs.readFile(inBucket('cosign/cosign.pub', of), 'utf8');
  /** Adds settings to a stack's file, or takes the place of those that are there. */
  async function configure(stack: string, settings: Record<string, string>): Promise<void> {
    const file = path.join(project.folder, `Pulumi.${stack}.yaml`);
    let text = await fs.readFile(file, 'utf8');
    for (const [name, value] of Object.entries(settings)) {
      text = text.replace(new RegExp(`^  falco:${name}:.*\\n`, 'm'), '');
      text = `${text.trimEnd()}\n  falco:${name}: ${value}\n`;
    }
    await fs.writeFile(file, text);
  }
  async function refused(args: string[], ...messages: RegExp[]): Promise<void> {
    const { status, text } = await project.script('up', ...args);
    assert.notEqual(status, 0, text);
    for (const message of messages) assert.match(text.replace(/\s+/g, ' '), message);
  }
  /** Takes away all that is attached to an image. */
  async function unsign(reference: string): Promise<void> {
    for (const one of await attachedReferences(reference)) assert.equal(await remove(one), 'removed');
    assert.deepEqual(await attachments(reference), []);
  }

  before(async () => {
    work = await fs.mkdtemp(path.join(os.tmpdir(), 'attestations-'));
    mirror = await startRegistry(work, true);
    project = await copyProject(env);
    commit = await committed(project.folder);
    prodFile = path.join(project.folder, 'Pulumi.local-prod.yaml');
    await project.ok('up');
    outputs = await project.outputs();
    publicKey = await keyIn();
  });
  after(async () => {
    await project?.remove();
    await mirror?.stop();
    await fs.rm(work, { recursive: true, force: true });
  });

  it('are of every image, one each beside an SBOM and a provenance, and a second update has nothing to do', async () => {
    for (const name of IMAGES) {
      assert.deepEqual(await verify(image(name), publicKey), TYPES, name);
      assert.equal((await attachments(image(name))).length, 3, name);
    }
    await project.ok('preview', '--expect-no-changes');
    await project.ok('up');
    assert.equal((await attachments(image('falco'))).length, 3);
  });

  it('have a valid SPDX document beside them that lists what is really in the image', async () => {
    const python = await spdxTools();
    for (const name of IMAGES) {
      const [document] = await verifyAttestation(image(name), SPDX, publicKey);
      const file = path.join(work, `${name}.spdx.json`);
      await fs.writeFile(file, JSON.stringify(document));
      await run(python, ['-i', file, '--version', 'SPDX-2.3']);
      const { packages, files = [] } = document as {
        packages: {
          name: string;
          checksums?: { checksumValue: string }[];
          externalRefs?: { referenceLocator: string }[];
        }[];
        files?: { fileName: string }[];
      };
      assert.equal(packages[0].name, `falcosecurity/${name}`);
      assert.deepEqual(
        packages[0].checksums?.map(({ checksumValue }) => `sha256:${checksumValue}`),
        [image(name).replace(/.*@/, '')],
      );
      const names = packages.map((one) => one.name);
      if (name === 'falco') {
        const [purl] = packages[names.indexOf('falco')].externalRefs ?? [];
        assert.equal(purl.referenceLocator, 'pkg:deb/falcosecurity/falco@0.1.0?arch=amd64');
        assert.ok(names.includes('dkms'));
      }
      if (name === 'falco-builder') assert.ok(names.includes('cmake'));
      // It has no package database.
      if (name === 'falco-no-driver') assert.ok(files.some(({ fileName }) => fileName === './usr/bin/falco'));
    }
  });

  it('have a provenance beside them with the sources and packages that the image was made of', async () => {
    const [predicate] = await verifyAttestation(image('falco'), PROVENANCE, publicKey);
    const { buildDefinition, runDetails } = predicate as {
      buildDefinition: {
        externalParameters: Record<string, unknown>;
        resolvedDependencies: { name?: string; digest: Record<string, string> }[];
      };
      runDetails: { builder: { version: Record<string, string> } };
    };
    const { release } = outputs as Outputs & {
      release: {
        build: { inputs: Record<string, string> };
        systems: Record<string, { digest: string }>;
        packages: Record<string, { fileName: string; sha256: string }>;
      };
    };
    const digestOf = (name: string) =>
      buildDefinition.resolvedDependencies.find((one) => one.name === name)?.digest.sha256;
    assert.deepEqual(runDetails.builder.version, { 'falco-artifacts': commit });
    assert.equal(buildDefinition.externalParameters.artifact, 'image-falco');
    assert.equal(digestOf('archive of source'), release.build.inputs.source);
    assert.equal(`sha256:${digestOf('image system')}`, release.systems.falco.digest);
    const { fileName, sha256 } = release.packages['deb-module'];
    assert.equal(digestOf(fileName), sha256);
  });

  it('are verified by every command of docs/verify-images.md, as it stands there', async () => {
    const blocks = shellBlocks(await fs.readFile(path.join(PROJECT, 'docs/verify-images.md'), 'utf8'));
    assert.equal(blocks.length, 4);
    const [host] = image('falco').split('/');
    const bucket = `file://${path.join(project.folder, '.local/bucket')}`;
    const script = blocks
      .join('\n')
      .replaceAll('https://packages.example.org', bucket)
      .replaceAll('docker.io', host)
      .replaceAll('0.24.0', '0.1.0');
    // No engine here: what it is asked to pull is what counts.
    const prelude = 'set -euo pipefail\ndocker() { echo "docker $*"; }\n';
    const { stdout } = await run('bash', ['-c', `${prelude}${script}`], { cwd: work });
    assert.match(stdout, new RegExp(`^${fingerprintOf(publicKey)} `, 'm'));
    assert.match(stdout, new RegExp(`^docker pull ${image('falco')}$`, 'm'));
    assert.match(stdout, /^ {4}"artifact": "image-falco",$/m);
    await run(await spdxTools(), ['-i', path.join(work, 'falco.spdx.json'), '--version', 'SPDX-2.3']);
    // What was never published ends in cosign's words, and jq says no more than that nothing came.
    const absent = blocks[3]?.replaceAll('docker.io', host).replaceAll('0.24.0', '0.0.0') ?? '';
    const { stderr } = await run('bash', ['-c', absent], { cwd: work }).then(
      () => assert.fail('there is no such image'),
      (error: { stderr: string }) => error,
    );
    assert.match(stderr, /^Error: .*manifest unknown/m);
    assert.deepEqual(
      stderr.split('\n').filter((line) => line.startsWith('jq: ')),
      ['jq: error (at sbom.jsonl:0): no SBOM', 'jq: error (at provenance.jsonl:0): no provenance'],
    );
  });

  it('that was taken away, or does not verify, is drift that the next update repairs', async () => {
    const stranger = await makeKey(path.join(work, 'stranger'), '');
    const [gone, replaced] = [image('falco-tester'), image('falco-builder')];
    await unsign(gone);
    await unsign(replaced);
    await sign(replaced, { key: path.join(work, 'stranger.key'), password: '' });
    assert.deepEqual(await verify(replaced, stranger), [SIGNATURE]);
    await project.ok('refresh');
    assert.deepEqual(await project.preview(), {
      'attestation-falco-builder': 'create',
      'attestation-falco-tester': 'create',
    });
    await project.ok('up');
    for (const reference of [gone, replaced]) assert.deepEqual(await verify(reference, publicKey), TYPES);
    await project.ok('preview', '--expect-no-changes');
    await unsign(replaced);
    await project.ok('refresh');
    await project.ok('up');
  });

  it('are in a mirror, too, and come back there', async () => {
    await configure('local', { mirrors: `[${mirror.host}/copies]` });
    await project.ok('up');
    const copied = (name: string) => `${mirror.host}/copies/${name}@${image(name).replace(/.*@/, '')}`;
    for (const name of IMAGES) assert.deepEqual(await verify(copied(name), publicKey), TYPES, name);
    await unsign(copied('falco'));
    await project.ok('refresh');
    await project.ok('up');
    assert.deepEqual(await verify(copied('falco'), publicKey), TYPES);
    await project.ok('preview', '--expect-no-changes');
  });

  it('have to be there where a release is promoted from, by the expected key, before anything is touched', async () => {
    await project.ok('propose', ...PROD);
    const agreed = await fs.readFile(prodFile, 'utf8');
    assert.match(agreed, new RegExp(`^ {2}falco:expectedCosignKey: "?${fingerprintOf(publicKey)}"?$`, 'm'));
    await configure('local-prod', { expectedCosignKey: `"${'0'.repeat(64)}"` });
    await refused(
      PROD,
      /falco:expectedCosignKey: the stack local signs images with [0-9a-f]{64}, expected was 0{64}/,
    );
    await fs.writeFile(prodFile, agreed);
    await unsign(image('falco-tester'));
    await refused(
      PROD,
      /falco:expectedCosignKey: images of local do not have all that [0-9a-f]{64} is to sign: \S+falco-tester@\S+ no signatures found\. Repair it there/,
    );
    await sign(image('falco-tester'), { key: path.join(work, 'stranger.key'), password: '' });
    await refused(PROD, /falco-tester@\S+ no matching attestations/);
    await assert.rejects(fs.stat(path.join(project.folder, '.local/bucket-prod/packages')), {
      code: 'ENOENT',
    });
    await project.ok('refresh');
    await project.ok('up');
  });

  it('come along with a promoted release and are made anew by its own key; what others attached stays behind', async () => {
    const own = { key: path.join(project.folder, '.local/gnupg/cosign-not-for-release.key'), password: '' };
    const stranger = { key: path.join(work, 'stranger.key'), password: '' };
    const statement = { type: 'https://example.org/note', predicate: { by: 'us' } };
    await attest(image('falco'), statement, own);
    await attest(image('falco'), { ...statement, predicate: { by: 'others' } }, stranger);
    await project.ok('up', ...PROD);
    await project.ok('preview', ...PROD, '--expect-no-changes');
    const prod = await project.outputs(...PROD);
    const prodKey = await keyIn('bucket-prod');
    assert.notEqual(fingerprintOf(prodKey), fingerprintOf(publicKey));
    for (const name of IMAGES) {
      const [here, there] = [image(name, prod), image(name)];
      assert.equal(here.replace(/.*@/, ''), there.replace(/.*@/, ''));
      assert.ok((await verify(here, prodKey)).includes(SIGNATURE), name);
      assert.ok((await verify(here, publicKey)).includes(SIGNATURE), name);
    }
    // The copy under its older name, too.
    const slim = prod.images['falcosecurity/falco:0.1.0-slim'];
    assert.deepEqual(await verify(slim, prodKey), TYPES);
    const said = async (key: string) =>
      (await signedBundles(image('falco', prod), key))
        .filter(({ statement: { type } }) => !TYPES.includes(type))
        .map((one) => one.statement);
    assert.deepEqual([await said(publicKey), await said(prodKey)], [[statement], [statement]]);
    assert.equal((await bundlesAt(image('falco', prod))).length, 8);
  });

  it('have the proof in the record of the stack that built it', async () => {
    const { release } = (await project.outputs()) as Outputs & {
      release: { cosignKey: string; gates: Record<string, string[]> };
    };
    assert.equal(release.cosignKey, publicKey);
    assert.deepEqual(release.gates['signature-falco'], [
      image('falco').replace(/.*@/, ''),
      fingerprintOf(publicKey),
    ]);
  });

  it('are made anew by another key, which a preview shows; the key of before stays published', async () => {
    const next = await makeKey(path.join(work, 'next'), 'a password');
    await configure('local', { cosignKey: path.join(work, 'next.key') });
    const { stdout } = await project.ok('preview', '--markdown');
    const [before, after] = [fingerprintOf(publicKey), fingerprintOf(next)];
    assert.match(stdout, new RegExp(`^- \\*\\*key of images\\*\\*: \`${before}\` → \`${after}\`$`, 'm'));
    await refused([], /falco:cosignKey: \S+next\.key: decrypt: .*give its password in COSIGN_PASSWORD/);
    env.COSIGN_PASSWORD = 'a password';
    await project.ok('up');
    for (const name of IMAGES) assert.ok((await verify(image(name), next)).includes(SIGNATURE), name);
    assert.equal(await keyIn(), next);
    assert.equal(await fs.readFile(inBucket(`cosign/${before}.pub`), 'utf8'), publicKey);
    await project.ok('preview', '--expect-no-changes');
  });

  it('go with the images when the stack is destroyed, and so do the keys', async () => {
    await project.ok('destroy', ...PROD, '--yes');
    await project.ok('destroy', '--yes');
    for (const name of IMAGES) {
      const repository = image(name).replace(/@.*/, '');
      assert.deepEqual(await tags(repository), [], name);
      assert.equal(await digest(image(name)), undefined);
    }
    await assert.rejects(fs.stat(fileURLToPath(`file://${inBucket('cosign')}`)), { code: 'ENOENT' });
  });
});
