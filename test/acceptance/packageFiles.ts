/** Package files of two releases for the acceptance tests, each built once, and what their installation records. */
import * as path from 'node:path';
import { buildPackage } from '../../provider/formats/packageBuild';
import { makeTree, specFor, temporaryFolder, TreeOptions } from '../unit/packaging/fixture';

export type Release = TreeOptions & { version: string; driverVersion: string };

/** The release before, and this one, with another driver. */
export const OLD: Release = { version: '0.24.0', driverVersion: 'aaa', rules: 'old' };
export const NEW: Release = { version: '0.25.0', driverVersion: 'bbb', rules: 'new' };

const built = new Map<string, Promise<string>>();

/** The package file of a catalog row. */
export function packageOf(key: string, release: Release = OLD): Promise<string> {
  const id = JSON.stringify([key, release]);
  let file = built.get(id);
  if (!file) {
    file = (async () => {
      const spec = await specFor(key, release);
      const name = path.join(await temporaryFolder(), spec.fileName);
      await buildPackage(spec, { treeDir: await makeTree(release) }, name);
      return name;
    })();
    built.set(id, file);
  }
  return file;
}

/** To be called when the folders are removed. */
export function forgetPackages(): void {
  built.clear();
}

/** What is recorded when a module comes in, and when it goes. */
export const moduleIn = (version: string, kernel: string) => [
  `dkms add -m falco -v ${version}`,
  `dkms build -m falco -v ${version} -k ${kernel}`,
  `dkms install --force -m falco -v ${version} -k ${kernel}`,
];
export const moduleOut = (version: string) => `dkms remove -m falco -v ${version} --all`;
