/**
 * What is told of a package, beside it: its SBOM (SPDX) and how it was made (SLSA provenance), made once for its bytes
 * and kept until they are published with it. A build that gives the same bytes changes neither: they are of the build
 * that the bytes first came from.
 */
import * as path from 'node:path';
import type { Format } from '../../model';
import { projectCommit } from '../attest/project';
import { BuildFacts, provenance, statementText } from '../attest/provenance';
import { packageSbom } from '../attest/sbom';
import type { SbomProduct, SbomSubject } from '../attest/spdx';
import { withTemporaryFolder } from '../gpgSession';
import type { Statement } from '../publish/published';
import { changed, Resource } from '../resource';
import { hashFile } from '../source/files';
import { openStore } from '../store/open';
import { UNKNOWN } from '../wire';
import { removeFiles } from './package';
import type { Blob } from './source';
import { areKept, keepStatement, scans } from './statementFiles';

export interface PackageStatementsInputs {
  bucket: string;
  /** The documents go to `<prefix>/<sha256>/<fileName>.<document>`. */
  prefix: string;
  /** Name of the package in the catalog. */
  artifact: string;
  format: Format;
  fileName: string;
  package: Blob;
  /** Of an rpm: equal for equal packages whatever their signatures; else empty. */
  identity: string;
  product: SbomProduct;
  /** No reason for a change. */
  facts: BuildFacts;
}

export interface PackageStatementsOutputs {
  statements: Statement[];
}

async function make(inputs: PackageStatementsInputs): Promise<PackageStatementsOutputs> {
  const { artifact, format, fileName, package: blob, identity, product, facts } = inputs;
  const subject: SbomSubject = {
    ...{ name: fileName, version: facts.version, kind: 'package', epoch: facts.epoch, product },
    ...(identity === '' ? { identity: blob.sha256, sha256: blob.sha256 } : { identity }),
  };
  const sbom = await withTemporaryFolder(async (folder) => {
    const file = path.join(folder, fileName);
    const store = openStore(inputs.bucket);
    await store.download(blob.key, file);
    if ((await hashFile(file)) !== blob.sha256)
      throw new Error(`${store.url}/${blob.key} is damaged: build the package again (refresh, then up).`);
    return packageSbom(file, format, subject, scans);
  });
  const made = provenance(facts, { artifact, name: fileName, sha256: blob.sha256 }, await projectCommit());
  return {
    statements: [
      await keepStatement(inputs, 'spdx.json', sbom),
      await keepStatement(inputs, 'provenance.json', statementText(made)),
    ],
  };
}

export const packageStatements: Resource<PackageStatementsInputs, PackageStatementsOutputs> = {
  diff(olds, news) {
    if (news === UNKNOWN) return { changes: ['package'] };
    return { changes: changed(olds, news, ['bucket', 'prefix', 'fileName', 'package', 'format']) };
  },

  async create(inputs) {
    return { id: inputs.artifact, outs: await make(inputs) };
  },

  async update(olds, news) {
    const isSame = changed(olds, news, ['bucket', 'prefix', 'fileName', 'package', 'format']).length === 0;
    return isSame && (await areKept(olds)) ? { statements: olds.statements } : make(news);
  },

  async read(state) {
    return (await areKept(state)) ? state : undefined;
  },

  delete: removeFiles,
};
