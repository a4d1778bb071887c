/** A record of a release of a package each of two formats, an image and a base. */
import type { ReleaseRecord } from '../../../provider/promotion/record';

export const hex = (digit: string) => digit.repeat(64);
/** What every package has beside it. */
export const STATEMENTS = {
  'spdx.json': { sha256: hex('6'), size: 2 },
  'provenance.json': { sha256: hex('7'), size: 3 },
};
export const packageOf = (digit: string, identity = '') => ({
  fileName: `sample-${digit}`,
  key: `pool/${hex(digit)}/sample-${digit}`,
  plain: `sample-${digit}`,
  sha256: hex(digit),
  size: 1,
  identity,
  proved: hex(digit),
  statements: STATEMENTS,
});

/** A public key whose private one nobody has, and its fingerprint. */
export const cosignKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEcqcH7iLA93whwVlBuYWxCQAAcCMh
/bebVqznpVRR4CZyOjEphdUamSvzagZUhXtNY+aVuOGN1UcBc5PjcjIY9A==
-----END PUBLIC KEY-----
`;
export const cosignFingerprint = 'f73beb45d12e9539011e955ffbb7a7bec19d7153bdd7d98c37ec545ff0fedf82';

export const record: ReleaseRecord = {
  format: 1,
  version: '1.0.0',
  commit: 'abc',
  epoch: 1589302426,
  bucket: '/bucket',
  records: 'build/staging/record',
  publicKey: 'packages/key.asc',
  signingKey: 'A'.repeat(40),
  cosignKey,
  packages: { rpm: packageOf('2', `${hex('3')}:${hex('4')}`), deb: packageOf('1') },
  images: { sample: { repository: 'registry/sample', digest: `sha256:${hex('5')}` } },
  systems: { base: { repository: 'registry/base', digest: `sha256:${hex('a')}`, recipe: hex('b') } },
  gates: {
    deb: [hex('1')],
    rpm: [hex('2')],
    'image-sample': [`sha256:${hex('5')}`],
    'signature-sample': [`sha256:${hex('5')}`, cosignFingerprint],
  },
};
