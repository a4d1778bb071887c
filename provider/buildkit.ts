/** Runs the install-tree build in BuildKit. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { BuildFailure, cacheArguments, solve, warnOfUnsaved } from './buildctl';
import { assignments } from './shell';

/** What the finishing step found out about the tree (`facts.json`). */
export interface Facts {
  /** What the binary says. */
  version: string;
  /** Folder of the driver's sources in the tree and its version; null where there is none. */
  driver: { dir: string; version: string } | null;
  /** `libc6 (>= 2.34)` … as dpkg-shlibdeps computes them. */
  debDepends: string[];
  /** `libc.so.6(GLIBC_2.34)(64bit)` … as rpm's elfdeps computes them. */
  rpmRequires: string[];
  /** File names of the carried libraries. */
  libraries: string[];
  /** The binary came without debug information, so the debug file holds its symbol table only. */
  stripped: boolean;
  /** The system that the binary was linked against. */
  distribution: string;
}

export interface InstallTreeBuild {
  /** Address of buildkitd, `unix://…` or `tcp://…`. */
  address: string;
  /** Reference of the build cache in a registry. Default: the builder's own cache is all. */
  cache?: string;
  /** Folder of the Dockerfile. */
  dockerfileDir: string;
  /** Tool-chain image by digest. */
  builder: string;
  /** Tar of the sources. */
  source?: string;
  /** Tars of further sources, by name: unpacked at `/extra/<name>`. */
  extra: Record<string, string>;
  /** Folder of `*.patch`. */
  patches?: string;
  /** Tar of a ready tree, taken instead of the sources. */
  tree?: string;
  cmakeArgs: string[];
  version: string;
  /** CMake variable that takes the version. */
  versionVariable: string;
  /** Path of the main binary in the tree. */
  binary: string;
  /** Product name: carried libraries are looked for in `../lib/<product>`. */
  product: string;
  /** SOURCE_DATE_EPOCH, seconds since 1970. */
  epoch: number;
  /** Gets `tree/`, `debug/`, `lib/` and `facts.json`. */
  outDir: string;
  onProgress?: (line: string) => void;
}

/**
 * The folder that enters the build as the context `input`: hard links, so that nothing is copied. The files keep
 * their own mtime: BuildKit takes a file of the same size and mtime as in an earlier build for the same file.
 */
async function inputFolder(build: InstallTreeBuild): Promise<string> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-input-'));
  const place = async (file: string, name: string) => {
    const target = path.join(folder, name);
    await fs.mkdir(path.dirname(target), { recursive: true });
    await fs.link(file, target).catch(() => fs.copyFile(file, target));
  };
  if (build.source) await place(build.source, 'source.tar');
  if (build.tree) await place(build.tree, 'tree.tar');
  for (const [name, file] of Object.entries(build.extra)) await place(file, `extra/${name}.tar`);
  for (const name of build.patches ? (await fs.readdir(build.patches)).sort() : []) {
    await place(path.join(build.patches ?? '', name), `patches/${name}`);
  }
  const settings = assignments({
    VERSION: build.version,
    VERSION_VARIABLE: build.versionVariable,
    BINARY: build.binary,
    PRODUCT: build.product,
    SOURCE_DATE_EPOCH: build.epoch,
    CMAKE_ARGS: build.cmakeArgs,
  });
  await fs.writeFile(path.join(folder, 'settings'), settings, { mode: 0o644 });
  return folder;
}

/** Builds the tree into `outDir`. Throws with the last lines of the step that failed. */
export async function buildInstallTree(build: InstallTreeBuild): Promise<Facts> {
  const input = await inputFolder(build);
  try {
    const args = [
      ...['--local', `context=${build.dockerfileDir}`, '--local', `dockerfile=${build.dockerfileDir}`],
      ...['--local', `input=${input}`, '--opt', 'context:input=local:input'],
      ...['--opt', `context:builder=docker-image://${build.builder}`],
      ...['--output', `type=local,dest=${build.outDir}`],
      // The tree alone: the layer of the compilation also has sources and objects, gigabytes of a real product.
      ...(build.cache === undefined ? [] : cacheArguments(build.cache, 'min')),
    ];
    const onUnsaved = warnOfUnsaved(build.cache ?? '');
    await solve(build.address, args, { onLine: build.onProgress, onUnsaved }).catch(explain);
    return JSON.parse(await fs.readFile(path.join(build.outDir, 'facts.json'), 'utf8')) as Facts;
  } finally {
    await fs.rm(input, { recursive: true, force: true });
  }
}

function explain(error: unknown): never {
  if (!(error instanceof BuildFailure) || error.kind === 'unreachable') throw error;
  const message = `the install tree cannot be made: ${error.message}`;
  throw new Error(error.kind === 'said' ? message : [message, ...error.printed].join('\n'));
}
