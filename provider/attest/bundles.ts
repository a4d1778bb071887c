/** What is attached to an image as Sigstore bundles: one statement each, signed (sigstore/protobuf-specs, "Bundle"). */
import { attachments, blob, manifest, MOST, RegistryError, repositoryOf } from '../oci';
import { CosignError, isSigned, Statement } from './cosign';

/** A bundle with what it claims. Nothing is said of who signed it. */
export interface Bundle {
  /** Of the manifest that attaches it. */
  digest: string;
  statement: Statement;
  text: string;
}

/** As cosign attaches them; what goes along with a true bundle in another manifest would be anybody's. */
const ARTIFACT = 'application/vnd.dev.sigstore.bundle.v0.3+json';
/** OCI image specification, "Guidance for an Empty Descriptor". */
const EMPTY = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
};

interface AttachedManifest {
  artifactType?: string;
  config?: { mediaType: string; digest: string };
  subject?: { digest: string };
  layers?: { digest: string; size: number }[];
}

interface BundleText {
  dsseEnvelope?: { payload: string };
}

const subjectOf = (reference: string) => reference.slice(reference.indexOf('@') + 1);

/**
 * The bundles among what is attached to an image, sorted by digest. Anything else is left out, whatever is wrong with
 * it: everybody who may push may attach, and nobody of them is to stop a release.
 *
 * @throws RegistryError where the registry does not answer
 */
export async function bundlesOf(reference: string): Promise<Bundle[]> {
  const found: Bundle[] = [];
  for (const digest of await attachments(reference)) {
    const bundle = await bundleAt(reference, digest);
    if (bundle) found.push(bundle);
  }
  return found;
}

async function bundleAt(reference: string, digest: string): Promise<Bundle | undefined> {
  const repository = repositoryOf(reference);
  const attached = await ifReadable(manifest(`${repository}@${digest}`));
  const layer = attached === undefined ? undefined : layerIn(attached, subjectOf(reference));
  const text = layer === undefined ? undefined : await ifReadable(blob(`${repository}@${layer}`));
  const statement = text === undefined ? undefined : statementIn(text);
  return text !== undefined && statement ? { digest, statement, text } : undefined;
}

/** Digest of the bundle that a manifest attaches; undefined for another manifest, or too large a bundle. */
function layerIn(attached: string, of: string): string | undefined {
  try {
    const { artifactType, config, subject, layers = [] } = JSON.parse(attached) as AttachedManifest;
    const [{ digest, size }] = layers;
    const isEmpty = config?.mediaType === EMPTY.mediaType && config.digest === EMPTY.digest;
    const isBundle = artifactType === ARTIFACT && isEmpty && layers.length === 1;
    return isBundle && subject?.digest === of && size <= MOST && /^sha256:[0-9a-f]{64}$/.test(digest)
      ? digest
      : undefined;
  } catch {
    return undefined;
  }
}

/** @returns undefined for what the registry lists and does not have, and for what is too large */
async function ifReadable(asked: Promise<string>): Promise<string | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RegistryError && ['absent', 'too large'].includes(error.kind)) return undefined;
    throw error;
  }
}

/** @returns undefined for what holds no statement */
function statementIn(bundle: string): Statement | undefined {
  try {
    const { dsseEnvelope } = JSON.parse(bundle) as BundleText;
    const payload = Buffer.from(dsseEnvelope?.payload ?? '', 'base64').toString();
    const { predicateType, predicate } = JSON.parse(payload) as {
      predicateType?: unknown;
      predicate?: object;
    };
    return typeof predicateType === 'string'
      ? { type: predicateType, predicate: predicate ?? {} }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Those of an image's bundles that the key has signed, of this very image. @param reference `<repository>@<digest>` */
export async function signedBundles(reference: string, publicKey: string): Promise<Bundle[]> {
  const subject = subjectOf(reference);
  const found: Bundle[] = [];
  for (const bundle of await bundlesOf(reference))
    if (await isSigned(bundle.text, bundle.statement.type, subject, publicKey)) found.push(bundle);
  return found;
}

/** The reason that cosign gives, without what it was asked. */
export const reasonOf = (error: unknown): string =>
  error instanceof CosignError ? error.message.replace(/^verifying \S+: /, '') : (error as Error).message;
