import assert from 'node:assert/strict';
import { catalog } from '../../../../catalog';
import {
  absent,
  failed,
  KeysFacts,
  PublicKey,
  RegistryFacts,
  Signatures,
  there,
} from '../../../../cli/status/facts';
import { Expectation, judgeApt } from '../../../../cli/status/judgeApt';
import { judgeDownloads } from '../../../../cli/status/judgeDownloads';
import { judgeImages } from '../../../../cli/status/judgeImages';
import { expectedKeys, judgeKeys } from '../../../../cli/status/judgeKeys';
import { judgeYum } from '../../../../cli/status/judgeYum';
import { imageNames } from '../../../../cli/status/readImages';
import { Report, statusJson, statusTable, totals } from '../../../../cli/status/table';
import { signatureFault } from '../../../../cli/status/tally';
import {
  aptFacts,
  digest,
  downloadsFacts,
  KEY,
  listed,
  registryFacts,
  SIGNED,
  STRANGER,
  VERSION,
  wanted,
  yumFacts,
} from './facts';

const NOW = new Date('2026-01-02T03:04:05Z');
const inDays = (days: number) => new Date(NOW.getTime() + days * 24 * 3600 * 1000);
const NAMES = { armored: 'packages/keys.asc', binary: 'packages/keys.gpg' };
const EXPECTATION: Expectation = { version: VERSION, keys: expectedKeys([], [KEY]), published: [KEY] };

const keys = (facts: KeysFacts, given: string[] = []) => judgeKeys('keys', NAMES, facts, given, NOW);
const apt = (facts: Parameters<typeof judgeApt>[3], expectation = EXPECTATION) =>
  judgeApt('apt', { folder: 'dists/stable', sources: 'falco.sources' }, wanted('apt'), facts, expectation);
const yum = (facts: Parameters<typeof judgeYum>[3], expectation = EXPECTATION) =>
  judgeYum('yum', 'falco.repo', wanted('yum'), facts, expectation);
const downloads = (facts: Parameters<typeof judgeDownloads>[3], versions = [VERSION]) =>
  judgeDownloads('downloads', wanted('downloads'), versions, facts, EXPECTATION);
const images = (
  registries: RegistryFacts[],
  version: string | undefined = VERSION,
  moving: string | undefined = 'latest',
) => judgeImages(imageNames(catalog), registries, version, moving);

describe('what was seen from outside, as a table', () => {
  const bothForms = (...published: PublicKey[]) => ({ armored: there(published), binary: there(published) });
  const report = (places: Report['places']): Report => ({
    title: 'Falco',
    version: VERSION,
    channel: 'release',
    isGiven: false,
    keys: [KEY.fingerprint],
    keysFrom: NAMES.armored,
    places,
  });

  it('has one line for each place that is right', () => {
    const all = report([
      keys(bothForms(KEY)),
      apt(aptFacts()),
      yum(yumFacts()),
      downloads(downloadsFacts()),
      ...images([registryFacts('a.example.org/ns'), registryFacts('b.example.org/ns')]),
    ]);
    assert.equal(
      statusTable(all),
      `Falco 0.24.0 (the newest that any place offers), channel release
Signatures of ${KEY.fingerprint} (taken from packages/keys.asc)

  keys              ok  ${KEY.fingerprint} (Release) (6 checks)
  apt               ok  falco 0.24.0, falco-bpf 0.24.0; signed by ${KEY.fingerprint} (41 checks)
  yum               ok  falco 0.24.0, falco-bpf 0.24.0; signed by ${KEY.fingerprint} (40 checks)
  downloads         ok  5 files of 0.24.0; signed by ${KEY.fingerprint} (54 checks)
  a.example.org/ns  ok  5 images: 0.24.0 = latest (19 checks)
  b.example.org/ns  ok  5 images: 0.24.0 = latest (24 checks)

A user gets: apt 0.24.0, yum 0.24.0, downloads 0.24.0, a.example.org/ns 0.24.0, b.example.org/ns 0.24.0
184 checks, 0 gaps
`,
    );
  });

  it('has one line for each thing that is wrong', () => {
    const broken = aptFacts();
    broken.rest.releaseGpg = absent;
    broken.rest.pool[0].answer = there({ size: 9 });
    const behind = registryFacts('a.example.org/ns');
    behind.tags['falco:latest'] = there(digest('a'));
    behind.others['falco:latest'] = '0.23.0';
    const all = report([
      keys(bothForms({ ...KEY, expires: inDays(20) })),
      apt(broken),
      yum({ mirrorlist: failed('HTTP 500') }),
      ...images([behind]),
    ]);
    assert.equal(
      statusTable(all).split('\n').slice(3).join('\n'),
      `  keys              warning  the key ${KEY.fingerprint} (Release) expires on 2026-01-22
                    ok       ${KEY.fingerprint} until 2026-01-22 (Release) (6 checks)
  apt               GAP      dists/stable/Release.gpg is not there
                    GAP      pool/falco-0.23.0-module-amd64.deb has 9 bytes, not 10
  yum               GAP      mirrorlist: HTTP 500
  a.example.org/ns  GAP      falco:latest is 0.23.0, not 0.24.0

A user gets: apt 0.24.0, a.example.org/ns 0.23.0
66 checks, 4 gaps
`,
    );
    const { checks, gaps, places } = JSON.parse(statusJson(all)) as Report & ReturnType<typeof totals>;
    assert.deepEqual({ checks, gaps, places }, { ...totals(all), places: all.places });
  });
});

describe('what was seen of places that have nothing', () => {
  it('says so in its head', () => {
    const places = [apt({ inRelease: absent }, { published: [] })];
    const report: Report = { title: 'Falco', channel: 'master', isGiven: false, keys: [], places };
    assert.equal(
      statusTable(report),
      `Falco: no place offers a release, channel master
No signature is checked: there is no key

  apt  GAP  dists/stable/InRelease is not there

1 check, 1 gap
`,
    );
  });
});

describe('keys seen from outside', () => {
  const until = (days: number): PublicKey => ({ ...KEY, expires: inDays(days) });
  const judged = (key: PublicKey) => keys({ armored: there([key]), binary: there([key]) });

  it('are warned of within 30 days of their end, and are a gap within 7', () => {
    const name = `the key ${KEY.fingerprint} (Release)`;
    assert.deepEqual([judged(until(31)).gaps, judged(until(31)).warnings], [[], []]);
    assert.deepEqual(
      [judged(until(30)).gaps, judged(until(30)).warnings],
      [[], [`${name} expires on 2026-02-01`]],
    );
    assert.deepEqual(
      [judged(until(7)).gaps, judged(until(7)).warnings],
      [[`${name} expires on 2026-01-09`], []],
    );
    assert.deepEqual(judged(until(-1)).gaps, [`${name} expired on 2026-01-01`]);
    assert.deepEqual(judged({ ...KEY, isRevoked: true }).gaps, [`${name} is revoked`]);
  });

  it('are the same in both forms, with the same ends', () => {
    const said = ['packages/keys.gpg has other keys than packages/keys.asc'];
    assert.deepEqual(keys({ armored: there([KEY]), binary: there([until(100)]) }).gaps, said);
    const other = { ...KEY, fingerprint: STRANGER };
    assert.deepEqual(keys({ armored: there([KEY, other]), binary: there([KEY]) }).gaps, said);
    assert.deepEqual(keys({ armored: there([KEY, other]), binary: there([other, KEY]) }).gaps, []);
  });

  it('are there, and hold what is expected', () => {
    assert.deepEqual(keys({ armored: absent, binary: there([]) }).gaps, [
      'packages/keys.asc is not there',
      'packages/keys.gpg holds no OpenPGP key',
    ]);
    assert.deepEqual(keys({ armored: failed('HTTP 502'), binary: failed('HTTP 502') }).gaps, [
      'packages/keys.asc and 1 more: HTTP 502',
    ]);
    assert.deepEqual(keys({ armored: there([KEY]), binary: there([KEY]) }, [STRANGER]).gaps, [
      `the expected key ${STRANGER} is not published`,
    ]);
  });
});

describe('signatures of an index', () => {
  const fault = (signatures: Partial<Signatures>, given: string[] = []) =>
    signatureFault(
      'X',
      { good: [], unknown: [], bad: [], ...signatures },
      expectedKeys(given, [KEY]) ?? { fingerprints: [], each: false },
    );
  const [A, B] = [KEY.fingerprint, STRANGER];

  it('are of a published key, or of each of those that are expected, and of no other', () => {
    assert.equal(fault({ good: [A] }), undefined);
    assert.equal(fault({}), 'X is not signed');
    assert.equal(fault({ unknown: [B] }), `X is signed by ${B}, which is no expected key`);
    assert.equal(fault({ good: [A], unknown: [B] }), `X is signed by ${B}, which is no expected key`);
    assert.equal(fault({ good: [A], bad: ['B0'] }), 'X: the signature of B0 is not of these bytes');
    assert.equal(fault({ good: [A, B] }, [A, B]), undefined);
    assert.equal(fault({ good: [A] }, [A, B]), `X lacks the signature of ${B}`);
    assert.equal(fault({ good: [A, B] }, [B]), `X is signed by ${A}, which is no expected key`);
  });
});

describe('an apt repository seen from outside', () => {
  const gaps = (change: (facts: ReturnType<typeof aptFacts>) => void, expectation = EXPECTATION) => {
    const facts = aptFacts();
    change(facts);
    return apt(facts, expectation).gaps;
  };

  it('that lacks the release says what clients take instead', () => {
    const lacks = (facts: ReturnType<typeof aptFacts>) => {
      facts.rest.listed = there(listed('apt', '0.22.0', '0.23.0'));
      facts.rest.pool = [];
      for (const { files, signatures } of facts.rest.plain)
        for (const one of [...files, ...signatures]) one.answer = absent;
    };
    assert.deepEqual(gaps(lacks), [
      'falco 0.24.0 is not listed; apt takes 0.23.0',
      'falco-bpf 0.24.0 is not listed; apt takes 0.23.0',
    ]);
  });

  it('that offers a newer one than expected, or none at all, says so', () => {
    const newer = (facts: ReturnType<typeof aptFacts>) => {
      facts.rest.listed = there(listed('apt', VERSION, '0.24.1'));
    };
    assert.deepEqual(gaps(newer), [
      'apt takes falco 0.24.1, not 0.24.0',
      'apt takes falco-bpf 0.24.1, not 0.24.0',
    ]);
    const none = (facts: ReturnType<typeof aptFacts>) => {
      facts.rest.listed = there([]);
    };
    assert.deepEqual(gaps(none, { ...EXPECTATION, version: undefined }).slice(0, 1), [
      'dists/stable lists no release',
    ]);
  });

  it('whose InRelease is not to be trusted is not looked at further', () => {
    const gap = (facts: ReturnType<typeof aptFacts>) => {
      facts.inRelease = there({ text: undefined, signatures: SIGNED });
      facts.rest.release = absent;
    };
    assert.deepEqual(gaps(gap), ['dists/stable/InRelease is no signed text']);
    assert.deepEqual(apt({ inRelease: absent }).gaps, ['dists/stable/InRelease is not there']);
  });

  it('without any published key is judged by the rest', () => {
    const unsigned = (facts: ReturnType<typeof aptFacts>) => {
      facts.inRelease = there({ text: 'Release', signatures: { ...SIGNED, good: [] } });
    };
    assert.deepEqual(gaps(unsigned, { version: VERSION, published: [] }), []);
  });

  it('says of files that do not answer for one reason how many they are', () => {
    const gap = (facts: ReturnType<typeof aptFacts>) => {
      for (const one of facts.rest.pool) one.answer = failed('HTTP 503');
      facts.rest.sources = failed('the connection was cut');
    };
    assert.deepEqual(gaps(gap), [
      'pool/falco-0.23.0-module-amd64.deb and 3 more: HTTP 503',
      'falco.sources: the connection was cut',
    ]);
  });

  it('names a signature beside a file that is missing or of another key, and a set-up file with another', () => {
    const gap = (facts: ReturnType<typeof aptFacts>) => {
      facts.rest.plain[0].signatures[0].answer = absent;
      facts.rest.plain[1].signatures[0].answer = there({ good: [], unknown: [STRANGER], bad: [] });
      facts.rest.sources = there({ leadsTo: '', isSame: false, keys: [] });
    };
    assert.deepEqual(gaps(gap), [
      'stable/falco-0.24.0-module-amd64.deb.asc is not there',
      `stable/falco-0.24.0-bpf-amd64.deb.asc is signed by ${STRANGER}, which is no expected key`,
      'falco.sources leads clients to nowhere',
      'falco.sources has other keys than those that are published',
    ]);
  });
});

describe('a yum repository seen from outside', () => {
  it('names a root copy of another state', () => {
    const facts = yumFacts();
    if (facts.rest.root.kind === 'there') facts.rest.root.value.listed = there(listed('yum', '0.23.0'));
    assert.deepEqual(yum(facts).gaps, ['repodata/repomd.xml lists other packages than the generation']);
  });

  it('names a generation that is gone, unsigned, or out of reach', () => {
    const mirrorlist = there('https://example.org/generations/2/');
    assert.deepEqual(yum({ mirrorlist, generation: absent }).gaps, [
      'repodata/repomd.xml of https://example.org/generations/2/, which mirrorlist names, is not there',
    ]);
    const unsigned = { signatures: absent, files: [], listed: there([]) };
    assert.deepEqual(yum({ mirrorlist, generation: there(unsigned) }).gaps, [
      'the signature of repomd.xml of the generation is not there',
    ]);
    assert.deepEqual(yum({ mirrorlist: there('/') }).gaps, [
      'mirrorlist names nothing, which clients cannot reach',
    ]);
  });
});

describe('downloads seen from outside', () => {
  it('name an alias of another release, and a file that is not listed', () => {
    const facts = downloadsFacts();
    facts.rest.listed.set('falco-bin-0.23.0-x86.tar.gz', 'a'.repeat(64));
    facts.rest.listed.set('falco-bin-x86.tar.gz', 'a'.repeat(64));
    facts.rest.listed.delete('falco-0.24.0-x86_64.tar.gz');
    facts.rest.listed.delete('falco-src-0.24.0-x86.tar.gz');
    assert.deepEqual(downloads(facts).gaps, [
      'falco-0.24.0-x86_64.tar.gz is not listed in SHA256SUMS.asc',
      'falco-bin-x86.tar.gz is not falco-bin-0.24.0-x86.tar.gz, but falco-bin-0.23.0-x86.tar.gz',
      'falco-src-0.24.0-x86.tar.gz is not listed in SHA256SUMS.asc',
    ]);
    assert.equal(downloads(facts).takes, '0.23.0');
  });

  it('name an alias of another size or digest, and a version beyond the expected one', () => {
    const facts = downloadsFacts();
    facts.rest.plain[0].files[1].answer = there({ size: 11 });
    facts.rest.plain[1].files[0].answer = there({ size: 10, sha256: 'a' });
    facts.rest.plain[1].files[1].answer = there({ size: 10, sha256: 'b' });
    assert.deepEqual(downloads(facts, ['0.25.0', VERSION]).gaps, [
      '0.25.0 is there, which is newer than 0.24.0',
      'falco-0.24.0-x86_64.tar.gz is not the file falco-bin-0.24.0-x86.tar.gz',
      'falco-src-x86.tar.gz is not the file falco-src-0.24.0-x86.tar.gz',
    ]);
  });
});

describe('images seen from outside', () => {
  const [A, B] = ['a.example.org/ns', 'b.example.org/ns'];
  const gaps = (...args: Parameters<typeof images>) =>
    Object.fromEntries(
      images(...args).map(
        ({ registry, place, gaps: lines }: { registry?: string; place: string; gaps: string[] }) => [
          registry ?? place,
          lines,
        ],
      ),
    );

  it('are the same in every registry, under every name', () => {
    const [one, two] = [registryFacts(A), registryFacts(B)];
    two.tags['falco-tester:0.24.0'] = absent;
    two.tags['falco:0.24.0-slim'] = there(digest('0'));
    two.tags['falco-builder:0.24.0'] = two.tags['falco-builder:latest'] = there(digest('e'));
    assert.deepEqual(gaps([one, two]), {
      [A]: [],
      [B]: [
        `falco:0.24.0-slim is not falco-no-driver:0.24.0, but ${digest('0')}`,
        'falco-tester:0.24.0 is not there',
        `falco-builder:0.24.0 is ${digest('e')}, in ${A} it is ${digest('4')}`,
      ],
    });
  });

  it('that are one release behind in one registry are named as that release', () => {
    const [one, two] = [registryFacts(A), registryFacts(B)];
    two.tags['falco:0.24.0'] = absent;
    two.tags['falco:latest'] = there(digest('a'));
    two.others['falco:latest'] = '0.23.0';
    assert.deepEqual(gaps([one, two]), {
      [A]: [],
      [B]: ['falco:0.24.0 is not there', 'falco:latest is 0.23.0, not 0.24.0'],
    });
    assert.deepEqual(
      images([one, two]).map(({ takes }) => takes),
      [VERSION, '0.23.0'],
    );
  });

  it('of a registry that has none or does not answer are one line', () => {
    const [one, two] = [registryFacts(A), registryFacts(B)];
    for (const name of Object.keys(one.tags)) one.tags[name] = absent;
    assert.deepEqual(gaps([one, { ...two, failed: 'the registry does not answer', tags: {} }]), {
      [A]: ['none of the 12 tags is there; npm run output says where a stack has its images'],
      [B]: ['the registry does not answer'],
    });
  });

  it('of a published key that signs them are verified; where no key is published, nobody asks', () => {
    const signed = (...unsigned: string[]) => ({
      key: 'f'.repeat(64),
      names: Object.fromEntries(
        imageNames(catalog)
          .flatMap((image) => image.names(VERSION))
          .map((name) => [name, there(!unsigned.includes(name))]),
      ),
    });
    const [one, two] = [registryFacts(A), registryFacts(B)];
    const silent = { ...signed(), names: { [`falco:${VERSION}`]: failed('it is silent') } };
    assert.deepEqual(
      images([
        { ...one, signed: signed() },
        { ...two, signed: signed(`falco:${VERSION}-slim`) },
        { ...registryFacts('c.example.org/ns'), signed: silent },
      ]).map(({ gaps: lines, summary }) => [lines, summary]),
      [
        [[], `5 images: ${VERSION} = latest; signed by ${'f'.repeat(64)}`],
        [
          [`falco:${VERSION}-slim is not signed by the key of images ${'f'.repeat(64)}`],
          `5 images: ${VERSION} = latest; signed by ${'f'.repeat(64)}`,
        ],
        [
          [`the signature of falco:${VERSION}: it is silent`],
          `5 images: ${VERSION} = latest; signed by ${'f'.repeat(64)}`,
        ],
      ],
    );
    const of = (answer: KeysFacts['images']) =>
      judgeKeys('keys', { ...NAMES, images: 'cosign.pub' }, { ...published, images: answer }, [], NOW).gaps;
    const published = { armored: there([KEY]), binary: there([KEY]) };
    assert.deepEqual([of(there('PEM')), of(absent), of(undefined)], [[], [], []]);
    assert.deepEqual(of(there('')), ['cosign.pub holds no public key']);
    assert.deepEqual(of(failed('status 500')), ['cosign.pub: status 500']);
  });

  it('of the master channel have one tag, the same everywhere', () => {
    const master = (registry: string, character: string) => ({
      registry,
      tags: Object.fromEntries(
        imageNames(catalog).flatMap((image) =>
          image.names('master').map((name) => [name, there(digest(character))]),
        ),
      ),
      others: {},
    });
    const two = master(B, 'c');
    two.tags['falco:master'] = there(digest('d'));
    const judged = judgeImages(imageNames(catalog), [master(A, 'c'), two], undefined, 'master');
    assert.deepEqual(
      judged.map(({ gaps: lines }) => lines),
      [[], [`falco:master is ${digest('d')}, in ${A} it is ${digest('c')}`]],
    );
  });
});
