/** lintian and rpmlint on the packages of the example, and what each deb and rpm states of its binary's needs. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { parse } from 'yaml';
import { signRpm } from '../../provider/gpg';
import { EPOCH, PACKAGING, removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { testSigner } from '../unit/publish/bench';
import { packageFile } from './imageSet';

const DEBS = ['deb-module', 'deb-bpf'];
const RPMS = ['rpm-module', 'rpm-bpf'];

/** Lines of a configuration that are neither empty nor comments, each with whether a comment stands above it. */
const settingsOf = (text: string) => {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.flatMap((line, at) =>
    line === '' || line.startsWith('#') ? [] : [{ line, explained: lines[at - 1]?.startsWith('#') ?? false }],
  );
};

/** What a linter prints, whatever its exit status. */
const output = (program: string, args: string[], env = process.env) =>
  run(program, args, { maxBuffer: 1 << 24, env }).then(
    ({ stdout }) => ({ status: 0, stdout }),
    ({ code, stdout }: { code: number; stdout: string }) => ({ status: code, stdout }),
  );

describe('linters', function () {
  this.timeout(1_200_000); // The example is compiled, when it has not been.
  after(removeFolders);

  it('lintian finds no error in the debs, and uses every override, each of which says why', async () => {
    const debs = await Promise.all(DEBS.map(packageFile));
    const args = ['--allow-root', '--fail-on', 'error', '--display-info'];
    const { status, stdout } = await output('lintian', [...args, ...debs]);
    assert.doesNotMatch(stdout, /^E:/m);
    assert.equal(status, 0, stdout);
    assert.doesNotMatch(stdout, /(unused|mismatched|malformed)-override/);
    const text = await fs.readFile(path.join(PACKAGING, 'deb/lintian-overrides'), 'utf8');
    const overrides = settingsOf(text);
    assert.deepEqual(
      overrides.filter(({ explained }) => !explained),
      [],
    );
    // Without the file, each of them is a finding.
    const unpacked = await temporaryFolder();
    await run('dpkg-deb', ['-R', debs[1], unpacked]);
    await fs.rm(path.join(unpacked, 'usr/share/lintian'), { recursive: true });
    const bare = path.join(await temporaryFolder(), 'bare.deb');
    await run('dpkg-deb', ['--root-owner-group', '-b', unpacked, bare]);
    const tags = [...new Set(overrides.map(({ line }) => line.split(/:\s+/)[1].split(' ')[0]))];
    const without = await output('lintian', ['--allow-root', '--tags', tags.join(), bare]);
    const findings = [...without.stdout.matchAll(/^[EWI]: falco-bpf: (\S+)/gm)].map(([, tag]) => tag);
    assert.deepEqual([...new Set(findings)].sort(), tags.sort());
  });

  it('rpmlint finds no error in the signed rpms, and needs every filter, each of which says why', async () => {
    const folder = await temporaryFolder();
    const rpms = await Promise.all(
      RPMS.map(async (key) => {
        const file = await packageFile(key);
        const copy = path.join(folder, path.basename(file));
        await fs.copyFile(file, copy);
        await signRpm(copy, await testSigner(), EPOCH);
        return copy;
      }),
    );
    // Debian's rpm has its database, and the keys in it, in the home folder.
    const env = { ...process.env, HOME: folder };
    const key = path.join(folder, 'key.asc');
    await fs.writeFile(key, await (await testSigner()).publicKey());
    await run('rpmkeys', ['--import', key], { env });
    const config = path.join(PACKAGING, 'rpm/rpmlint.toml');
    const errors = (text: string) => text.split('\n').filter((line) => / E: /.test(line));
    const { status, stdout } = await output('rpmlint', ['--config', config, ...rpms], env);
    assert.deepEqual(errors(stdout), []);
    assert.match(stdout, /2 packages and 0 specfiles checked; 0 errors/);
    assert.equal(status, 0, stdout);
    const filters = settingsOf(await fs.readFile(config, 'utf8')).filter(({ line }) => line.startsWith("'"));
    const unfiltered = errors((await output('rpmlint', rpms, env)).stdout);
    assert.ok(unfiltered.length > 0);
    for (const { line, explained } of filters) {
      const filter = new RegExp(parse(line.replace(/,$/, '')) as string);
      assert.ok(
        unfiltered.some((error) => filter.test(error)),
        `not needed: ${line}`,
      );
      assert.ok(explained, `not explained: ${line}`);
    }
  });
});

describe('what a package requires', function () {
  this.timeout(1_200_000);
  after(removeFolders);

  /** The binary as the rpm has it. */
  async function binaryOf(key: string): Promise<string> {
    const folder = await temporaryFolder();
    const script = 'rpm2cpio "$0" | cpio --quiet --extract --make-directories --no-absolute-filenames';
    await run('sh', ['-c', script, await packageFile(key)], { cwd: folder });
    return path.join(folder, 'usr/bin/falco');
  }

  for (const key of RPMS) {
    it(`${key}: what rpm's own generator finds in the binary, and the packages of the catalog`, async () => {
      const elfdeps = 'echo "$0" | /usr/lib/rpm/elfdeps --requires';
      const found = (await run('sh', ['-c', elfdeps, await binaryOf(key)])).stdout;
      const { stdout } = await run('rpm', ['-qp', '--nosignature', '--requires', await packageFile(key)]);
      const own = key === 'rpm-module' ? ['dkms', 'kernel-devel', 'systemd'] : ['systemd'];
      const sorted = (lines: string[]) => [...new Set(lines.filter(Boolean))].sort();
      assert.deepEqual(sorted(stdout.split('\n')), sorted([...found.split('\n'), ...own, '/bin/sh']));
    });
  }
});
