/**
 * An image in a further repository, by digest, with what is attached to it. It has no tag: tags move when every copy
 * of a release is there. Deletion is the ledger's, which knows what other releases name.
 */
import { attachments, copyWithAttachments, digest } from '../oci';
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
  /** Digests of what is attached to the image there, and is to be here. Set by check where a tag is given. */
  attachments?: string[];
  /** This stack has published the release already: the tag may have moved on. No reason for a change. */
  isPublished?: boolean;
}

async function put({ image, digest: wanted, repository }: ImageCopyInputs): Promise<object> {
  await copyWithAttachments(`${image}@${wanted}`, `${repository}@${wanted}`);
  return {};
}

export const imageCopy: Resource<ImageCopyInputs, object> = {
  async check(news, olds) {
    const inputs = known<ImageCopyInputs>(news);
    if (!inputs || news === UNKNOWN || inputs.tag === '') return news;
    const isHere = inputs.isPublished && olds?.image === inputs.image && olds.digest === inputs.digest;
    // The other stack may have let it go since.
    if (isHere && !(await digest(`${inputs.image}@${inputs.digest}`)))
      return { ...news, attachments: olds.attachments };
    const found = isHere ? inputs.digest : await digest(`${inputs.image}:${inputs.tag}`);
    if (found === inputs.digest)
      return { ...news, attachments: await attachments(`${inputs.image}@${inputs.digest}`) };
    throw new CheckError(
      'digest',
      `${inputs.image}:${inputs.tag} ${found ? `was moved to ${found}` : 'is gone'}, agreed was ${inputs.digest}; repair it there (npm run refresh, then up). Nothing was changed`,
    );
  },

  diff(olds, news) {
    return { changes: changed(olds, news, ['image', 'digest', 'repository', 'attachments']) };
  },

  async create(inputs) {
    return { id: inputs.repository, outs: await put(inputs) };
  },

  update(_olds, news) {
    return put(news);
  },

  async read(state) {
    return (await digest(`${state.repository}@${state.digest}`)) ? state : undefined;
  },

  async delete() {
    // The ledger takes it away with its release.
  },
};
