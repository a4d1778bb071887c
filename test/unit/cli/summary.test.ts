import assert from 'node:assert/strict';
import { humanSize, kept, summary } from '../../../cli/summary';

const outputs = {
  version: '0.24.0',
  packages: {
    'falco-0.24.0-module-amd64.deb': { url: 'file:///b/m.deb', sha256: 'a', size: 3_512_000 },
    'falco-0.24.0-amd64.deb': {
      url: 'file:///b/a.deb',
      sha256: 'a',
      size: 3_512_000,
      aliasOf: 'falco-0.24.0-module-amd64.deb',
    },
    'falco-bin-x86.tar.gz': {
      url: 'file:///b/old',
      sha256: 'b',
      size: 12,
      aliasOf: 'falco-bin-0.25.0-x86.tar.gz',
    },
  },
  images: {
    'falcosecurity/falco-builder:0.24.0': '127.0.0.1:5050/falcosecurity/falco-builder@sha256:bb',
    'falcosecurity/falco:latest': '127.0.0.1:5050/falcosecurity/falco@sha256:aa',
    'falcosecurity/falco:0.24.0': '127.0.0.1:5050/falcosecurity/falco@sha256:aa',
  },
  apt: {
    url: 'file:///b/packages/deb',
    suite: 'stable',
    component: 'main',
    key: 'file:///b/k.asc',
    sources: 'file:///b/packages/deb/falco.sources',
  },
  yum: {
    url: 'https://x.example/rpm',
    key: 'https://x.example/k.asc',
    repo: 'https://x.example/rpm/falco.repo',
  },
  downloads: { url: 'file:///b/bin' },
  keys: { packages: ['374802034AE3', '7D1E'], images: '0be8' },
  notes: ['Images start from a root file system.'],
};

const LOCAL = { name: 'local', config: {} };

describe('the table that up ends with', () => {
  it('says what was made, its size, and how to install it, by version where a newer one is out', () => {
    assert.equal(
      summary(outputs, LOCAL, { '127.0.0.1:5050/falcosecurity/falco@sha256:aa': 97_000_000 }),
      `
Version 0.24.0, stack local

Packages
  falco-0.24.0-module-amd64.deb  3.5 MB  = falco-0.24.0-amd64.deb
  falco-bin-x86.tar.gz           12 B    alias of falco-bin-0.25.0-x86.tar.gz

Images in 127.0.0.1:5050
  falcosecurity/falco-builder:0.24.0
  falcosecurity/falco:0.24.0          97.0 MB  = falcosecurity/falco:latest
  docker run --rm 127.0.0.1:5050/falcosecurity/falco:0.24.0 usage

apt repository file:///b/packages/deb stable main
  cp /b/packages/deb/falco.sources /etc/apt/sources.list.d/falco.sources
  apt-get update && apt-get install falco=0.24.0
  key: file:///b/k.asc

yum repository https://x.example/rpm
  curl -fsSL https://x.example/rpm/falco.repo -o /etc/yum.repos.d/falco.repo
  dnf install falco-0.24.0
  key: https://x.example/k.asc

Downloads
  file:///b/bin

Fingerprints of the keys, to tell users by another way
  packages and indexes  374802034AE3
  published, too        7D1E
  images                sha256 0be8

Notes
  - Images start from a root file system.

Seen from outside
  npm run status -- file:///b 127.0.0.1:5050/falcosecurity
`,
    );
  });

  it('says of a withdrawn release that it is, and does not tell how to install it', () => {
    const text = summary({ ...outputs, withdrawn: true }, LOCAL);
    assert.match(
      text,
      /^\nVersion 0\.24\.0, stack local: withdrawn; indexes, latest and unversioned names leave it out\n/,
    );
    assert.doesNotMatch(text, /(apt-get|dnf) install/);
    assert.match(text, /^ {2}key: file:\/\/\/b\/k\.asc$/m);
  });

  it('tells tags of another release apart, and shows the docker line of this one', () => {
    const images = {
      'x/falco:latest': '127.0.0.1:5050/x/falco@sha256:b',
      'x/falco:1.0.0-rc1': '127.0.0.1:5050/x/falco@sha256:a',
    };
    assert.equal(
      summary({ version: '1.0.0-rc1', images }, LOCAL),
      `
Version 1.0.0-rc1, stack local

Images in 127.0.0.1:5050
  x/falco:1.0.0-rc1
  x/falco:latest       of another release
  docker run --rm 127.0.0.1:5050/x/falco:1.0.0-rc1 usage
`,
    );
  });

  it('ends with how the channel master is looked at from outside', () => {
    const apt = { ...outputs.apt, url: 'https://p.example.org/packages/deb-dev' };
    const text = summary(
      { ...outputs, apt },
      { name: 'local-master', config: { 'falco:channel': 'master' } },
    );
    assert.match(
      text,
      /^ {2}npm run status -- https:\/\/p\.example\.org 127\.0\.0\.1:5050\/falcosecurity --channel master$/m,
    );
  });

  it('says how many gates passed, and which took longest', () => {
    const text = summary({ version: '1.0.0', gates: { a: 1, b: 2.5, c: 0.3 } }, LOCAL);
    assert.match(
      text,
      /^ {2}all 3 have passed what is published; the slowest, b, took 2\.5 s when it last ran$/m,
    );
  });

  it('says so when nothing was made', () => {
    assert.equal(
      summary({}, { name: 'mine', config: {} }),
      'The stack mine has made nothing yet: npm run up -- --stack mine\n',
    );
    assert.equal(summary({}, LOCAL), 'The stack local has made nothing yet: npm run up\n');
  });

  it('gives sizes with the digits that matter', () => {
    assert.deepEqual([0, 999, 1000, 99_499, 99_500, 999_499, 1_200_000_000].map(humanSize), [
      '0 B',
      '999 B',
      '1.0 kB',
      '99.5 kB',
      '100 kB',
      '999 kB',
      '1.2 GB',
    ]);
  });
});

describe('what destroy says', () => {
  it('counts what went and names what stays', () => {
    const place = {
      root: '/p',
      env: { PULUMI_HOME: '/p/home', PULUMI_BACKEND_URL: 's3://b?region=x&awssdk=v2' },
    };
    const config = { 'falco:bucket': '.local/bucket', 'falco:gnupgHome': '.local/gnupg-prod' };
    const text = kept(outputs, { name: 'local', config, ...place });
    assert.match(
      text,
      /^Taken away: 3 package files and 3 image tags of 0\.24\.0, and every other release of this stack\.\nKept:\n/,
    );
    assert.match(text, /npm run services -- stop/);
    assert.match(
      text,
      /\.local\/bucket: what other stacks published, if they did, and the public key while they need it/,
    );
    assert.ok(
      text.endsWith(
        '\n  the signing key (.local/gnupg-prod), the cached tools' +
          "\n  the stack with its history; to forget it: PULUMI_HOME=/p/home PULUMI_BACKEND_URL='s3://b?region=x&awssdk=v2' " +
          '/p/.local/bin/pulumi --cwd /p stack rm --yes --preserve-config local',
      ),
      text,
    );
    assert.match(kept({}, { name: 'local', config: {}, ...place }), /the signing key \(\.local\/gnupg\),/);
  });
});
