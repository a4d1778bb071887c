/** Runs the install-tree build in BuildKit, through the `buildctl` program. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';

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

/** Lines of a failed step that the error shows. */
const TAIL = 15;
const quote = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`;

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
  const settings = [
    `VERSION=${quote(build.version)}`,
    `VERSION_VARIABLE=${quote(build.versionVariable)}`,
    `BINARY=${quote(build.binary)}`,
    `PRODUCT=${quote(build.product)}`,
    `SOURCE_DATE_EPOCH=${build.epoch}`,
    `CMAKE_ARGS=(${build.cmakeArgs.map(quote).join(' ')})`,
    '',
  ];
  await fs.writeFile(path.join(folder, 'settings'), settings.join('\n'), { mode: 0o644 });
  return folder;
}

/** Builds the tree into `outDir`. Throws with the last lines of the step that failed. */
export async function buildInstallTree(build: InstallTreeBuild): Promise<Facts> {
  const input = await inputFolder(build);
  try {
    await buildctl(build, [
      ...['--addr', build.address, 'build', '--progress=plain', '--frontend=dockerfile.v0'],
      ...['--local', `context=${build.dockerfileDir}`, '--local', `dockerfile=${build.dockerfileDir}`],
      ...['--local', `input=${input}`, '--opt', 'context:input=local:input'],
      ...['--opt', `context:builder=docker-image://${build.builder}`],
      ...['--output', `type=local,dest=${build.outDir}`],
    ]);
    return JSON.parse(await fs.readFile(path.join(build.outDir, 'facts.json'), 'utf8')) as Facts;
  } finally {
    await fs.rm(input, { recursive: true, force: true });
  }
}

/** What buildctl prints (`--progress=plain`), as far as an error needs it. */
interface Log {
  /** Last lines that each step printed, by its number. */
  steps: Map<string, string[]>;
  /** Number of the step that failed. */
  failed?: string;
  /** Last lines that are no step's. */
  rest: string[];
}

function keep(lines: string[], line: string): void {
  lines.push(line);
  if (lines.length > TAIL) lines.shift();
}

/** Sorts a line into the log; returns it without what buildctl puts before it. */
function record(log: Log, line: string): string {
  // "#12 3.456 text" is what step 12 printed after 3.456 s, "#12 text" what BuildKit says of the step.
  const [, step, seconds, text] = /^#(\d+) (?:(\d+\.\d+) )?(.*)$/.exec(line) ?? [];
  if (step === undefined) {
    keep(log.rest, line);
    return line;
  }
  if (seconds === undefined) {
    if (/^ERROR: /.test(text)) log.failed = step;
    return text;
  }
  if (!log.steps.has(step)) log.steps.set(step, []);
  keep(log.steps.get(step) ?? [], text);
  return text;
}

function buildctl(build: InstallTreeBuild, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('buildctl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const log: Log = { steps: new Map(), rest: [] };
    let rest = '';
    const take = (line: string) => {
      const text = record(log, line.trimEnd());
      if (text) build.onProgress?.(text);
    };
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(take);
    });
    child.on('error', (error) =>
      reject(new Error(`buildctl cannot be started (${error.message}); "npm run up" installs it`)),
    );
    child.on('close', (status) => {
      if (status === 0) return resolve();
      take(rest);
      reject(explain(build, log));
    });
  });
}

/** A step says `error: …` for what the user can mend; else its last lines stand for themselves. */
function explain(build: InstallTreeBuild, { steps, failed, rest }: Log): Error {
  const printed = (failed !== undefined && steps.get(failed)) || [];
  const said = printed.filter((line) => line.startsWith('error: ')).pop();
  if (said) return new Error(`the install tree cannot be made: ${said.slice('error: '.length)}`);
  const last = rest.filter((line) => line.startsWith('error: ')).pop() ?? rest.pop() ?? 'buildctl failed';
  const reason = last.replace(/^error: (failed to solve: )?/, '');
  if (/Unavailable|error while dialing|context deadline exceeded/i.test(reason) && printed.length === 0) {
    return new Error(
      `buildkitd does not answer at ${build.address}; start it with "npm run services -- start"`,
    );
  }
  return new Error(['the install tree cannot be made: ' + reason, ...printed].join('\n'));
}
