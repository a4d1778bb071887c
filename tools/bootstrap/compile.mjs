// dist/: the provider, the command line and the Pulumi program, each bundled into one JavaScript file.
// Also used by provider/pulumi-resource-artifacts and program.js, so that plain `pulumi up` never runs a stale one.
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';
import { say, SetupError } from './log.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Entry file of each bundle. */
const entries = {
  provider: 'provider/main.ts',
  cli: 'cli/main.ts',
  program: 'index.ts',
  mocks: 'cli/mocks.ts',
};
/** Bundles that run inside Pulumi's SDK. */
const onSdk = ['program', 'mocks'];

/**
 * The program runs inside Pulumi's own start-up code and shares the modules of the SDK with it.
 * @type {import('esbuild').Plugin}
 */
const sharedSdk = {
  name: 'shared SDK',
  setup(hooks) {
    const ours = (/** @type {string} */ name) => ({ path: join(root, 'tools', 'sdk', `${name}.js`) });
    hooks.onResolve({ filter: /^@pulumi\/pulumi$/ }, () => ours('index'));
    hooks.onResolve({ filter: /^@pulumi\/pulumi\/runtime$/ }, () => ours('runtime'));
    hooks.onResolve({ filter: /^@pulumi\/pulumi\// }, ({ path }) => ({ path, external: true }));
  },
};

/** @typedef {keyof typeof entries} Bundle */

/** What a bundle was made from: `size mtime` of each file by path. @typedef {Record<string, string>} Stamp */

/** @param {string} file @returns {string} */
function fingerprint(file) {
  const path = join(root, file);
  if (!existsSync(path)) return 'missing';
  const { size, mtimeMs } = statSync(path);
  return `${size} ${mtimeMs}`;
}

/** @param {Bundle} name */
const stampPath = (name) => join(root, 'dist', `${name}.stamp.json`);

/** @param {Bundle} name */
function isCurrent(name) {
  if (!existsSync(join(root, 'dist', `${name}.js`)) || !existsSync(stampPath(name))) return false;
  /** @type {Stamp} */
  const stamp = JSON.parse(readFileSync(stampPath(name), 'utf8'));
  return Object.entries(stamp).every(([file, was]) => fingerprint(file) === was);
}

/**
 * Compiles the named bundles whose sources changed. One file time look-up per source otherwise.
 *
 * @param {Bundle[]} names a bundle whose entry file does not exist is left out
 */
export async function ensureCompiled(names) {
  const isStale = (/** @type {Bundle} */ name) => existsSync(join(root, entries[name])) && !isCurrent(name);
  if (!names.some(isStale)) return;
  mkdirSync(join(root, 'dist'), { recursive: true });
  await withLock(join(root, 'dist', '.lock'), 'dist', async () => {
    for (const name of names.filter(isStale)) await compile(name);
  });
}

/** @param {Bundle} name */
async function compile(name) {
  say(`compiling ${entries[name]}`);
  const { build } = await import('esbuild');
  const fixed = ['package-lock.json', relative(root, fileURLToPath(import.meta.url))];
  // Taken before the build: an edit during it makes the stamp differ afterwards.
  /** @type {Map<string, string>} */
  const seen = new Map(fixed.map((file) => [file, fingerprint(file)]));
  const output = join(root, 'dist', `${name}.js`);
  /** @type {import('esbuild').BuildOptions} */
  const options = {
    absWorkingDir: root,
    entryPoints: [entries[name]],
    outfile: output,
    bundle: true,
    platform: 'node',
    target: 'node20',
    // Half the bytes to read at every start.
    minifyWhitespace: true,
    format: 'cjs',
    // Large, and loaded only where a bucket is on S3, or by the program of the cloud's set-up.
    external: ['@aws-sdk/*', '@pulumi/aws/*', '@pulumi/github', '@pulumi/github/*'],
    // The SDK takes a stack trace for every resource and promise; mapping those takes half a second.
    sourcemap: onSdk.includes(name) ? false : 'linked',
    metafile: true,
    write: false,
    logLevel: 'silent',
    plugins: [
      ...(onSdk.includes(name) ? [sharedSdk] : []),
      {
        name: 'fingerprints',
        setup(hooks) {
          hooks.onLoad({ filter: /\.(ts|js|json)$/ }, ({ path }) => {
            const file = relative(root, path);
            if (!file.startsWith('node_modules')) seen.set(file, fingerprint(file));
            return undefined;
          });
        },
      },
    ],
  };
  const result = await build(options).catch((error) => {
    throw new SetupError(`${entries[name]} does not compile:\n  ${error.message}`);
  });
  // Renamed into place: a provider that starts now reads the old file or the new one, never half of one.
  for (const file of result.outputFiles ?? []) {
    writeFileSync(`${file.path}.new`, file.contents);
    renameSync(`${file.path}.new`, file.path);
  }
  writeFileSync(stampPath(name), JSON.stringify(Object.fromEntries(seen), null, 1));
}
