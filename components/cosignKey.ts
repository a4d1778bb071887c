/** The key that signs a stack's images, and its public part where their users fetch it. */
import * as pulumi from '@pulumi/pulumi';
import { cosignKeyFile } from '../names';
import { CosignKey, CosignKeyFile } from './resources';
import { PublishSettings } from './settings';
import { isPublic, SigningSettings } from './signingKey';

/** A key without its own lies beside the gpg key, in a folder that git ignores. */
export function cosignKey({ namespace, url }: PublishSettings, signing: SigningSettings): CosignKey {
  return new CosignKey('cosign-key', {
    ...(signing.cosignKey !== undefined && { key: signing.cosignKey }),
    home: signing.gnupgHome,
    setting: `${namespace}:cosignKey`,
    isPublic: isPublic(url),
    signs: !pulumi.runtime.isDryRun(),
  });
}

/** `dependsOn`: the repositories, whose keys are in the folder above it and go when that is empty. */
export function publishedCosignKey(
  { bucket, channel }: PublishSettings,
  { publicKey }: CosignKey,
  dependsOn: pulumi.Resource[],
): CosignKeyFile {
  return new CosignKeyFile(
    'cosign-key-file',
    { bucket, file: cosignKeyFile(channel), publicKey },
    { dependsOn },
  );
}
