/** Install trees compiled and finished in the falco-builder image, from small projects of the test's own. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { buildInstallTree, Facts, InstallTreeBuild } from '../../provider/buildkit';
import { hashFile, listTree } from '../../provider/source/files';
import { EPOCH, removeFolders, run, temporaryFolder } from '../unit/packaging/fixture';
import { image, packageFile, place, PROJECT, tree, VERSION } from './imageSet';

const CMAKE = `cmake_minimum_required(VERSION 3.16)
project(tool C)
if(NOT TOOL_VERSION)
  set(TOOL_VERSION 0.0.1)
endif()
add_executable(tool main.c)
target_compile_definitions(tool PRIVATE VERSION="\${TOOL_VERSION}" WORD="\${WORD}")
if(WORDS_DIR)
  target_include_directories(tool PRIVATE "\${WORDS_DIR}")
  target_compile_definitions(tool PRIVATE HAVE_WORDS)
endif()
install(TARGETS tool RUNTIME DESTINATION bin)
`;
const MAIN = `#include <stdio.h>
#ifdef HAVE_WORDS
#include "words.h"
#endif
int main(void) { puts("tool version: " VERSION); puts("word: " WORD); return 0; }
`;
const COMPONENTS = `cmake_minimum_required(VERSION 3.16)
project(tool C)
add_executable(tool main.c)
target_compile_definitions(tool PRIVATE VERSION="\${TOOL_VERSION}" WORD="")
install(TARGETS tool RUNTIME DESTINATION bin COMPONENT tool)
install(FILES main.c DESTINATION src/tool-7 COMPONENT tool-driver)
install(FILES main.c DESTINATION include COMPONENT library)
`;

/** Tar of these files, by path. */
async function tarOf(files: Record<string, string>, ...options: string[]): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(folder, 'root', name)), { recursive: true });
    await fs.writeFile(path.join(folder, 'root', name), text, {
      mode: text.startsWith('#!') ? 0o755 : 0o644,
    });
  }
  return pack(path.join(folder, 'root'), ...options);
}

async function pack(folder: string, ...options: string[]): Promise<string> {
  const file = path.join(await temporaryFolder(), 'archive.tar');
  await run('tar', ['-cf', file, ...options, '-C', folder, '.']);
  return file;
}

const tool = (main = MAIN, cmake = CMAKE) => tarOf({ 'CMakeLists.txt': cmake, 'main.c': main });

interface Result {
  facts: Facts;
  out: string;
}

async function build(options: Partial<InstallTreeBuild>): Promise<Result> {
  const out = path.join(await temporaryFolder(), 'out');
  const facts = await buildInstallTree({
    address: (await place()).buildkit,
    dockerfileDir: path.join(PROJECT, 'dockerfiles/install-tree'),
    builder: await image('falco-builder'),
    extra: {},
    cmakeArgs: [],
    version: '1.2.3',
    versionVariable: 'TOOL_VERSION',
    binary: 'usr/bin/tool',
    product: 'tool',
    epoch: EPOCH,
    outDir: out,
    ...options,
  });
  return { facts, out };
}

const says = async ({ out }: Result) => (await run(path.join(out, 'tree/usr/bin/tool'), [])).stdout;
const paths = async (folder: string) => (await listTree(folder)).map((file) => file.path);
const sections = async (file: string) => (await run('readelf', ['--sections', '--wide', file])).stdout;
const runpath = async (file: string) =>
  /RUNPATH.*\[(.*)\]/.exec((await run('readelf', ['--dynamic', file])).stdout)?.[1];

async function patches(files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) await fs.writeFile(path.join(folder, name), text);
  return folder;
}

const change = (file: string, from: string, to: string) =>
  `--- a/${file}\n+++ b/${file}\n@@ -1 +1 @@\n-${from}\n+${to}\n`;

describe('install tree', function () {
  this.timeout(900_000); // The tool chain is built first.

  before(async () => void (await image('falco-builder')));
  after(removeFolders);

  describe('compiled', () => {
    it('has the version and the arguments that it was given', async () => {
      const made = await build({
        source: await tool(),
        cmakeArgs: ['-DWORD=two words', '-DCMAKE_BUILD_TYPE=RelWithDebInfo'],
      });
      assert.equal(await says(made), 'tool version: 1.2.3\nword: two words\n');
      assert.deepEqual(
        {
          ...made.facts,
          debDepends: made.facts.debDepends.length,
          rpmRequires: made.facts.rpmRequires.length > 0,
        },
        {
          version: '1.2.3',
          driver: null,
          debDepends: 1,
          rpmRequires: true,
          libraries: [],
          stripped: false,
          distribution: 'Debian GNU/Linux 12 (bookworm)',
        },
      );
      assert.match(made.facts.debDepends[0], /^libc6 \(>= 2\.\d+\)$/);
      assert.ok(made.facts.rpmRequires.includes('libc.so.6(GLIBC_2.34)(64bit)'));
    });

    it('is stripped, and its symbols lie beside it', async () => {
      const made = await build({ source: await tool(), cmakeArgs: ['-DCMAKE_BUILD_TYPE=RelWithDebInfo'] });
      assert.doesNotMatch(await sections(path.join(made.out, 'tree/usr/bin/tool')), /\.debug_info|\.symtab/);
      assert.match(await sections(path.join(made.out, 'tree/usr/bin/tool')), /\.gnu_debuglink/);
      assert.match(await sections(path.join(made.out, 'debug/tool.debug')), /\.debug_info/);
    });

    it('is the same bytes when it is compiled again', async () => {
      const source = await tool();
      const hashes = [];
      for (const argument of ['-DUNUSED=1', '-DUNUSED=2']) {
        const made = await build({ source, cmakeArgs: ['-DCMAKE_BUILD_TYPE=RelWithDebInfo', argument] });
        hashes.push(
          await Promise.all(
            ['tree/usr/bin/tool', 'debug/tool.debug'].map((name) => hashFile(path.join(made.out, name))),
          ),
        );
      }
      assert.deepEqual(hashes[0], hashes[1]);
    });

    it('takes patches in the order of their names, those of an extra source there', async () => {
      const made = await build({
        source: await tarOf({
          'CMakeLists.txt': CMAKE,
          'main.c': MAIN.replace('"word: " WORD', 'TEXT'),
          'text.h': 'one\n',
        }),
        extra: { words: await tarOf({ 'words.h': 'first\n' }) },
        patches: await patches({
          '0001-a.patch': change('text.h', 'one', 'two'),
          '0002-b.patch': change('text.h', 'two', 'three'),
          'words-0001-a.patch': change('words.h', 'first', '#define TEXT "from the extra source"'),
        }),
        cmakeArgs: ['-DWORDS_DIR=/extra/words'],
      });
      assert.equal(await says(made), 'tool version: 1.2.3\nfrom the extra source\n');
    });

    it('stops at a patch that does not apply, and names it', async () => {
      const wrong = await patches({ '0001-wrong.patch': change('main.c', 'not there', 'anything') });
      await assert.rejects(build({ source: await tool(), patches: wrong }), {
        message:
          'the install tree cannot be made: the patch 0001-wrong.patch does not apply to /source; its messages are above',
      });
    });

    it("takes only the product's install components where there are such", async () => {
      const made = await build({ source: await tool(MAIN, COMPONENTS) });
      assert.deepEqual(await paths(path.join(made.out, 'tree')), ['usr/bin/tool', 'usr/src/tool-7/main.c']);
      assert.deepEqual(made.facts.driver, { dir: 'usr/src/tool-7', version: '7' });
    });

    it("shows the compiler's words when it fails", async () => {
      await assert.rejects(
        build({ source: await tool('int main(void) { return nothing; }\n') }),
        /main\.c:1:\d+: error: .nothing. undeclared/,
      );
    });
  });

  describe('given', () => {
    const script = (version: string) => `#!/bin/sh\necho "tool version: ${version}"\n`;

    it('may be a tar.gz with a folder at its top', async () => {
      const { out } = await build({ source: await tool() });
      const folder = await temporaryFolder();
      await fs.rename(path.join(out, 'tree'), path.join(folder, 'tool-1.2.3-x86_64'));
      const made = await build({ tree: await pack(folder, '-z') });
      assert.deepEqual(await paths(path.join(made.out, 'tree')), ['usr/bin/tool']);
      assert.equal(made.facts.stripped, true);
    });

    it('keeps the bytes of a binary that is stripped already', async () => {
      const { out } = await build({ source: await tool() });
      const before = await hashFile(path.join(out, 'tree/usr/bin/tool'));
      const made = await build({ tree: await pack(path.join(out, 'tree')) });
      assert.equal(await hashFile(path.join(made.out, 'tree/usr/bin/tool')), before);
    });

    it('may be the bin tarball of a release: its libraries stay where they are, and nothing else is needed for them', async () => {
      const folder = await temporaryFolder();
      await run('tar', ['-xzf', await packageFile('bin'), '-C', folder]);
      const first = await tree();
      const made = await build({
        tree: await pack(folder),
        binary: 'usr/bin/falco',
        product: 'falco',
        version: VERSION,
      });
      assert.deepEqual(made.facts.libraries, []);
      assert.deepEqual(made.facts.driver, first.facts.driver);
      assert.ok(first.facts.debDepends.some((need) => need.startsWith('libyaml-cpp')));
      assert.ok(
        !made.facts.debDepends.some((need) => need.startsWith('libyaml-cpp')),
        String(made.facts.debDepends),
      );
      assert.ok(first.facts.rpmRequires.some((need) => need.startsWith('libyaml-cpp')));
      assert.ok(
        !made.facts.rpmRequires.some((need) => need.startsWith('libyaml-cpp')),
        String(made.facts.rpmRequires),
      );
      const lib = (root: string) => path.join(root, 'usr/lib/falco');
      assert.deepEqual(await fs.readdir(lib(path.join(made.out, 'tree'))), first.facts.libraries);
      assert.equal(await runpath(path.join(made.out, 'tree/usr/bin/falco')), '$ORIGIN/../lib/falco');
    });

    it('is refused when its binary says another version', async () => {
      await assert.rejects(build({ tree: await tarOf({ 'usr/bin/tool': script('9.9.9') }) }), {
        message:
          'the install tree cannot be made: usr/bin/tool says version 9.9.9, but the release is 1.2.3; set the version to that, or give another source',
      });
    });

    it('is refused when it has no binary, or one that does not run', async () => {
      await assert.rejects(build({ tree: await tarOf({ 'etc/tool/tool.yaml': '' }) }), {
        message:
          'the install tree cannot be made: the install tree has no usr/bin/tool; give a tree or source of the product',
      });
      await assert.rejects(
        build({ tree: await tarOf({ 'usr/bin/tool': '#!/bin/sh\necho "bad luck" >&2\nexit 3\n' }) }),
        {
          message:
            'the install tree cannot be made: usr/bin/tool --version ended with status 3 in the tool-chain image, and said bad luck',
        },
      );
    });

    it('is refused when it needs a library that neither it nor the tool chain has', async () => {
      const folder = await temporaryFolder();
      await fs.mkdir(path.join(folder, 'tree/usr/bin'), { recursive: true });
      const library = path.join(folder, 'libnobody.so.1');
      await fs.writeFile(path.join(folder, 'f.c'), 'int f(void) { return 0; }');
      await fs.writeFile(path.join(folder, 'main.c'), 'int f(void); int main(void) { return f(); }');
      await run('gcc', ['-shared', '-Wl,-soname,libnobody.so.1', '-o', library, path.join(folder, 'f.c')]);
      await run('gcc', ['-o', path.join(folder, 'tree/usr/bin/tool'), path.join(folder, 'main.c'), library]);
      await assert.rejects(build({ tree: await pack(path.join(folder, 'tree')) }), {
        message:
          'the install tree cannot be made: the tool-chain image has no libnobody.so.1, which the tree needs; give a tree that was built for this distribution or carries its libraries',
      });
    });
  });

  describe('of the example', () => {
    it('carries what a plain system lacks, and its binary finds it', async () => {
      const { folder, facts } = await tree();
      assert.deepEqual(facts.libraries, ['libgcc_s.so.1', 'libstdc++.so.6', 'libyaml-cpp.so.0.7']);
      assert.equal(await runpath(path.join(folder, 'tree/usr/bin/falco')), '$ORIGIN/../lib/falco');
      assert.equal(await runpath(path.join(folder, 'lib/libyaml-cpp.so.0.7')), '$ORIGIN');
      assert.equal(facts.stripped, false);
    });
  });
});
