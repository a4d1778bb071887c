/** A tiny install tree of our own, and the catalog's rows as the package builders want them. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { catalog } from '../../../catalog';
import type { Product } from '../../../model';
import { fileNames, fill } from '../../../names';
import type { PackageSpec } from '../../../provider/formats/packageBuild';
import { readTemplate } from '../../../provider/formats/template';

export const run = promisify(execFile);
export const EPOCH = 1_600_000_000; // 2020-09-13 12:26:40 UTC
export const PACKAGING = path.resolve(__dirname, '../../../packaging');

// Built tools of the project, where the set-up puts them; a tool on PATH already wins.
const tools = path.resolve(__dirname, '../../../.local/bin');
process.env.PATH = `${process.env.PATH}:${tools}`;

const folders: string[] = [];

/** A folder that `removeFolders` takes away. */
export async function temporaryFolder(): Promise<string> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'packaging-test-'));
  folders.push(folder);
  return folder;
}

export async function removeFolders(): Promise<void> {
  await Promise.all(folders.splice(0).map((folder) => fs.rm(folder, { recursive: true, force: true })));
}

export interface TreeOptions {
  name?: string;
  version?: string;
  driverVersion?: string;
  /** The module does not compile. */
  brokenModule?: boolean;
  rules?: string;
  /** Text of the configuration. */
  config?: string;
}

const KBUILD = `obj-m := NAME.o
NAME-y := main.o
KERNELDIR ?= /lib/modules/$(shell uname -r)/build
all:
	$(MAKE) -C $(KERNELDIR) M=$(CURDIR) modules
clean:
	$(MAKE) -C $(KERNELDIR) M=$(CURDIR) clean
`;
const MODULE = `#include <linux/module.h>
#include "driver_config.h"
MODULE_LICENSE("GPL");
MODULE_VERSION(DRIVER_VERSION);
`;
const BPF_MAKEFILE = `KERNELDIR ?= /lib/modules/$(shell uname -r)/build
CLANG ?= clang
all: probe.o
probe.o: probe.c maps.h
	$(CLANG) -O2 -target bpf -c -o $@ $<
clean:
	rm -f probe.o
`;

/** Makes `tree/`, `lib/` and `debug/` in a new folder, in the shape of what the compilation hands over. */
export async function makeTree(options: TreeOptions = {}): Promise<string> {
  const {
    name = 'falco',
    version = '0.24.0',
    driverVersion = '3aa7a83',
    brokenModule,
    rules = 'one',
    config = 'json_output: false\n',
  } = options;
  const root = await temporaryFolder();
  const write = async (file: string, text: string, mode = 0o644) => {
    const full = path.join(root, file);
    await fs.mkdir(path.dirname(full), { recursive: true });
    await fs.writeFile(full, text);
    await fs.chmod(full, mode);
  };
  const driver = `tree/usr/src/${name}-${driverVersion}`;
  await write(
    'binary.c',
    `#include <stdio.h>\nint main(void) { puts("${name} version ${version}"); return 0; }\n`,
  );
  await fs.mkdir(path.join(root, 'tree/usr/bin'), { recursive: true });
  // Hardened as Debian's own binaries are.
  const flags = ['-O2', '-s', '-fPIE', '-pie', '-Wl,-z,relro,-z,now', '-Wl,--build-id=sha1'];
  await run('gcc', [...flags, '-o', path.join(root, `tree/usr/bin/${name}`), path.join(root, 'binary.c')]);
  await write(`tree/usr/bin/${name}-driver-loader`, `#!/bin/sh\necho loader "$@"\n`, 0o775);
  await write(`tree/etc/${name}/${name}.yaml`, config, 0o600);
  await write(`tree/etc/${name}/${name}_rules.yaml`, `- list: ${rules}\n`);
  await write(`tree/etc/${name}/${name}_rules.local.yaml`, '# Your own rules.\n');
  await write(`tree/etc/${name}/rules.available/application_rules.yaml`, '- list: applications\n');
  await fs.mkdir(path.join(root, `tree/etc/${name}/rules.d`));
  await write(`tree/usr/share/${name}/plugins/README`, 'plugins\n');
  await fs.symlink('README', path.join(root, `tree/usr/share/${name}/plugins/README.link`));
  await write(`${driver}/Makefile`, KBUILD.replaceAll('NAME', name));
  await write(
    `${driver}/dkms.conf`,
    `PACKAGE_NAME="${name}"\nPACKAGE_VERSION="${driverVersion}"\nBUILT_MODULE_NAME[0]="${name}"\n` +
      'DEST_MODULE_LOCATION[0]="/kernel/extra"\nAUTOINSTALL="yes"\n',
  );
  await write(`${driver}/driver_config.h`, `#define DRIVER_VERSION "${driverVersion}"\n`);
  await write(`${driver}/main.c`, brokenModule ? '#error "too old for this kernel"\n' : MODULE);
  await write(`${driver}/bpf/Makefile`, BPF_MAKEFILE);
  await write(`${driver}/bpf/maps.h`, '/* maps */\n');
  await write(
    `${driver}/bpf/probe.c`,
    '#include "../driver_config.h"\n#include "maps.h"\nint probe(void) { return 0; }\n',
  );
  await write('lib/libcarried.so.1', 'not really a library\n', 0o755);
  await write(`debug/${name}.debug`, 'symbols\n');
  return root;
}

export interface SpecOptions {
  version?: string;
  driverVersion?: string;
  product?: Product;
}

/** The spec of a catalog row, as `components/packages.ts` and `provider/resources/package.ts` make it. */
export async function specFor(key: string, options: SpecOptions = {}): Promise<PackageSpec> {
  const { version = '0.24.0', driverVersion = '3aa7a83', product = catalog.product } = options;
  const row = catalog.packages.find((one) => one.key === key);
  if (!row) throw new Error(`the catalog has no package ${key}`);
  const arch = catalog.architectures[0];
  const { name } = product;
  const packageName = row.package && fill(row.package, { name });
  const filled = (text: string) => fill(text, { name, package: packageName ?? name });
  const list = (texts: string[] = []) => texts.map(filled);
  const scripts: Record<string, string> = {};
  for (const [moment, template] of Object.entries(row.scripts ?? {}) as [string, string][]) {
    scripts[moment] = await readTemplate(PACKAGING, template);
  }
  return {
    key,
    format: row.format,
    fileName: fileNames(product, row, version, arch).fileName,
    package: packageName,
    version,
    arch,
    product,
    provides: list(row.provides),
    conflicts: list(row.conflicts),
    replaces: list(row.replaces),
    depends: list(row.depends),
    recommends: list(row.recommends),
    scripts,
    texts: await Promise.all(
      row.texts.map(async ({ template, to, mode = 0o644 }) => ({
        to: filled(to),
        mode,
        content: await readTemplate(PACKAGING, template),
      })),
    ),
    // The catalog's rules name the product; those of a second one would name that.
    select: row.select.map((rule) => ({ ...rule, match: rule.match.replaceAll(catalog.product.name, name) })),
    libraries: row.libraries ?? false,
    from: row.from,
    epoch: EPOCH,
    debDepends: ['libc6 (>= 2.34)'],
    rpmRequires: ['libc.so.6()(64bit)', 'libc.so.6(GLIBC_2.34)(64bit)'],
    driver: { dir: `usr/src/${name}-${driverVersion}`, version: driverVersion },
  };
}
