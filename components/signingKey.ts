/** The key that signs what a stack publishes. */
import * as pulumi from '@pulumi/pulumi';
import { localKeyName } from '../names';
import { SigningKey } from './resources';
import { PublishSettings } from './settings';

/** See `config.ts` for each field. */
export interface SigningSettings {
  signingKey?: string;
  indexKeys: string[];
  publishedKeys: string[];
  gnupgHome: string;
  cosignKey?: string;
}

export function signingKey(
  { catalog, namespace, url }: PublishSettings,
  signing: SigningSettings,
): SigningKey {
  return new SigningKey('signing-key', {
    home: signing.gnupgHome,
    key: signing.signingKey,
    localName: localKeyName(catalog.product),
    setting: `${namespace}:signingKey`,
    indexKeys: signing.indexKeys,
    indexSetting: `${namespace}:indexKeys`,
    publishedKeys: signing.publishedKeys,
    isPublic: isPublic(url),
    signs: !pulumi.runtime.isDryRun(),
  });
}

/** Whether others can reach the URL: a folder and loopback are this machine's. */
export function isPublic(url: string): boolean {
  return !/^(file:|https?:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]|$))/.test(url);
}
