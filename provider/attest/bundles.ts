/** What is attached to an image as Sigstore bundles: one statement each, signed (sigstore/protobuf-specs, "Bundle"). */
import { attachments, blob, manifest, RegistryError, repositoryOf } from '../oci';
import { CosignError, isSigned, Statement } from './cosign';

/** A bundle as it lies in the registry, unread: who signed it is not known. */
export interface AttachedBundle {
  /** Of the manifest that attaches it. */
  digest: string;
  /** Predicate type that the manifest claims. */
  type: string;
  text: string;
}

/** What a key has signed of an image. */
export interface Bundle {
  /** Of the manifest that attaches it. */
  digest: string;
  statement: Statement;
}

/** Bytes of the largest bundle that is read. The SBOM of an image with a thousand packages has two million. */
export const LARGEST = 32 << 20;

/** As cosign attaches them; what goes along with a true bundle in another manifest would be anybody's. */
const ARTIFACT = 'application/vnd.dev.sigstore.bundle.v0.3+json';
/** OCI image specification, "Guidance for an Empty Descriptor". */
const EMPTY = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
};

/** cosign's annotation of the manifest, as long as a URI may be. */
const TYPE = 'dev.sigstore.bundle.predicateType';
const isType = (type: string | undefined): type is string => /^[\x21-\x7e]{1,1000}$/.test(type ?? '');

interface AttachedManifest {
  annotations?: Record<string, string>;
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
 * The bundles among what is attached to an image, one at a time, sorted by digest. Anything else is left out, whatever is
 * wrong with it: everybody who may push may attach, and nobody of them is to stop a release.
 *
 * @throws RegistryError where the registry does not answer
 */
export async function* bundlesOf(reference: string): AsyncGenerator<AttachedBundle> {
  for (const digest of await attachments(reference)) {
    const bundle = await bundleAt(reference, digest);
    if (bundle) yield bundle;
  }
}

/** An object, and not too large: cosign 3.1.3 crashes on `null`, and a crash is no answer. */
const isBundle = (text: string) => text.length <= LARGEST && /^\s*\{/.test(text);

async function bundleAt(reference: string, digest: string): Promise<AttachedBundle | undefined> {
  const repository = repositoryOf(reference);
  const attached = await ifReadable(manifest(`${repository}@${digest}`));
  const layer = attached === undefined ? undefined : layerIn(attached, subjectOf(reference));
  const text = layer && (await ifReadable(blob(`${repository}@${layer.digest}`)));
  return layer && text !== undefined && isBundle(text) ? { digest, type: layer.type, text } : undefined;
}

/** The bundle that a manifest attaches; undefined for another manifest, or too large a bundle. */
function layerIn(attached: string, of: string): { digest: string; type: string } | undefined {
  try {
    const {
      annotations,
      artifactType,
      config,
      subject,
      layers = [],
    } = JSON.parse(attached) as AttachedManifest;
    const [{ digest, size }] = layers;
    const isEmpty = config?.mediaType === EMPTY.mediaType && config.digest === EMPTY.digest;
    const isOurs = artifactType === ARTIFACT && isEmpty && layers.length === 1;
    const type = annotations?.[TYPE];
    const isWhole = size <= LARGEST && /^sha256:[0-9a-f]{64}$/.test(digest);
    return isOurs && subject?.digest === of && isWhole && isType(type) ? { digest, type } : undefined;
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

/**
 * Those of an image's bundles that the key has signed, of this very image. Nothing of the others is parsed here: a
 * megabyte of JSON can be a hundred of objects.
 *
 * @param reference `<repository>@<digest>`
 */
export async function signedBundles(reference: string, publicKey: string): Promise<Bundle[]> {
  const subject = subjectOf(reference);
  const found: Bundle[] = [];
  for await (const { digest, type, text } of bundlesOf(reference)) {
    if (!(await isSigned(text, type, subject, publicKey))) continue;
    const statement = statementIn(text);
    if (statement) found.push({ digest, statement });
  }
  return found;
}

/** The reason that cosign gives, without what it was asked. */
export const reasonOf = (error: unknown): string =>
  error instanceof CosignError ? error.message.replace(/^verifying \S+: /, '') : (error as Error).message;
