/**
 * What is told of an image: its SBOM (SPDX) and how it was made (SLSA provenance), made once for its digest and kept
 * until they are attached to it (attestation.ts).
 */
import { ImageContents, imageContents, isOfDeciding } from '../attest/imageContents';
import { projectCommit } from '../attest/project';
import { BuildFacts, provenance, statementText } from '../attest/provenance';
import { findsPackages, imageSbom } from '../attest/sbom';
import { sameContents, SbomProduct, SbomSubject, sbomText, SpdxDocument } from '../attest/spdx';
import { sha256 as sha256Of } from '../formats/compress';
import type { Statement } from '../publish/published';
import { changed, Resource } from '../resource';
import { openStore } from '../store/open';
import { UNKNOWN } from '../wire';
import { removeFiles } from './package';
import { areKept, keepStatement, scans } from './statementFiles';

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
  /** Hash of the image's layers that decide what is told (imageContents.ts). */
  layers: string;
}

type State = ImageStatementsInputs & ImageStatementsOutputs;

/** The SBOM of before, where the same layers decide it: a new version changes labels and texts of every image. */
async function sbomOf(
  { repository, digest, platform }: ImageStatementsInputs,
  contents: ImageContents,
  subject: SbomSubject,
  before?: State,
): Promise<string> {
  const known =
    before?.layers === contents.deciding && before.statements.find((one) => one.document === 'spdx.json');
  const found = known ? (await openStore(before.bucket).get(known.key))?.body : undefined;
  if (known && found && sha256Of(found) === known.sha256) {
    const document = JSON.parse(found.toString()) as SpdxDocument;
    if (isOfDeciding(document, contents)) return sbomText(sameContents(document, subject));
  }
  return imageSbom(`${repository}@${digest}`, platform, subject, contents, scans);
}

async function make(inputs: ImageStatementsInputs, before?: State): Promise<ImageStatementsOutputs> {
  const { bucket, prefix, artifact, name, repository, digest, product, facts } = inputs;
  const sha256 = digest.replace(/^sha256:/, '');
  const contents = await imageContents(`${repository}@${digest}`, findsPackages);
  const subject: SbomSubject = {
    ...{ name, version: facts.version, kind: 'image', identity: sha256, sha256, epoch: facts.epoch, product },
  };
  const sbom = await sbomOf(inputs, contents, subject, before);
  const made = provenance(facts, { artifact, name, sha256 }, await projectCommit());
  const place = { bucket, prefix, fileName: artifact };
  return {
    layers: contents.deciding,
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
    if (isSame && (await areKept(olds))) return { statements: olds.statements, layers: olds.layers };
    return make(news, olds);
  },

  async read(state) {
    return (await areKept(state)) ? state : undefined;
  },

  delete: removeFiles,
};
