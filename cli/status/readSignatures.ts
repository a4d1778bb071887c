/** Verifies images as their users do, with the key that is published beside the packages. */
import pLimit from 'p-limit';
import { cosignKeyFile } from '../../names';
import { CosignError, fingerprintOf, hasSignature, normalized } from '../../provider/attest/cosign';
import { Asker, SMALL } from './ask';
import { Answer, failed, mapped, RegistryFacts, there } from './facts';

/** cosign processes at a time. */
const AT_ONCE = 4;

/** The public key of images, PEM; empty where the file is none. */
export async function readImageKey(
  asker: Asker,
  bucket: string,
  channel: 'release' | 'master',
): Promise<Answer<string>> {
  const found = await asker.document(`${bucket}/${cosignKeyFile(channel)}`, SMALL);
  return mapped(found, ({ body }) => {
    try {
      return normalized(body.toString());
    } catch {
      return '';
    }
  });
}

async function isSigned(reference: string, key: string): Promise<Answer<boolean>> {
  try {
    return there(await hasSignature(reference, key));
  } catch (error) {
    const { message } = error as Error;
    return failed(error instanceof CosignError ? message.replace(/^verifying \S+: /, '') : message);
  }
}

/** @param names `<image>:<tag>` of the registry, each with its own repository */
export async function lookAtSignatures(
  { registry, tags }: Pick<RegistryFacts, 'registry' | 'tags'>,
  names: string[],
  key: string,
): Promise<RegistryFacts['signed']> {
  const slots = pLimit(AT_ONCE);
  const there = names.flatMap((name) => {
    const answer = tags[name];
    return answer?.kind === 'there' ? [{ name, digest: answer.value }] : [];
  });
  const answers = await Promise.all(
    there.map(async ({ name, digest }) => {
      const reference = `${registry}/${name.replace(/:[^:]*$/, '')}@${digest}`;
      return [name, await slots(() => isSigned(reference, key))] as const;
    }),
  );
  return { key: fingerprintOf(key), names: Object.fromEntries(answers) };
}
