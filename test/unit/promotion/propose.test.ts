import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { parse, stringify } from 'yaml';
import { ensureStack } from '../../../cli/engine';
import { readOptions } from '../../../cli/options';
import { proposeCommand } from '../../../cli/proposable';
import { proposal, propose, withRelease } from '../../../cli/propose';
import { openStack } from '../../../cli/stack';
import { createLocalKey, openSigner, Signer } from '../../../provider/gpg';
import { keepRecord } from '../../../provider/promotion/kept';
import { pinOf, PinnedRelease, ReleaseRecord } from '../../../provider/promotion/record';
import { openStore } from '../../../provider/store/open';
import { cosignFingerprint, hex, record } from './sampleRecord';

const project = path.resolve(__dirname, '../../..');
const pinned = pinOf(record);

describe('npm run propose', () => {
  const file = [
    '# Releases.',
    'config:',
    '  falco:program: promotion # not built here',
    '  falco:immutable: true',
    '',
  ].join('\n');

  it('writes the release into the stack file and leaves comments and settings as they are', () => {
    const { text, before } = withRelease(file, 'staging', record);
    assert.deepEqual(before, {});
    assert.match(
      text,
      /^# Releases\.\nconfig:\n {2}falco:program: promotion # not built here\n {2}falco:immutable: true\n/,
    );
    assert.match(text, new RegExp(`^ {2}falco:expectedKey: ${record.signingKey}$`, 'm'));
    assert.match(text, new RegExp(`^ {2}falco:expectedCosignKey: ${cosignFingerprint}$`, 'm'));
    assert.match(text, new RegExp(`^ {6}deb: "${hex('1')}"$`, 'm'), 'a number in YAML would be another text');
    assert.deepEqual(withRelease(text, 'staging', record), { text, before: pinned });
  });

  it('takes the expected key as a person writes it', () => {
    const key = 'abcd '.repeat(10).trim();
    const text = `${file}  falco:expectedKey: ${key}\n`;
    const written = withRelease(text, 'staging', { ...record, signingKey: 'ABCD'.repeat(10) }).text;
    assert.match(written, new RegExp(`^ {2}falco:expectedKey: ${key}$`, 'm'));
  });

  it('refuses a release that another key signed than the file expects, and writes nothing', async () => {
    const root = await fs.mkdtemp(path.join(os.tmpdir(), 'propose-'));
    try {
      const text = `${file}  falco:expectedKey: ${'B'.repeat(40)}\n`;
      await fs.writeFile(path.join(root, 'Pulumi.prod.yaml'), text);
      const said: string[] = [];
      const all = { root, stack: 'prod', from: 'staging', record };
      assert.throws(() => propose(all, (line) => said.push(line)), {
        message:
          `falco:expectedKey: is ${'B'.repeat(40)}, but staging signed the release with ${'A'.repeat(40)}; ` +
          'if that is its new key, set it there in a reviewed change of its own, and propose again',
      });
      assert.deepEqual(await fs.readdir(root), ['Pulumi.prod.yaml']);
      assert.equal(await fs.readFile(path.join(root, 'Pulumi.prod.yaml'), 'utf8'), text);
      assert.deepEqual(said, []);
    } finally {
      await fs.rm(root, { recursive: true });
    }
  });

  it('refuses images that are not signed, or by another key than the file expects', () => {
    assert.throws(() => withRelease(file, 'staging', { ...record, cosignKey: undefined }), {
      message:
        'falco:expectedCosignKey: the images of 1.0.0 of staging are not signed; publish it there again',
    });
    const text = `${file}  falco:expectedCosignKey: ${'b'.repeat(64)}\n`;
    assert.throws(() => withRelease(text, 'staging', record), {
      message:
        `falco:expectedCosignKey: is ${'b'.repeat(64)}, but staging signed the images with ${cosignFingerprint}; ` +
        'if that is its new key, set it there in a reviewed change of its own, and propose again',
    });
  });

  it('says what a reviewer will see', () => {
    assert.deepEqual(proposal({}, pinned), [
      'version none => 1.0.0',
      'commit none => abc',
      '  + package deb 111111111111',
      '  + package rpm 333333333333',
      '  + image sample 555555555555',
      '  + system base aaaaaaaaaaaa',
    ]);
    const after = { ...pinned, version: '1.0.1', packages: { deb: hex('6') } };
    assert.deepEqual(proposal(pinned, after), [
      'version 1.0.0 => 1.0.1',
      'commit abc',
      '  ~ package deb 111111111111 => 666666666666',
      '  - package rpm 333333333333',
    ]);
    assert.deepEqual(proposal(pinned, pinned), [
      'version 1.0.0',
      'commit abc',
      '  the same packages and images',
    ]);
  });
});

describe('npm run propose, from outputs that a real engine reads', function () {
  this.timeout(60_000);
  let folder: string;
  let root: string;
  let signer: Signer;
  let other: Signer;
  let newest: ReleaseRecord;
  let said: string[];

  before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'proposable-'));
    const make = async (name: string) => {
      const home = path.join(folder, name);
      const { fingerprint } = await createLocalKey({ home, uid: name });
      return openSigner({ home, key: fingerprint, setting: 'the test' });
    };
    [signer, other] = [await make('ours'), await make('others')];
    const store = openStore(path.join(folder, 'bucket'));
    const keys = [await signer.publicKey(), await other.publicKey()];
    await store.put(record.publicKey, Buffer.concat(keys));
    newest = { ...record, version: '1.2.0', bucket: path.join(folder, 'bucket') };
    newest.signingKey = signer.fingerprint;
    for (const version of ['1.0.0', '1.1.0-rc1', '1.2.0'])
      await keepRecord(store, record.records, { ...newest, version }, signer);
    await keepRecord(store, record.records, { ...newest, version: '1.1.0' }, other);
    const old = await store.get(`${record.records}/1.0.0.json.asc`);
    await store.put(`${record.records}/1.1.1.json.asc`, old?.body ?? Buffer.alloc(0));
  });
  after(() => fs.rm(folder, { recursive: true }));

  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(folder, 'root-'));
    for (const file of ['Pulumi.yaml', 'Pulumi.local.yaml', 'Pulumi.local-prod.yaml'])
      await fs.copyFile(path.join(project, file), path.join(root, file));
    await fs.mkdir(path.join(root, '.local'));
    await fs.symlink(path.join(project, '.local/bin'), path.join(root, '.local/bin'));
  });

  async function published(name: string, outputs: object): Promise<void> {
    const stack = openStack(root, name, {});
    await ensureStack(stack);
    const state = JSON.parse(await fs.readFile(stack.checkpoint, 'utf8')) as {
      checkpoint: { latest: Record<string, unknown> };
    };
    const urn = `urn:pulumi:${name}::falco-artifacts::pulumi:pulumi:Stack::falco-artifacts-${name}`;
    state.checkpoint.latest.resources = [{ urn, custom: false, type: 'pulumi:pulumi:Stack', outputs }];
    await fs.writeFile(stack.checkpoint, JSON.stringify(state));
  }

  /** Runs the command; resolves to what stands in the file then. */
  async function proposed(...args: string[]) {
    const given = readOptions('propose', args);
    said = [];
    const say = (line: string) => said.push(line);
    await proposeCommand(openStack(root, given.strings.stack ?? 'local-prod', {}), given, say);
    const text = await fs.readFile(path.join(root, 'Pulumi.local-prod.yaml'), 'utf8');
    const { config } = parse(text) as { config: Record<string, unknown> };
    return [(config['falco:release'] as PinnedRelease).version, config['falco:expectedKey']];
  }
  async function expect(key: string): Promise<void> {
    const file = path.join(root, 'Pulumi.local-prod.yaml');
    await fs.appendFile(file, `  falco:expectedKey: "${key}"\n`);
  }

  it('is of the last release, or with --version of one whose signed record was kept', async () => {
    await published('local', { version: '1.2.0', release: newest });
    assert.deepEqual(await proposed(), ['1.2.0', signer.fingerprint]);
    assert.deepEqual(await proposed('--version', '1.0.0'), ['1.0.0', signer.fingerprint]);
    assert.deepEqual(await proposed('--version=1.2.0'), ['1.2.0', signer.fingerprint]);
  });

  it('says that the stack has a newer release than its last one, unless a version was asked for', async () => {
    await published('local', { version: '1.0.0', release: { ...newest, version: '1.0.0' } });
    await proposed();
    const note = 'note: this is what local published last; it has 1.2.0, too, which --version 1.2.0 proposes';
    assert.equal(said[0], note);
    await proposed('--version', '1.0.0');
    assert.ok(!said.includes(note));
    await published('local', { version: '1.2.0', release: newest });
    await proposed();
    assert.match(said[0], /^version /);
  });

  it('refuses a kept record that the expected key did not sign, and one of another version', async () => {
    await published('local', { version: '1.2.0', release: newest });
    const refusal = (version: string, key: string) => ({
      message:
        `--version: the record of ${version} that the stack local has kept is not what ${key} signed of it: ` +
        `find out who wrote it, or publish ${version} there again`,
    });
    await assert.rejects(proposed('--version', '1.1.0'), refusal('1.1.0', signer.fingerprint));
    await assert.rejects(proposed('--version', '1.1.1'), refusal('1.1.1', signer.fingerprint));
    await expect(other.fingerprint);
    await assert.rejects(proposed('--version', '1.0.0'), refusal('1.0.0', other.fingerprint));
    // Signed by the expected key, and says that another signed the release.
    await assert.rejects(proposed('--version', '1.1.0'), refusal('1.1.0', other.fingerprint));
  });

  it('refuses a version that was not kept, naming those that were', async () => {
    await published('local', { version: '1.2.0', release: newest });
    await assert.rejects(proposed('--version', '2.0.0'), {
      message: '--version: the stack local has kept no record of 2.0.0; it has 1.0.0, 1.1.0, 1.1.1, 1.2.0',
    });
    await assert.rejects(proposed('--version', 'v1.0.0'), {
      message: '--version: "v1.0.0" is no version; leave out the v: 1.0.0',
    });
  });

  it('refuses a candidate, the last one or a kept one', async () => {
    const message =
      /^npm run propose: 1\.1\.0-rc1 of local is a candidate, .* propose the release, with --version/;
    await published('local', { version: '1.2.0', release: newest });
    await assert.rejects(proposed('--version', '1.1.0-rc1'), { message });
    await published('local', { version: '1.1.0-rc1', release: { ...newest, version: '1.1.0-rc1' } });
    await assert.rejects(proposed(), { message });
  });

  it('says why there is nothing to propose, in words that can be followed', async () => {
    const prod = { 'falco:program': 'promotion', 'falco:from': 'organization/falco-artifacts/staging' };
    const { encryptionsalt } = parse(await fs.readFile(path.join(root, 'Pulumi.local.yaml'), 'utf8')) as {
      encryptionsalt: string;
    };
    const write = (name: string, config: object) =>
      fs.writeFile(path.join(root, `Pulumi.${name}.yaml`), stringify({ encryptionsalt, config }));
    await write('prod', prod);
    await write('staging', {});
    await write('lone', { 'falco:program': 'promotion' });
    await published('local-prod', { version: '1.0.0' });
    for (const [args, message] of [
      [
        ['--stack', 'local'],
        'Pulumi.local.yaml does not say falco:program: promotion; name the stack that promotes with --stack',
      ],
      [['--stack', 'nosuch'], 'there is no Pulumi.nosuch.yaml; name the stack that promotes with --stack'],
      [['--stack', 'lone'], 'name the stack that has published the release with --from'],
      [['--stack', 'prod'], 'the stack staging has published no release: npm run up -- --stack staging'],
      [
        ['--stack', 'prod', '--from', 'local-prod'],
        'the stack local-prod promotes, too, and has no record of its own; name the stack that has built the release with --from',
      ],
    ] as const)
      await assert.rejects(proposed(...args), { message: `npm run propose: ${message}` });
  });
});
