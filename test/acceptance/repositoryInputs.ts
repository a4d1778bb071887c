/** What the release gives each of its repository resources, for repositories that tests publish by themselves. */
import { catalog } from '../../catalog';
import { publicNames } from '../../names';
import type { Signer } from '../../provider/gpg';

export function repositoryInputs(bucket: string, url: string, signer: Signer) {
  const { product, repositories, architectures } = catalog;
  const { publicKey, keyring } = publicNames(product);
  return {
    bucket,
    stack: 'local',
    url,
    product,
    architecture: architectures[0],
    publicKey,
    keyring,
    suite: repositories.apt.suite,
    component: repositories.apt.component,
    sharing: {
      apt: Object.values(repositories.apt.prefix),
      yum: Object.values(repositories.yum.prefix),
      downloads: Object.values(repositories.downloads.prefix),
    },
    indexKeys: [],
    publishedKeys: [],
    withdrawn: [],
    keep: 0,
    immutable: false,
    signing: { home: signer.home, fingerprint: signer.fingerprint, setting: 'test:key' },
  };
}
