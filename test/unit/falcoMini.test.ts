import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const source = resolve(__dirname, '../../examples/falco-mini');
const driverVersion = '5f1c0e7d2b9a48c6d3e0714f8a6b52c90d1e3f47';

/** What a command that may fail printed, and its exit status. */
async function attempt(command: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  try {
    const { stdout, stderr } = await run(command, args, { env: { ...process.env, TZ: 'UTC', ...env } });
    return { status: 0, stdout, stderr };
  } catch (error) {
    const failure = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof failure.code !== 'number') throw error;
    return { status: failure.code, stdout: failure.stdout ?? '', stderr: failure.stderr ?? '' };
  }
}

/** Paths below a folder, sorted; an empty folder ends with a slash. */
async function listTree(root: string, folder = root): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.length === 0) return [`${relative(root, folder)}/`];
  const lists = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? await listTree(root, path) : [relative(root, path)];
    }),
  );
  return lists.flat().sort();
}

describe('examples/falco-mini', function () {
  this.timeout(120_000);
  let work: string;
  let root: string;
  let falco: string;
  let etc: string;
  let buildOutput: string;

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'falco-mini-'));
    root = join(work, 'root');
    falco = join(root, 'usr/bin/falco');
    etc = join(root, 'etc/falco');
    const build = join(work, 'build');
    // No optimization: the test is of behaviour, and this takes half the time.
    const settings = [
      '-DCMAKE_BUILD_TYPE=Debug',
      '-DCMAKE_INSTALL_PREFIX=/usr',
      '-DFALCO_ETC_DIR=/etc/falco',
    ];
    const options = [
      '-DFALCO_VERSION=0.24.0-rc1',
      '-DUSE_BUNDLED_DEPS=OFF',
      '-DBUILD_DRIVER=OFF',
      '-DBUILD_BPF=OFF',
    ];
    const configured = await run('cmake', ['-S', source, '-B', build, ...settings, ...options]);
    const compiled = await run('cmake', ['--build', build, '-j', String(availableParallelism())]);
    buildOutput = configured.stderr + compiled.stderr;
    await run('cmake', ['--install', build], { env: { ...process.env, DESTDIR: root } });
  });

  after(() => rm(work, { recursive: true, force: true }));

  it('compiles without a warning', () => {
    assert.equal(buildOutput, '');
  });

  it('installs the files that Falco 0.32 does', async () => {
    const driver = `usr/src/falco-${driverVersion}`;
    assert.deepEqual(await listTree(root), [
      'etc/falco/falco.yaml',
      'etc/falco/falco_rules.local.yaml',
      'etc/falco/falco_rules.yaml',
      'etc/falco/rules.available/application_rules.yaml',
      'etc/falco/rules.d/',
      'usr/bin/falco',
      'usr/bin/falco-driver-loader',
      `${driver}/Makefile`,
      `${driver}/bpf/Makefile`,
      `${driver}/bpf/bpf_helpers.h`,
      `${driver}/bpf/maps.h`,
      `${driver}/bpf/probe.c`,
      `${driver}/dkms.conf`,
      `${driver}/driver_config.h`,
      `${driver}/event_table.c`,
      `${driver}/main.c`,
      `${driver}/ppm_events_public.h`,
      `${driver}/ppm_ringbuffer.c`,
      `${driver}/ppm_ringbuffer.h`,
    ]);
  });

  it('names the driver by its own version in dkms.conf', async () => {
    const text = await readFile(join(root, `usr/src/falco-${driverVersion}/dkms.conf`), 'utf8');
    assert.deepEqual(text.split('\n').slice(0, 2), [
      'PACKAGE_NAME="falco"',
      `PACKAGE_VERSION="${driverVersion}"`,
    ]);
  });

  it('leaves no path of the build in the binary', async () => {
    const binary = await readFile(falco, 'latin1');
    assert.equal(binary.includes(work), false);
    assert.equal(binary.includes(source), false);
  });

  it('prints the version it was given, and the driver version', async () => {
    const { status, stdout } = await attempt(falco, ['--version']);
    assert.equal(status, 0);
    assert.equal(stdout, `Falco version: 0.24.0-rc1\nDriver version: ${driverVersion}\n`);
  });

  it('refuses to configure with a version that is no x.y.z', async () => {
    const { status, stderr } = await attempt('cmake', [
      '-S',
      source,
      '-B',
      join(work, 'bad'),
      '-DFALCO_VERSION=1.2',
    ]);
    assert.equal(status, 1);
    assert.match(stderr, /FALCO_VERSION is '1\.2'; give x\.y\.z or x\.y\.z-pre\./);
  });

  it('accepts its own rules and rejects bad ones, with file and line', async () => {
    const good = join(etc, 'falco_rules.yaml');
    assert.deepEqual(await attempt(falco, ['-V', good]), { status: 0, stdout: `${good}: Ok\n`, stderr: '' });
    const bad = join(work, 'bad.yaml');
    await writeFile(
      bad,
      '\n- rule: r\n  desc: d\n  condition: proc.nmae = x\n  output: o\n  priority: INFO\n',
    );
    assert.deepEqual(await attempt(falco, ['-V', bad]), {
      status: 1,
      stdout:
        `${bad}: Invalid\n1 error:\n` +
        `   ${bad}:2: rule 'r': unknown field 'proc.nmae' (see falco --list) at column 1\n`,
      stderr: '',
    });
  });

  it('prints an alert when a replayed trace makes a rule fire', async () => {
    const args = [
      '-c',
      join(etc, 'falco.yaml'),
      '-r',
      join(etc, 'falco_rules.yaml'),
      '-o',
      'time_format_iso_8601=true',
    ];
    const { status, stdout } = await attempt(falco, [
      ...args,
      ...['-e', join(source, 'test/traces/credential_read.trace')],
    ]);
    assert.equal(status, 0);
    assert.equal(
      stdout,
      '2020-05-12T16:53:47.250000000+0000: Warning Credential file read ' +
        '(file=/etc/shadow user=mallory process=cat command=cat /etc/shadow parent=bash)\n' +
        'Events detected: 1\nRule counts by severity:\n   Warning: 1\n' +
        'Triggered rules by rule name:\n   Credential file read by an unexpected program: 1\n',
    );
  });

  it('runs without a driver until SIGTERM, and then exits with 0', async () => {
    const args = ['-c', join(etc, 'falco.yaml'), '-r', join(etc, 'falco_rules.yaml')];
    const child = spawn(falco, [...args, '-o', `driver.device=${join(work, 'none')}`]);
    const ended = once(child, 'exit');
    for await (const chunk of child.stderr) {
      if (String(chunk).includes('waiting')) break;
    }
    assert.equal(child.exitCode, null);
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });

  it('passes its own integration suite, which fails on a falco of another version', async () => {
    const suite = join(source, 'test/run_tests.sh');
    // Both wait most of the time.
    const [right, wrong] = await Promise.all([
      attempt(suite, [], { FALCO_ROOT: root, FALCO_EXPECTED: '0.24.0-rc1' }),
      attempt(suite, [], { FALCO_ROOT: root, FALCO_EXPECTED: '9.9.9' }),
    ]);
    const failed = (stdout: string) => stdout.split('\n').filter((line) => line.startsWith('not ok'));
    assert.deepEqual(failed(right.stdout), [], right.stdout);
    assert.equal(right.status, 0);
    assert.match(right.stdout, /^1\.\.61$/m);
    assert.deepEqual(failed(wrong.stdout), ['not ok 2 - --version is 9.9.9'], wrong.stdout);
    assert.equal(wrong.status, 1);
    assert.match(wrong.stdout, /^# 1 of 61 failed$/m);
  });
});
