/** The images that are tools, run for real by runc on the example and its packages. Needs root. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { runImage } from './imageRun';
import { buildImage, contextsOf, image, packageFile, PROJECT, VERSION } from './imageSet';

describe('tool images', function () {
  this.timeout(1_200_000); // The first builds on a machine fetch and unpack two tool chains.

  before(async () => {
    for (const name of ['falco-builder', 'falco-tester']) await image(name);
  });
  after(removeFolders);

  describe('falco-builder', () => {
    const source = { '/source': `${path.join(PROJECT, 'examples/falco-mini')}:ro` };
    const build = async (args: string[], mounts: Record<string, string>, env: Record<string, string> = {}) =>
      runImage(await image('falco-builder'), { args, mounts, env, limit: 300_000 });

    it('compiles the example from /source into /build, and installs it', async () => {
      const mounts = { ...source, '/build': await temporaryFolder() };
      const configured = await build(['cmake'], mounts, {
        FALCO_VERSION: '9.8.7',
        CMAKE_ARGS: '-DCMAKE_BUILD_TYPE=Debug -DX_TEST=1',
      });
      assert.equal(configured.status, 0, configured.stderr);
      assert.match(
        await fs.readFile(path.join(mounts['/build'], 'CMakeCache.txt'), 'utf8'),
        /^CMAKE_BUILD_TYPE:STRING=Debug$/m,
      );
      const made = await build(['all'], mounts, { MAKE_JOBS: '2' });
      assert.equal(made.status, 0, made.stderr);
      const installed = await build(['install'], mounts, { DESTDIR: '/build/tree' });
      assert.equal(installed.status, 0, installed.stderr);
      const { stdout } = await build(['bash', '-c', '/build/tree/usr/bin/falco --version'], mounts);
      assert.match(stdout, /^Falco version: 9\.8\.7\n/);
    });

    it('says what is missing when there is no source, or nothing is configured', async () => {
      const empty = { '/build': await temporaryFolder() };
      assert.deepEqual(await build(['cmake'], empty), {
        status: 1,
        stdout: '',
        stderr:
          "falco-builder: there is no CMakeLists.txt in /source; mount Falco's sources there (-v DIR:/source:ro)\n",
      });
      assert.deepEqual(await build(['all'], empty), {
        status: 1,
        stdout: '',
        stderr:
          'falco-builder: /build is not configured; run this image with cmake first, and mount the same folder there (-v DIR:/build)\n',
      });
    });
  });

  describe('falco-tester', () => {
    const test = async (folder: string, formats: string[] = [], env: Record<string, string> = {}) =>
      runImage(await image('falco-tester'), {
        args: ['test', ...formats],
        mounts: { '/packages': `${folder}:ro` },
        privileged: true,
        limit: 300_000,
        env,
      });

    it('runs the suite against a package of each format, and reports TAP', async () => {
      const folder = await temporaryFolder();
      const files = await Promise.all(
        ['deb-module', 'deb-bpf', 'rpm-bpf', 'rpm-module', 'bin', 'bpf-src'].map(packageFile),
      );
      for (const file of files) await fs.copyFile(file, path.join(folder, path.basename(file)));
      await fs.copyFile(files[0], path.join(folder, 'falco-alias.deb'));
      const { status, stdout } = await test(folder, ['deb', 'rpm', 'tar.gz']);
      assert.equal(status, 0, stdout);
      const top = stdout.split('\n').filter((line) => /^\S/.test(line));
      assert.deepEqual(top, [
        'TAP version 14',
        `# Subtest: deb, falco-${VERSION}-bpf-amd64.deb`,
        `ok 1 - deb, falco-${VERSION}-bpf-amd64.deb`,
        `# Subtest: rpm, falco-${VERSION}-bpf-x86_64.rpm`,
        `ok 2 - rpm, falco-${VERSION}-bpf-x86_64.rpm`,
        `# Subtest: deb, falco-${VERSION}-module-amd64.deb`,
        `ok 3 - deb, falco-${VERSION}-module-amd64.deb`,
        `# Subtest: rpm, falco-${VERSION}-module-x86_64.rpm`,
        `ok 4 - rpm, falco-${VERSION}-module-x86_64.rpm`,
        `# falco-alias.deb: the same as falco-${VERSION}-module-amd64.deb`,
        `# Subtest: tar.gz, falco-bin-${VERSION}-x86.tar.gz`,
        `ok 5 - tar.gz, falco-bin-${VERSION}-x86.tar.gz`,
        `# falco-bpf-src-${VERSION}-x86.tar.gz: no falco in it, not tested`,
        '1..5',
      ]);
      // Each package's own report is whole: as many tests as its plan says, numbered.
      const reports = stdout.split(/^# Subtest: .*\n/m).slice(1);
      assert.equal(reports.length, 5);
      for (const report of reports) {
        const numbers = [...report.matchAll(/^ {4}ok (\d+) - /gm)].map(([, number]) => Number(number));
        assert.ok(numbers.length > 50, report);
        assert.deepEqual(
          numbers,
          numbers.map((_, at) => at + 1),
        );
        assert.match(report, new RegExp(`^ {4}1\\.\\.${numbers.length}$`, 'm'));
        assert.match(report, /^ {4}ok \d+ - --version prints falco's and the driver's version$/m);
      }
    });

    it('fails when one test of the suite fails, and shows which and what falco printed', async () => {
      const folder = await temporaryFolder();
      const file = await packageFile('rpm-bpf');
      await fs.copyFile(file, path.join(folder, path.basename(file)));
      const { status, stdout } = await test(folder, [], { FALCO_EXPECTED: '9.9.9' });
      assert.equal(status, 1);
      const failed = stdout.split('\n').filter((line) => /^ *not ok /.test(line));
      assert.match(failed[0], /^ {4}not ok \d+ - --version is 9\.9\.9$/);
      assert.deepEqual(failed.slice(1), [`not ok 1 - rpm, ${path.basename(file)}`]);
      assert.match(stdout, new RegExp(`^ {4}# out: Falco version: ${VERSION}$`, 'm'));
      assert.match(stdout, /^ {4}# 1 of \d+ failed$/m);
    });

    it('fails for a truncated package of each format, and tests the others', async () => {
      const folder = await temporaryFolder();
      const whole = await packageFile('deb-bpf');
      await fs.copyFile(whole, path.join(folder, 'a.deb'));
      for (const [key, name] of [
        ['deb-module', 'b.deb'],
        ['rpm-module', 'c.rpm'],
        ['bin', 'd.tar.gz'],
      ]) {
        const bytes = await fs.readFile(await packageFile(key));
        await fs.writeFile(path.join(folder, name), bytes.subarray(0, bytes.length / 10));
      }
      const { status, stdout } = await test(folder);
      assert.equal(status, 1);
      assert.deepEqual(
        stdout.split('\n').filter((line) => /^(not )?ok /.test(line)),
        [
          'ok 1 - deb, a.deb',
          'not ok 2 - deb, b.deb',
          'not ok 3 - rpm, c.rpm',
          'not ok 4 - tar.gz, d.tar.gz',
        ],
      );
      assert.equal(stdout.match(/^ {4}Bail out! the package cannot be unpacked/gm)?.length, 3);
    });

    it('fails when a package fails, with the failed test in the report', async () => {
      const folder = await temporaryFolder();
      const root = path.join(folder, 'root/usr/bin');
      await fs.mkdir(root, { recursive: true });
      await fs.writeFile(path.join(root, 'falco'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
      await fs.mkdir(path.join(folder, 'packages'));
      const file = path.join(folder, 'packages/falco-bin-1.0.0-x86.tar.gz');
      await run('tar', ['-czf', file, '-C', folder, 'root']);
      const { status, stdout } = await test(path.join(folder, 'packages'));
      assert.equal(status, 1);
      assert.match(stdout, /^ {4}Bail out! .*falco\.yaml does not exist/m);
      assert.match(stdout, /^not ok 1 - tar\.gz, falco-bin-1\.0\.0-x86\.tar\.gz$/m);
    });

    it('fails when there is no package, or none of a format that is asked for', async () => {
      const folder = await temporaryFolder();
      const empty = await test(folder);
      assert.equal(empty.status, 1);
      assert.match(empty.stdout, /^Bail out! there is no package with falco in \/packages; mount a folder/m);
      await fs.copyFile(await packageFile('deb-module'), path.join(folder, 'falco.deb'));
      const { status, stdout } = await test(folder, ['rpm']);
      assert.equal(status, 1);
      assert.match(stdout, /^ok 1 - deb, falco\.deb$/m);
      assert.match(stdout, /^not ok 2 - rpm: there is no such package in \/packages$/m);
    });

    it('builds without a suite, and says so when it is asked to test', async () => {
      const { base } = await contextsOf('falco-tester');
      const bare = await buildImage('falco-tester', { contexts: { base } });
      const { status, stdout } = await runImage(bare, { args: ['test'] });
      assert.deepEqual(
        { status, stdout },
        { status: 1, stdout: 'Bail out! this image has no suite: it was built without the sources\n' },
      );
    });
  });
});
