/**
 * deb and rpm by the `nfpm` program (tools/, v2.43): metadata and contents as one YAML file in a folder of the
 * caller. Its packages are unsigned. Compression is gzip, which every dpkg and rpm reads (EL7 has no zstd), and is done
 * here: nfpm would compress what four packages hold four times.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { stringify } from 'yaml';
import { packageVersion } from '../../names';
import type { Format } from '../../model';
import type { PackageScripts, PackageSpec } from './packageSpec';
import { maintainerOf } from './packageVariables';
import { compressData } from './debData';
import { makePayloadRelative } from './rpmPayload';
import type { DiskCache } from '../diskCache';
import type { PackageEntry } from './treeSelection';

const run = promisify(execFile);

/** nfpm holds the whole archive in memory, two to three times while its buffer grows: one at a time in a process. */
const running = pLimit(1);

/** rpm Release; a deb has none, so that its version is exactly x.y.z. */
const RPM_RELEASE = '1';

/**
 * Directories that are shared with other packages. A deb lists them as every deb does; an rpm that owned them
 * would own a part of the `filesystem` package.
 */
function isOwned(directory: string, spec: PackageSpec): boolean {
  const parts = directory.split('/');
  const own = (part: string) => part === spec.product.name || part === spec.package;
  const driver = spec.driver?.dir.replace(/^\/|\/$/g, '');
  return parts.some(own) || (driver !== undefined && `${directory}/`.startsWith(`${driver}/`));
}

/** Writes the package. `workDir` is an empty folder that the caller removes; the scripts are rendered. */
export async function buildNfpm(
  spec: PackageSpec,
  entries: PackageEntry[],
  scripts: PackageScripts,
  workDir: string,
  outFile: string,
  segments?: DiskCache,
): Promise<void> {
  if (spec.format !== 'deb' && spec.format !== 'rpm')
    throw new Error(`${spec.key}: nfpm makes no ${spec.format}`);
  const { posttransaction, ...common } = await writeScripts(spec, scripts, workDir);
  const config = {
    ...metadata(spec, spec.format, posttransaction),
    ...(spec.format === 'rpm' ? { changelog: await writeChangelog(spec, workDir) } : {}),
    scripts: common,
    contents: await contents(spec, entries, workDir),
  };
  const file = path.join(workDir, 'nfpm.yaml');
  await fs.writeFile(file, stringify(config, { lineWidth: 0 }));
  const env = {
    PATH: process.env.PATH,
    TZ: 'UTC',
    LC_ALL: 'C',
    // The only source of times: nfpm gives it to every entry, to the archive members and to the rpm header.
    SOURCE_DATE_EPOCH: String(spec.epoch),
    DOLLAR: '$',
    // Above it, Go gives back at once what a buffer that grew has left: up to a quarter of the peak of a large package,
    // for no more time. GOGC does not, and a limit that small packages meet makes them take longer.
    GOMEMLIMIT: '200MiB',
  };
  const args = ['package', '--packager', spec.format, '--config', file, '--target', outFile];
  try {
    await running(() => run('nfpm', args, { env }));
  } catch (error) {
    const { code, stderr, stdout, message } = error as {
      code?: unknown;
      stderr?: string;
      stdout?: string;
      message: string;
    };
    if (code === 'ENOENT') throw new Error('the program nfpm is not on PATH; the set-up of tools/ makes it');
    throw new Error(`nfpm could not make ${spec.fileName}: ${(stderr || stdout || message).trim()}`);
  }
  if (spec.format === 'rpm') await makePayloadRelative(outFile, segments);
  else await compressData(outFile, segments);
}

/** nfpm expands `$NAME` in most fields and has no escape for it; an environment variable that holds `$` is one. */
const literal = (text: string) => text.replaceAll('$', '${DOLLAR}');
const literals = (texts: string[]) => texts.map(literal);

function metadata(spec: PackageSpec, format: 'deb' | 'rpm', posttrans?: string) {
  const { product } = spec;
  if (!spec.package)
    throw new Error(`${spec.key}: a ${format} needs a package name ("package" of its catalog row)`);
  if (format === 'rpm' && spec.replaces.length > 0) {
    // nfpm would write Obsoletes.
    throw new Error(`${spec.key}: "replaces" is for debs; an rpm is switched with "dnf swap"`);
  }
  const version = packageVersion(spec.version);
  const own = format === 'deb' ? `(= ${version})` : `= ${version}`;
  const common = {
    name: literal(spec.package),
    arch: spec.arch[format],
    platform: 'linux',
    version,
    // With nfpm's default, a pre-release would be split off and written in its own way.
    version_schema: 'none',
    maintainer: literal(maintainerOf(product)),
    vendor: literal(product.vendor),
    homepage: literal(product.homepage),
    disable_globbing: true,
    provides: literals(spec.provides.map((name) => (/[(=<>]/.test(name) ? name : `${name} ${own}`))),
    conflicts: literals(spec.conflicts),
    recommends: literals(spec.recommends),
  };
  if (format === 'deb') {
    return {
      ...common,
      section: product.section,
      priority: 'optional',
      description: literal(`${synopsis(spec)}\n${wrapped(product.description)}`),
      replaces: literals(spec.replaces),
      depends: literals([...spec.depends, ...spec.debDepends]),
      deb: { arch: spec.arch.deb, compression: 'none' },
    };
  }
  return {
    ...common,
    release: RPM_RELEASE,
    license: product.license,
    description: literal(wrapped(product.description)),
    // rpmbuild would add the scripts' interpreter by itself.
    depends: literals([...new Set([...spec.depends, ...spec.rpmRequires, '/bin/sh'])]),
    // Its default is the name of this machine. "localhost" is what reproducible rpm builds write.
    rpm: {
      arch: spec.arch.rpm,
      buildhost: 'localhost',
      // Stored: the payload is compressed when its names are rewritten.
      compression: 'gzip:0',
      group: 'Applications/System',
      summary: product.summary,
      scripts: posttrans === undefined ? {} : { posttrans },
    },
  };
}

/** A deb's synopsis must not begin with the package name (Debian developers' reference 6.2.1). */
function synopsis({ product }: PackageSpec): string {
  const { title, summary } = product;
  const rest = summary.toLowerCase().startsWith(title.toLowerCase())
    ? summary.slice(title.length)
    : undefined;
  return rest !== undefined && /^\s*[-:,]/.test(rest) ? rest.replace(/^\s*[-:,]\s*/, '') : summary;
}

/** Lines of at most 78 characters, as both formats want them. */
function wrapped(text: string): string {
  return text.replace(/(?=\S)([^\n]{1,78})(?:[^\S\n]+|$|(?=\n))/g, '$1\n').trimEnd();
}

/** nfpm takes scripts as files; it packs their bytes as they are. */
async function writeScripts(
  spec: PackageSpec,
  scripts: PackageScripts,
  workDir: string,
): Promise<PackageScripts> {
  if (scripts.posttransaction !== undefined && spec.format === 'deb') {
    throw new Error(`${spec.key}: "posttransaction" is a moment of rpm; a deb has "postinstall"`);
  }
  const files: Record<string, string> = {};
  for (const [name, text] of Object.entries(scripts) as [string, string | undefined][]) {
    if (text === undefined) continue;
    files[name] = path.join(workDir, name);
    await fs.writeFile(files[name], text);
  }
  return files;
}

/** One entry, as a deb has it in a file of its own (`packaging/deb/changelog`). */
async function writeChangelog(spec: PackageSpec, workDir: string): Promise<string> {
  const file = path.join(workDir, 'changelog.yaml');
  const entry = {
    semver: `${packageVersion(spec.version)}-${RPM_RELEASE}`,
    date: new Date(spec.epoch * 1000).toISOString(),
    packager: maintainerOf(spec.product),
    changes: [{ note: `Release ${spec.version}` }],
  };
  await fs.writeFile(file, stringify([entry]));
  return file;
}

async function contents(spec: PackageSpec, entries: PackageEntry[], workDir: string) {
  const texts = path.join(workDir, 'texts');
  await fs.mkdir(texts);
  const listed = [];
  for (const entry of entries) {
    const owner = { owner: 'root', group: 'root' };
    const dst = literal(`/${entry.path}`);
    if (entry.type === 'directory') {
      const empty = !entries.some(({ path: other }) => other.startsWith(`${entry.path}/`));
      if (empty || isOwned(entry.path, spec))
        listed.push({ dst, type: 'dir', file_info: { ...owner, mode: entry.mode } });
    } else if (entry.content && 'target' in entry.content) {
      listed.push({
        src: literal(entry.content.target),
        dst,
        type: 'symlink',
        file_info: { ...owner, mode: entry.mode },
      });
    } else if (entry.content) {
      let src = 'file' in entry.content ? entry.content.file : '';
      if ('text' in entry.content) {
        src = path.join(texts, String(listed.length));
        await fs.writeFile(src, entry.content.text);
      }
      const type = fileType(entry, spec.format);
      listed.push({
        src: literal(path.resolve(src)),
        dst,
        ...type,
        file_info: { ...owner, mode: entry.mode },
      });
    }
  }
  return listed;
}

/** A deb knows one kind of configuration file, which is never replaced without asking, and no documentation. */
function fileType(entry: PackageEntry, format: Format): { type?: string } {
  if (entry.config) return { type: format === 'rpm' ? 'config|noreplace' : 'config' };
  return format === 'rpm' && entry.path.startsWith('usr/share/doc/') ? { type: 'doc' } : {};
}
