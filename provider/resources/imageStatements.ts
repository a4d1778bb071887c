/**
 * What is told of an image: its SBOM (SPDX) and how it was made (SLSA provenance), made once for its digest and kept
 * until they are attached to it (attestation.ts).
 */
import { imageContents } from '../attest/imageContents';
import { projectCommit } from '../attest/project';
import { BuildFacts, provenance, statementText } from '../attest/provenance';
import { findsPackages, imageSbom } from '../attest/sbom';
import { SbomProduct, SbomSubject } from '../attest/spdx';
import type { Statement } from '../publish/published';
import { changed, Resource } from '../resource';
import { UNKNOWN } from '../wire';
import { removeFiles } from './package';
import { areKept, keepStatement, LAYERS, scans } from './statementFiles';

export interface ImageStatementsInputs {
  bucket: string;
  /** The documents go to `<prefix>/<sha256>/<artifact>.<document>`. */
  prefix: string;
  /** Name of the image in the catalog, `image-` before it. */
  artifact: string;
  /** Its name without the registry. */
  name: string;
  /** `<registry>/<namespace>/<name>`. Another place of the same image is no reason for a change. */
  repository: string;
  digest: string;
  /** Such as `linux/amd64`. */
  platform: string;
  product: SbomProduct;
  /** No reason for a change. */
  facts: BuildFacts;
}

export interface ImageStatementsOutputs {
  statements: Statement[];
}

async function make({
  bucket,
  prefix,
  artifact,
  name,
  repository,
  digest,
  platform,
  product,
  facts,
}: ImageStatementsInputs): Promise<ImageStatementsOutputs> {
  const sha256 = digest.replace(/^sha256:/, '');
  const reference = `${repository}@${digest}`;
  const contents = await imageContents(reference, findsPackages);
  const subject: SbomSubject = {
    ...{ name, version: facts.version, kind: 'image', identity: sha256, sha256, epoch: facts.epoch, product },
  };
  const sbom = await imageSbom(reference, platform, subject, contents, { scans, layers: LAYERS });
  const made = provenance(facts, { artifact, name, sha256 }, await projectCommit());
  const place = { bucket, prefix, fileName: artifact };
  return {
    statements: [
      await keepStatement(place, 'spdx.json', sbom),
      await keepStatement(place, 'provenance.json', statementText(made)),
    ],
  };
}

const FIELDS = ['bucket', 'prefix', 'name', 'digest'] as const;

export const imageStatements: Resource<ImageStatementsInputs, ImageStatementsOutputs> = {
  diff(olds, news) {
    if (news === UNKNOWN) return { changes: ['digest'] };
    return { changes: changed(olds, news, [...FIELDS]) };
  },

  async create(inputs) {
    return { id: inputs.artifact, outs: await make(inputs) };
  },

  async update(olds, news) {
    const isSame = changed(olds, news, [...FIELDS]).length === 0;
    if (isSame && (await areKept(olds))) return { statements: olds.statements };
    return make(news);
  },

  async read(state) {
    return (await areKept(state)) ? state : undefined;
  },

  delete: removeFiles,
};
