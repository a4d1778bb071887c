/** Gates as `components/gates.ts` declares them, on packages that a test makes worse. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { fill, packageVersion, publicNames } from '../../names';
import { buildPackage } from '../../provider/formats/packageBuild';
import type { PackageSpec } from '../../provider/formats/packageSpec';
import type { GateFile, GateInputs } from '../../provider/gates/gate';
import { createLocalKey, openSigner, signRpm } from '../../provider/gpg';
import { hashFile } from '../../provider/source/files';
import { EPOCH, specFor, temporaryFolder } from '../unit/packaging/fixture';
import { base, image, place, tree, VERSION } from './imageSet';

export interface Bench {
  /** Folder that stands for the bucket. */
  bucket: string;
  /** GNUPGHOME of the key that signs rpms. */
  home: string;
  fingerprint: string;
}

export async function makeBench(): Promise<Bench> {
  const home = path.join(await temporaryFolder(), 'gnupg');
  const { fingerprint } = await createLocalKey({ home, uid: 'gate tests' });
  return { bucket: await temporaryFolder(), home, fingerprint };
}

/** Puts a package of the example into the bucket; `change` may spoil its spec first. */
export async function packageIn(
  bench: Bench,
  key: string,
  change: (spec: PackageSpec) => void = () => {},
  { sign = true, version = VERSION, from = tree() } = {},
): Promise<GateFile> {
  const { folder, facts } = await from;
  const spec = await specFor(key, { version, driverVersion: facts.driver?.version });
  Object.assign(spec, { debDepends: facts.debDepends, rpmRequires: facts.rpmRequires, epoch: EPOCH });
  change(spec);
  const made = path.join(await temporaryFolder(), spec.fileName);
  await buildPackage(spec, { treeDir: folder }, made);
  if (spec.format === 'rpm' && sign) {
    const signer = await openSigner({ home: bench.home, key: bench.fingerprint, setting: 'test' });
    await signRpm(made, signer, EPOCH);
  }
  const sha256 = await hashFile(made);
  const blob = `build/${sha256}/${spec.fileName}`;
  await fs.mkdir(path.dirname(path.join(bench.bucket, blob)), { recursive: true });
  await fs.copyFile(made, path.join(bench.bucket, blob));
  return { key: blob, sha256, size: (await fs.stat(made)).size, fileName: spec.fileName };
}

async function common(bench: Bench, gate: string, limit: number) {
  const { buildkit } = await place();
  return {
    gate,
    stack: 'gate-tests',
    bucket: bench.bucket,
    buildkit,
    limit,
    limitSetting: 'falco:gateLimit',
  };
}

const checks = () =>
  catalog.gates.installed.map((row) =>
    row.says === undefined ? row : { ...row, says: fill(row.says, { version: VERSION }) },
  );

/** The gate that installs a deb or rpm. */
export async function installGate(
  bench: Bench,
  file: GateFile,
  { limit = 300, previous }: { limit?: number; previous?: GateInputs['previous'] } = {},
): Promise<GateInputs> {
  const isDeb = file.fileName.endsWith('.deb');
  const kind = isDeb ? 'deb' : 'rpm';
  const row = catalog.packages.find((one) => one.format === kind && file.fileName.includes(one.driver ?? ''));
  const { product, repositories } = catalog;
  const name = fill(row?.package ?? '', { name: product.name });
  return {
    ...(await common(bench, `${kind}-test`, limit)),
    kind,
    base: isDeb ? await base() : await image('falco-builder'),
    files: [file],
    checks: checks(),
    settings: {
      PRODUCT: product.name,
      PACKAGE: name,
      PACKAGE_VERSION: packageVersion(VERSION),
      NAMES: (row?.provides ?? []).map((text) => fill(text, { name: product.name })),
      STAND_INS: isDeb ? [] : catalog.gates.rpmStandIns,
    },
    arguments: {},
    repository: {
      ...publicNames(product),
      kind: isDeb ? 'apt' : 'yum',
      prefix: repositories[isDeb ? 'apt' : 'yum'].prefix.release,
      product,
      suite: repositories.apt.suite,
      component: repositories.apt.component,
      architecture: 'amd64',
      package: name,
      version: VERSION,
    },
    signing: isDeb ? undefined : { home: bench.home, fingerprint: bench.fingerprint, setting: 'test' },
    previous,
  };
}

/** The gate that reads the binaries of a package. */
export async function floorGate(
  bench: Bench,
  file: GateFile,
  versions = catalog.libraries.distribution.floors.deb.versions,
): Promise<GateInputs> {
  const format = file.fileName.endsWith('.tar.gz') ? 'tar.gz' : file.fileName.split('.').pop();
  return {
    ...(await common(bench, 'floor-test', 120)),
    kind: 'floor',
    base: await image('falco-builder'),
    files: [file],
    checks: [],
    settings: {
      FORMAT: format ?? '',
      FLOOR_OF: 'the oldest system',
      FLOORS: Object.entries(versions).map(([prefix, version]) => `${prefix}=${version}`),
    },
    arguments: {},
  };
}

/** The gate that starts an image. */
export async function imageGate(
  bench: Bench,
  reference: string,
  rows: GateInputs['checks'],
  limit = 120,
): Promise<GateInputs> {
  return {
    ...(await common(bench, 'image-test', limit)),
    kind: 'image',
    base: await base(),
    image: reference,
    files: [],
    checks: rows,
    settings: {},
    arguments: {},
  };
}
