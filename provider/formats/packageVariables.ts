/** The variables that the texts of `packaging/` may use. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { packageVersion } from '../../names';
import type { PackageInput, PackageSpec } from './packageSpec';

/** "The Authors <mail>", as deb and rpm want it, where the catalog may give the address alone. */
export function maintainerOf(product: PackageSpec['product']): string {
  return product.maintainer.includes('<') ? product.maintainer : `${product.title} <${product.maintainer}>`;
}

/** Folder inside a tarball that all of it is in. */
export function topFolder(fileName: string): string {
  return fileName.replace(/\.tar\.gz$/, '');
}

/**
 * Variables of one package. One that does not apply (the driver's, of a package without) is undefined, so that
 * a text which uses it fails to render.
 *
 * | variable | value |
 * | --- | --- |
 * | NAME TITLE VENDOR LICENSE HOMEPAGE SUMMARY | of the product |
 * | MAINTAINER | name and mail address |
 * | ENV_PREFIX | the name as environment variables begin: capitals, `_` |
 * | PACKAGE, PACKAGE_VERSION | name and version inside a deb or rpm |
 * | VERSION, ARCH, FILE, FOLDER | x.y.z[-pre]; the format's architecture; file name; top folder of a tarball |
 * | YEAR, RFC_DATE | of the epoch, UTC |
 * | CONFIG_FILES | paths of the configuration files, separated by spaces, no leading slash |
 * | DRIVER_DIR, DRIVER_VERSION, DKMS_NAME | `usr/src/<dkms name>-<version>` and its two parts |
 * | MODULE | name of the kernel module: file name without .ko |
 * | IMAGE_NAMESPACE | registry namespace of the product's images |
 * | VERSION_VARIABLE, CMAKE_ARGS | how the sources are configured; the caller's `variables` say it better |
 */
export async function packageVariables(
  spec: PackageSpec,
  input: PackageInput,
  configFiles: string[],
): Promise<Record<string, string | undefined>> {
  const { product } = spec;
  const architecture = {
    deb: spec.arch.deb,
    rpm: spec.arch.rpm,
    'tar.gz': spec.arch.tarball,
    debug: spec.arch.deb,
  };
  const prefix = product.name.toUpperCase().replace(/[^A-Z0-9]/g, '_');
  const date = new Date(spec.epoch * 1000);
  return {
    NAME: product.name,
    TITLE: product.title,
    VENDOR: product.vendor,
    LICENSE: product.license,
    HOMEPAGE: product.homepage,
    SUMMARY: product.summary,
    MAINTAINER: maintainerOf(product),
    ENV_PREFIX: prefix,
    PACKAGE: spec.package,
    PACKAGE_VERSION: packageVersion(spec.version),
    VERSION: spec.version,
    ARCH: architecture[spec.format],
    FILE: spec.fileName,
    FOLDER: spec.format === 'tar.gz' ? topFolder(spec.fileName) : undefined,
    YEAR: String(date.getUTCFullYear()),
    RFC_DATE: date.toUTCString().replace('GMT', '+0000'),
    IMAGE_NAMESPACE: product.imageNamespace,
    VERSION_VARIABLE: `${prefix}_VERSION`,
    CMAKE_ARGS: '-DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr',
    CONFIG_FILES: [...configFiles].sort().join(' '),
    ...(await driverVariables(spec, input)),
    ...spec.variables,
  };
}

async function driverVariables(spec: PackageSpec, input: PackageInput): Promise<Record<string, string>> {
  if (!spec.driver) return {};
  const dir = spec.driver.dir.replace(/^\/|\/$/g, '');
  const base = path.posix.basename(dir);
  const suffix = `-${spec.driver.version}`;
  if (!base.endsWith(suffix)) {
    throw new Error(`${spec.key}: the driver's folder ${dir} is not named <dkms name>${suffix}`);
  }
  const name = base.slice(0, -suffix.length);
  const module = input.treeDir ? await builtModule(path.join(input.treeDir, 'tree', dir)) : undefined;
  return { DRIVER_DIR: dir, DRIVER_VERSION: spec.driver.version, DKMS_NAME: name, MODULE: module ?? name };
}

/** BUILT_MODULE_NAME[0] of a dkms.conf (dkms(8)); without one the module is called like the dkms package. */
async function builtModule(directory: string): Promise<string | undefined> {
  const conf = await fs.readFile(path.join(directory, 'dkms.conf'), 'utf8').catch(() => '');
  return /^\s*BUILT_MODULE_NAME(?:\[0\])?=["']?([A-Za-z0-9_-]+)["']?\s*$/m.exec(conf)?.[1];
}
