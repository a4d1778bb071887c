/**
 * An image in a further repository, by digest, with what is attached to it and belongs to it. It has no tag: tags move
 * when every copy of a release is there. Deletion is the ledger's, which knows what other releases name.
 */
import { isDeepStrictEqual } from 'node:util';
import { signedBundles } from '../attest/bundles';
import { attachments, copyAttached, copyWithAttachments, digest, hasAttached } from '../oci';
import { isPublished, Publisher } from '../promotion/publisher';
import { changed, CheckError, known, Resource } from '../resource';
import { UNKNOWN } from '../wire';

export interface ImageCopyInputs {
  /** Repository that has it, `<registry>/<namespace>/<name>`. */
  image: string;
  digest: string;
  /** Repository that gets it. */
  repository: string;
  /** Tag of `image` that must stand for the digest; empty: none need to. */
  tag: string;
  /** Digests of what is attached to the image there and is to be here; set by check where a tag is given. Absent: all. */
  attachments?: string[];
  /** PEM: only what this key has signed of the image comes along with a tag, nothing where it is empty. Whoever may push may attach. */
  signer?: string;
  /** Who takes over the version: once it is published there, the tag may have moved on. No reason for a change. */
  publisher?: Publisher & { version: string };
}

const TRIES = 4;

/** Another who attaches at the same time may write the list of it without what was just copied. */
async function copyAll(image: string, wanted: string, some: string[], repository: string): Promise<void> {
  const there = `${repository}@${wanted}`;
  for (let tries = 0; tries < TRIES; tries++) {
    await copyAttached(image, wanted, some, repository);
    if (await hasAttached(there, some)) return;
  }
  throw new Error(
    `${there} does not keep what belongs to it (${some.join(', ')}), tried ${TRIES} times: somebody else attaches to it at the same time. Run npm run up again when that has ended`,
  );
}

async function put({
  image,
  digest: wanted,
  repository,
  attachments: some,
}: ImageCopyInputs): Promise<object> {
  if (some) await copyAll(image, wanted, some, repository);
  else await copyWithAttachments(`${image}@${wanted}`, `${repository}@${wanted}`);
  return {};
}

const of = (repository: string, { digest: wanted }: ImageCopyInputs) => `${repository}@${wanted}`;

async function belonging(reference: string, signer: string | undefined): Promise<string[]> {
  if (signer === undefined) return attachments(reference);
  // The other stack published before it signed.
  if (signer === '') return [];
  return (await signedBundles(reference, signer)).map((one) => one.digest).sort();
}

/** What came with an image that is published here. All of it did while nothing was signed. */
async function kept(inputs: ImageCopyInputs, olds: ImageCopyInputs): Promise<string[]> {
  if (olds.attachments && olds.signer === inputs.signer) return olds.attachments;
  const here = of(olds.repository, inputs);
  const found = (await digest(here)) ? await belonging(here, inputs.signer) : [];
  // By another key, it has yet to come.
  return found.length > 0 ? found : belonging(of(inputs.image, inputs), inputs.signer);
}

const isOut = async (publisher: ImageCopyInputs['publisher']) =>
  publisher !== undefined && isPublished(publisher, publisher.version);

export const imageCopy: Resource<ImageCopyInputs, object> = {
  async check(news, olds) {
    const inputs = known<ImageCopyInputs>(news);
    if (!inputs || news === UNKNOWN || inputs.tag === '') return news;
    const isHere =
      olds?.image === inputs.image && olds.digest === inputs.digest && (await isOut(inputs.publisher));
    // What was agreed to is here: the other stack may have let it go since, or have attached more.
    if (isHere && olds.attachments) return { ...news, attachments: await kept(inputs, olds) };
    const found = isHere ? inputs.digest : await digest(`${inputs.image}:${inputs.tag}`);
    if (found === inputs.digest)
      return { ...news, attachments: await belonging(of(inputs.image, inputs), inputs.signer) };
    throw new CheckError(
      'digest',
      `${inputs.image}:${inputs.tag} ${found ? `was moved to ${found}` : 'is gone'}, agreed was ${inputs.digest}; repair it there (npm run refresh, then up). Nothing was changed`,
    );
  },

  diff(olds, news) {
    const changes = changed(olds, news, ['image', 'digest', 'repository', 'attachments']);
    // All of it came along before there was a choice, and stays.
    const isOld =
      olds.attachments === undefined && news !== UNKNOWN && isDeepStrictEqual(news.attachments, []);
    return { changes: changes.filter((one) => one !== 'attachments' || !isOld) };
  },

  async create(inputs) {
    return { id: inputs.repository, outs: await put(inputs) };
  },

  update(_olds, news) {
    return put(news);
  },

  async read(state) {
    const here = `${state.repository}@${state.digest}`;
    if (!(await digest(here))) return undefined;
    return (await hasAttached(here, state.attachments ?? [])) ? state : undefined;
  },

  async delete() {
    // The ledger takes it away with its release.
  },
};
