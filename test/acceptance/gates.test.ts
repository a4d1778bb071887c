/** Gates with real clients in BuildKit: what they pass, and what they say of packages and images that are broken. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { catalog } from '../../catalog';
import type { PackageSpec } from '../../provider/formats/packageSpec';
import { runGate } from '../../provider/gates/run';
import { removeFolders, temporaryFolder } from '../unit/packaging/fixture';
import { Bench, floorGate, imageGate, installGate, makeBench, packageIn } from './gateFixture';
import { base, image, place, PROJECT, solve, VERSION } from './imageSet';

const failure = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => assert.fail('the gate passed'),
    (error: Error) => error.message,
  );

describe('gates', function () {
  this.timeout(600_000);
  let bench: Bench;

  before(async () => {
    // A run that was killed has left its own.
    await fs.rm(path.join(PROJECT, '.local/gates/gate-tests'), { recursive: true, force: true });
    bench = await makeBench();
  });
  after(async () => {
    await removeFolders();
    await fs.rm(path.join(PROJECT, '.local/gates/gate-tests'), { recursive: true, force: true });
  });

  it('pass a deb and an rpm, from their previous version on, and leave nothing behind', async () => {
    for (const key of ['deb-bpf', 'rpm-bpf']) {
      const old = await packageIn(bench, key, undefined, { version: '0.0.9' });
      const previous = { ...old, version: '0.0.9' };
      assert.ok((await runGate(await installGate(bench, await packageIn(bench, key), { previous }))) > 0);
    }
    assert.deepEqual(await fs.readdir(path.join(PROJECT, '.local/gates/gate-tests')), []);
  });

  it('pass a deb whose previous version does not install', async () => {
    const spoil = (spec: PackageSpec) =>
      Object.assign(spec.scripts, { postinstall: 'exit 1\n', preremove: 'exit 1\n', postremove: 'exit 1\n' });
    const broken = await packageIn(bench, 'deb-bpf', spoil, { version: '0.0.8' });
    const previous = { ...broken, version: '0.0.8' };
    await runGate(await installGate(bench, await packageIn(bench, 'deb-bpf'), { previous }));
  });

  it('stop a deb with a broken postinst, show its last lines, and the command that repeats the gate', async () => {
    const file = await packageIn(bench, 'deb-bpf', (spec) => {
      spec.scripts.postinstall = '#!/bin/sh\necho about to fail >&2\nexit 3\n';
    });
    const text = await failure(runGate(await installGate(bench, file)));
    assert.match(text, /^gate deb-test: apt-get install falco-bpf fails\n/);
    assert.match(text, /^ {2}about to fail$/m);
    assert.match(text, /subprocess returned error exit status 3/);
    const [, command] = /\nNothing was published\. Repeat it: (sh \S+)$/.exec(text) ?? [];
    const [, script] = command.split(' ');
    const again = promisify(execFile)('sh', [script], { cwd: PROJECT });
    assert.match(
      ((await again.catch((error: unknown) => error)) as { stderr: string }).stderr,
      /about to fail/,
    );
  });

  it('stop a deb and an rpm that depend on what does not exist', async () => {
    const worse = (key: string) =>
      packageIn(bench, key, (spec) => (spec.depends = [...spec.depends, 'no-such-package']));
    const deb = await failure(runGate(await installGate(bench, await worse('deb-bpf'))));
    assert.match(deb, /^gate deb-test: apt-get install falco-bpf fails\n/);
    assert.match(deb, /Depends: no-such-package but it is not installable/);
    const rpm = await failure(runGate(await installGate(bench, await worse('rpm-bpf'))));
    assert.match(rpm, /^gate rpm-test: dnf install falco-bpf fails\n/);
    assert.match(rpm, /nothing provides no-such-package needed by falco-bpf/);
  });

  it('stop a package whose service starts a program that is not there', async () => {
    const spoil = (spec: PackageSpec) => {
      for (const text of spec.texts.filter(({ to }) => to.endsWith('.service')))
        text.content = text.content.replace('ExecStart=/usr/bin/@NAME@', 'ExecStart=/usr/bin/nobody');
    };
    for (const [key, kind] of [
      ['deb-bpf', 'deb'],
      ['rpm-bpf', 'rpm'],
    ] as const) {
      const text = await failure(runGate(await installGate(bench, await packageIn(bench, key, spoil))));
      assert.match(
        text,
        new RegExp(`^gate ${kind}-test: \\S+/falco\\.service starts /usr/bin/nobody, which is not there\\n`),
      );
    }
  });

  it('stop an rpm that is not signed', async () => {
    const file = await packageIn(bench, 'rpm-bpf', undefined, { sign: false });
    const text = await failure(runGate(await installGate(bench, file)));
    assert.match(text, /^gate rpm-test: dnf install falco-bpf fails\n/);
    assert.match(text, /is not signed/);
  });

  it('stop a truncated deb, and one with another digest, before anything runs', async () => {
    const file = await packageIn(bench, 'deb-bpf');
    const text = await failure(runGate(await installGate(bench, { ...file, sha256: '0'.repeat(64) })));
    assert.equal(
      text,
      `gate deb-test: ${file.key} is damaged: its sha256 is ${file.sha256}. "npm run refresh" notices that, and the next update makes it anew. Nothing was published.`,
    );
    await fs.truncate(path.join(bench.bucket, file.key), 1000);
    assert.match(await failure(runGate(await installGate(bench, file))), /\.deb is damaged: its sha256 is /);
  });

  it('stop one that hangs at their limit, and say where it hung', async () => {
    const file = await packageIn(bench, 'deb-bpf', (spec) => {
      spec.scripts.postinstall = '#!/bin/sh\necho waiting for Godot\nsleep 1000\n';
    });
    const rpm = await packageIn(bench, 'rpm-bpf', (spec) => {
      // There is no sleep in the root.
      spec.scripts.posttransaction = 'echo waiting for Godot\nwhile :; do :; done\n';
    });
    const [text, said] = await Promise.all([
      failure(runGate(await installGate(bench, file, { limit: 30 }))),
      failure(runGate(await installGate(bench, rpm, { limit: 45 }))),
    ]);
    assert.match(
      text,
      /^gate deb-test: it does not end within 30 s; if it does not hang, raise falco:gateLimit\n/,
    );
    assert.match(text, /^ {2}waiting for Godot$/m);
    assert.match(said, /^gate rpm-test: it does not end within 45 s/);
    // rpm itself keeps what a script prints until it ends.
    assert.match(said, /^ +Running scriptlet: falco-bpf-\S+ +1\/1\n *Nothing was published/m);
  });

  it('tell a full disk', async () => {
    const file = await packageIn(bench, 'deb-bpf', (spec) => {
      spec.scripts.postinstall = '#!/bin/sh\nset -e\ncat /etc/passwd >/dev/full\n';
    });
    const text = await failure(runGate(await installGate(bench, file)));
    assert.match(
      text,
      /^gate deb-test: .*; there is no space left where buildkitd keeps its data, free some\n/,
    );
  });

  it('stop a package that lacks a library, or a binary that is too new for the oldest system', async () => {
    const bare = await packageIn(bench, 'deb-bpf', (spec) => (spec.debDepends = ['libc6']));
    assert.match(
      await failure(runGate(await floorGate(bench, bare))),
      /^gate floor-test: \/usr\/bin\/falco needs \S+, which the package neither carries nor declares/,
    );
    assert.match(
      await failure(runGate(await installGate(bench, bare))),
      /^gate deb-test: \/usr\/bin\/falco --version cannot be started: it, its interpreter or a library is not there\n/,
    );
    for (const key of ['deb-bpf', 'rpm-bpf', 'bin']) {
      const file = await packageIn(bench, key);
      await runGate(await floorGate(bench, file));
      assert.match(
        await failure(runGate(await floorGate(bench, file, { GLIBC: '2.2.4' }))),
        /^gate floor-test: \S*\/usr\/bin\/falco needs GLIBC_\S+ of libc\.so\.6, but the oldest system has GLIBC_2\.2\.4/,
      );
    }
  });

  describe('of images', () => {
    /** The no-driver image with something changed by a Dockerfile. */
    const changedImage = async (...lines: string[]) => {
      const folder = await temporaryFolder();
      await fs.writeFile(path.join(folder, 'Dockerfile'), ['FROM subject', ...lines, ''].join('\n'));
      const repository = `${(await place()).repository}/broken`;
      const metadata = path.join(folder, 'metadata.json');
      await solve([
        ...['--local', `context=${folder}`, '--local', `dockerfile=${folder}`, '--metadata-file', metadata],
        ...['--opt', `context:subject=docker-image://${await image('falco-no-driver')}`],
        ...['--opt', `context:base=docker-image://${await base()}`],
        ...['--output', `type=image,name=${repository},push=true,push-by-digest=true,name-canonical=true`],
      ]);
      const made = JSON.parse(await fs.readFile(metadata, 'utf8')) as Record<string, string>;
      return `${repository}@${made['containerimage.digest']}`;
    };
    const row = catalog.images.find(({ name }) => name === 'falco-no-driver');
    const rows = (row?.gate ?? []).map((one) =>
      one.says === undefined
        ? one
        : { ...one, says: one.says.replace('{version}', VERSION).replace('{usage}', '') },
    );

    it('pass the one that is right', async () => {
      await runGate(await imageGate(bench, await image('falco-no-driver'), rows));
    });

    it('stop one whose entry point is missing', async () => {
      const broken = await changedImage('ENTRYPOINT ["/nowhere"]');
      assert.match(
        await failure(runGate(await imageGate(bench, broken, rows))),
        /^gate image-test: \/nowhere usage cannot be started: it, its interpreter or a library is not there\n/,
      );
    });

    it('stop one whose program crashes when it is started', async () => {
      const broken = await changedImage(
        `RUN ["/bin/sh", "-c", "printf '#!/bin/sh\\n[ $# -gt 0 ] || kill -SEGV $$\\necho ${VERSION}\\n' >/usr/bin/falco"]`,
        'CMD ["/usr/bin/falco"]',
      );
      assert.match(
        await failure(runGate(await imageGate(bench, broken, rows))),
        /^gate image-test: \/usr\/bin\/falco crashed with signal 11\n/,
      );
    });

    it('take neither a kill nor a full disk for a missing driver', async () => {
      const starting = (commands: string) =>
        changedImage(
          `RUN ["/bin/sh", "-c", "printf '#!/bin/sh\\n[ $# -gt 0 ] || { ${commands}; }\\necho ${VERSION}\\n' >/usr/bin/falco"]`,
          'CMD ["/usr/bin/falco"]',
        );
      assert.match(
        await failure(runGate(await imageGate(bench, await starting('kill -KILL $$'), rows))),
        /^gate image-test: \/usr\/bin\/falco crashed with signal 9\n/,
      );
      const full = await starting('echo Error: cannot write: No space left on device; exit 1');
      assert.match(
        await failure(runGate(await imageGate(bench, full, rows))),
        /^gate image-test: \/usr\/bin\/falco ended with status 1/,
      );
    });

    it('stop one that says another version', async () => {
      const text = await failure(
        runGate(
          await imageGate(bench, await image('falco-no-driver'), [
            { run: ['/usr/bin/falco', '--version'], says: '9.9.9' },
          ]),
        ),
      );
      assert.match(text, /^gate image-test: \/usr\/bin\/falco --version does not say "9\.9\.9"\n/);
    });
  });
});
