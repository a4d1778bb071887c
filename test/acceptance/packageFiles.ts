/** Package files of two releases for the acceptance tests, each built once, and what their installation records. */
import * as path from 'node:path';
import { buildPackage } from '../../provider/formats/packageBuild';
import type { PackageScripts } from '../../provider/formats/packageSpec';
import { makeTree, specFor, temporaryFolder, TreeOptions } from '../unit/packaging/fixture';

export type Release = TreeOptions & {
  version: string;
  driverVersion: string;
  /** Lines that scripts begin with, by their moment. */
  scriptHeads?: Partial<Record<keyof PackageScripts, string>>;
};

/** The release before, and this one, with another driver. */
export const OLD: Release = { version: '0.24.0', driverVersion: 'aaa', rules: 'old' };
export const NEW: Release = { version: '0.25.0', driverVersion: 'bbb', rules: 'new' };

const TWICE = '[ -n "${AGAIN:-}" ] || AGAIN=yes sh "$0" "$@" || exit';
/** Every script runs twice, in full, wherever it is called. */
export const ALL_TWICE: Release['scriptHeads'] = {
  ...{ preinstall: TWICE, postinstall: TWICE, preremove: TWICE, postremove: TWICE },
  posttransaction: TWICE,
};
/** The program that runs this script is killed by it, once, if there is a file /kill-here. */
export const KILLS_ITS_CALLER = '[ ! -e /kill-here ] || { rm /kill-here; kill -9 $PPID; sleep 1; exit 1; }';

const built = new Map<string, Promise<string>>();

/** The package file of a catalog row. */
export function packageOf(key: string, release: Release = OLD): Promise<string> {
  const id = JSON.stringify([key, release]);
  let file = built.get(id);
  if (!file) {
    file = (async () => {
      const spec = await specFor(key, release);
      for (const [moment, head] of Object.entries(release.scriptHeads ?? {}) as [
        keyof PackageScripts,
        string,
      ][]) {
        const text = spec.scripts[moment];
        if (text !== undefined)
          spec.scripts[moment] = text.replace(/^(#!.*\n)?/, (first) => `${first}${head}\n`);
      }
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
