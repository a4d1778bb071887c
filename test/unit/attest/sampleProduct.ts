import type { SbomProduct } from '../../../provider/attest/spdx';

/** Whose the documents of these tests are. */
export const product: SbomProduct = {
  title: 'Sample',
  homepage: 'https://example.org',
  license: 'Apache-2.0',
  namespace: 'samples',
  packages: ['sample', 'sample-bpf'],
};
