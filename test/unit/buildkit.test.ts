import assert from 'node:assert/strict';
import { ChildProcess, execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { buildInstallTree, InstallTreeBuild } from '../../provider/buildkit';

/** A build that hands its input out: no tool chain is needed to see what arrives. */
const ECHO = 'FROM scratch\nCOPY --from=input / /input/\nCOPY facts.json /facts.json\n';
const FACTS = {
  version: '1.2.3',
  driver: null,
  debDepends: ['libc6 (>= 2.34)'],
  rpmRequires: [],
  libraries: [],
  stripped: false,
  distribution: 'none',
};

describe('buildkit', function () {
  this.timeout(60_000);
  const temporary = process.env.TMPDIR;
  let folder: string;
  let daemon: ChildProcess;
  let build: InstallTreeBuild;

  const recipe = (name: string, dockerfile: string) => {
    const target = path.join(folder, name);
    fs.mkdirSync(target, { recursive: true });
    fs.writeFileSync(path.join(target, 'Dockerfile'), dockerfile);
    fs.writeFileSync(path.join(target, 'facts.json'), JSON.stringify(FACTS));
    return target;
  };
  const file = (name: string, text: string) => {
    const target = path.join(folder, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, text);
    return target;
  };
  const got = (name: string) => fs.readFileSync(path.join(build.outDir, 'input', name), 'utf8');
  const leftovers = () => fs.readdirSync(folder).filter((name) => name.startsWith('artifacts-input-'));

  /** A static program that writes the lines to stderr and ends with 1. */
  const failing = (name: string, lines: string[]) => {
    const target = recipe(name, 'FROM scratch\nCOPY fail /fail\nRUN ["/fail"]\n');
    const text = lines.map((line) => `fputs(${JSON.stringify(`${line}\n`)}, stderr);`).join(' ');
    const source = file(`${name}.c`, `#include <stdio.h>\nint main(void) { ${text} return 1; }\n`);
    execFileSync('gcc', ['-static', '-o', path.join(target, 'fail'), source]);
    return target;
  };

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'buildkit-test-'));
    // The module's own temporary folders go where nobody else's are.
    process.env.TMPDIR = folder;
    const address = `unix://${folder}/buildkitd.sock`;
    const root = path.join(folder, 'data');
    const workers = ['--oci-worker=true', '--containerd-worker=false'];
    daemon = spawn('buildkitd', ['--addr', address, '--root', root, ...workers], { stdio: 'ignore' });
    build = {
      address,
      dockerfileDir: recipe('echo', ECHO),
      builder:
        'registry.invalid/builder@sha256:0000000000000000000000000000000000000000000000000000000000000000',
      source: file('source.tar', 'source'),
      extra: {},
      cmakeArgs: [],
      version: '1.2.3',
      versionVariable: 'X_VERSION',
      binary: 'usr/bin/x',
      product: 'x',
      epoch: 1_600_000_000,
      outDir: path.join(folder, 'out'),
    };
    for (let tries = 0; tries < 100; tries++) {
      try {
        execFileSync('buildctl', ['--addr', address, 'debug', 'workers'], { stdio: 'ignore' });
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    throw new Error('buildkitd does not start');
  });

  after(async () => {
    if (temporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temporary;
    daemon.kill();
    await new Promise((resolve) => daemon.once('close', resolve));
    fs.rmSync(folder, { recursive: true, force: true });
  });

  afterEach(() => fs.rmSync(build.outDir, { recursive: true, force: true }));

  it('hands sources, extra sources, patches and a tree to the build, and returns its facts', async () => {
    const facts = await buildInstallTree({
      ...build,
      extra: { libs: file('some-libs.tar', 'libs') },
      patches: path.dirname(file('patches/0001-a.patch', 'patch')),
      tree: file('tree.tar.gz', 'tree'),
    });
    assert.deepEqual(facts, FACTS);
    const names = ['source.tar', 'extra/libs.tar', 'patches/0001-a.patch', 'tree.tar'];
    assert.deepEqual(names.map(got), ['source', 'libs', 'patch', 'tree']);
  });

  it('takes a source that changed, even to the same size and within a second', async () => {
    for (const text of ['first.', 'second', 'third.']) {
      await buildInstallTree({ ...build, source: file('changing.tar', text) });
      assert.equal(got('source.tar'), text);
    }
  });

  it('passes settings on as they are, whatever characters they have', async () => {
    const cmakeArgs = ['-DA=b c', `-DQ='"$HOME\`\\`, '-DLINES=one\ntwo', ''];
    await buildInstallTree({ ...build, cmakeArgs, product: "it's" });
    const script =
      '. "$1"; printf "%s\\0" "$VERSION" "$VERSION_VARIABLE" "$BINARY" "$PRODUCT" "$SOURCE_DATE_EPOCH" "${CMAKE_ARGS[@]}"';
    const read = execFileSync('bash', ['-c', script, 'bash', path.join(build.outDir, 'input/settings')], {
      encoding: 'utf8',
    });
    assert.deepEqual(read.split('\0').slice(0, -1), [
      '1.2.3',
      'X_VERSION',
      'usr/bin/x',
      "it's",
      '1600000000',
      ...cmakeArgs,
    ]);
  });

  it('reports the steps as they come', async () => {
    const lines: string[] = [];
    await buildInstallTree({ ...build, onProgress: (line) => lines.push(line) });
    assert.ok(
      lines.some((line) => line.includes('COPY --from=input / /input/')),
      lines.join('\n'),
    );
    assert.deepEqual(
      lines.filter((line) => /^#\d+ /.test(line)),
      [],
    );
  });

  it('says what a step calls an error, and nothing else', async () => {
    const dockerfileDir = failing('refusing', ['compiling', 'error: the tree has no usr/bin/x', 'bye']);
    await assert.rejects(buildInstallTree({ ...build, dockerfileDir }), {
      message: 'the install tree cannot be made: the tree has no usr/bin/x',
    });
  });

  it('ends with the last lines of a step that failed without one', async () => {
    const numbers = Array.from({ length: 40 }, (_, index) => `line ${index}`);
    const dockerfileDir = failing('failing', [...numbers, 'main.cpp:7: error: expected a miracle']);
    const reason = 'process "/fail" did not complete successfully: exit code: 1';
    await assert.rejects(buildInstallTree({ ...build, dockerfileDir }), {
      message: [
        `the install tree cannot be made: ${reason}`,
        ...numbers.slice(-14),
        'main.cpp:7: error: expected a miracle',
      ].join('\n'),
    });
  });

  it('says why where no step ran at all', async () => {
    const dockerfileDir = recipe('wrong', 'FROM builder\n');
    await assert.rejects(
      buildInstallTree({ ...build, dockerfileDir }),
      /^Error: the install tree cannot be made: .*registry\.invalid/,
    );
  });

  it('names the address when no buildkitd answers there', async () => {
    const remedies = {
      [`unix://${folder}/none.sock`]: 'start it with "npm run services -- start"',
      'tcp://127.0.0.1:1': 'start it, or correct the setting that names it',
    };
    for (const [address, remedy] of Object.entries(remedies)) {
      await assert.rejects(buildInstallTree({ ...build, address }), {
        message: `buildkitd does not answer at ${address}; ${remedy}`,
      });
    }
  });

  it('leaves no input behind', () => {
    assert.deepEqual(leftovers(), []);
  });
});
