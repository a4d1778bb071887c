import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { COLUMNS, markdown, plainText } from '../../../announce/document';
import { freshNames, news, renamedNames, retiredNames, servedImages } from '../../../announce/names';
import { imageRoot, markerOf, onlyHere, versionIn, versionsOf } from '../../../announce/release';
import {
  chartIssue,
  chartPost,
  mailText,
  POST_LENGTH,
  socialText,
  websitePost,
} from '../../../announce/texts';
import { websitePages } from '../../../announce/website';
import { announcementFiles } from '../../../announce/write';
import { catalog } from '../../../catalog';
import { Catalog } from '../../../model';
import { fileNames } from '../../../names';
import { PUBLIC } from '../../../pages';

const ROOT = path.resolve(__dirname, '../../..');
const released = { version: '0.24.0', previous: '0.23.0', url: PUBLIC.url, digests: {} };
const [amd64] = catalog.architectures;
const published = new Set([
  ...catalog.packages.flatMap((row) => {
    const { fileName, aliases } = fileNames(catalog.product, row, '0.24.0', amd64);
    return [fileName, ...aliases];
  }),
  ...servedImages(catalog, '0.24.0'),
  ...servedImages(catalog, '0.24.0').map((name) => name.replace(/:latest/, ':master')),
]);
/** A product of another name, with an old name that is no alias. */
const other: Catalog = {
  ...catalog,
  product: {
    ...catalog.product,
    name: 'hawk',
    title: 'Hawk',
    imageNamespace: 'hawks',
    maintainer: 'hawk@lists.example',
    source: 'https://git.example/hawk',
  },
  packages: catalog.packages.map((row) =>
    row.key === 'bin' ? { ...row, legacy: ['{name}-{version}.tgz'] } : row,
  ),
  images: catalog.images.map((row, index) => ({
    ...row,
    name: `hawk-${index}`,
    legacy: undefined,
    variables: undefined,
    aliases: [],
    usage: { about: 'Runs.', run: [] },
  })),
  announcement: {
    ...catalog.announcement,
    packages: {},
    website: { repository: 'hawks/site', folder: 'docs', url: 'https://hawk.example/' },
    chart: {
      ...catalog.announcement.chart,
      repository: 'hawks/charts',
      folders: ['hawk'],
      images: [{ at: 'image', image: 'hawk-0' }],
    },
  },
};

describe('announcements', () => {
  it('know each old name, its new one, and whether it goes on working', () => {
    const rows = renamedNames(catalog, '0.24.0').map(({ was, now, works }) => [was, now, works]);
    assert.deepEqual(rows, [
      ['falco-0.24.0-x86_64.deb', 'falco-0.24.0-module-amd64.deb', true],
      ['falco-0.24.0-x86_64.rpm', 'falco-0.24.0-module-x86_64.rpm', true],
      ['falco-0.24.0-x86_64.tar.gz', 'falco-bin-0.24.0-x86.tar.gz', true],
      ['falcosecurity/falco:0.24.0-slim', 'falcosecurity/falco-no-driver:0.24.0', true],
      ['falcosecurity/falco:latest-slim', 'falcosecurity/falco-no-driver:latest', true],
      ['falcosecurity/falco:master-slim', 'falcosecurity/falco-no-driver:master', true],
      ['SKIP_MODULE_LOAD', 'SKIP_DRIVER_LOADER', true],
    ]);
    assert.deepEqual(
      renamedNames(other, '0.24.0').find(({ was }) => was === 'hawk-0.24.0.tgz')?.works,
      false,
    );
  });

  it('promise only names that are published', () => {
    for (const { kind, was, now, works } of renamedNames(catalog, '0.24.0')) {
      if (kind === 'variable') continue;
      assert.ok(published.has(now), now);
      assert.equal(published.has(was), works, was);
    }
    for (const { name } of freshNames(catalog, '0.24.0')) assert.ok(published.has(name), name);
  });

  it('name variables that the entry point reads, old and new', () => {
    for (const { dockerfile, variables = [] } of catalog.images)
      for (const { was, now } of variables) {
        const script = fs.readFileSync(
          path.join(ROOT, 'dockerfiles', dockerfile, 'docker-entrypoint.sh'),
          'utf8',
        );
        for (const name of [was, now]) assert.ok(script.includes(`[ -z "\${${name}:-}" ]`), name);
      }
  });

  it('say a sentence of every package', () => {
    assert.deepEqual(
      Object.keys(catalog.announcement.packages).sort(),
      catalog.packages.map(({ key }) => key).sort(),
    );
  });

  it('put an image of the set at each place of the chart', () => {
    const names = catalog.images.map(({ name }) => name);
    for (const { image } of catalog.announcement.chart.images) assert.ok(names.includes(image), image);
  });

  it('say in mail, issue, website and pull request what ends and what goes on', () => {
    const index = websitePages(catalog, released)['content/en/docs/setup/artifacts/_index.md'];
    const texts = [
      mailText(catalog, released),
      chartIssue(catalog, released).body,
      websitePost(catalog, released).body,
      index,
    ];
    for (const text of texts) {
      for (const { was, now } of renamedNames(catalog, '0.24.0'))
        assert.ok(text.includes(was) && text.includes(now), was);
      for (const { was, instead } of retiredNames(catalog))
        assert.ok(text.includes(was) && text.includes(instead));
    }
    assert.match(chartPost(catalog, released).body, /`OWNERS` in `charts\/falco`/);
  });

  const later = { ...released, version: '0.25.0', previous: '0.24.0' };

  it('say what is new in names once: to who has a release that lacks it', () => {
    const mail = mailText(catalog, later);
    assert.doesNotMatch(
      mail,
      /^New$|SKIP_MODULE_LOAD|falco-0\.25\.0-x86_64|-slim|no longer made|Makefile now|new names/m,
    );
    assert.match(
      mail,
      /^Names\n-----\n\nWhat 0\.24\.0 has is called as there, and old names that work there go on\nworking\.$/m,
    );
    assert.equal(
      socialText(catalog, later),
      'Falco 0.25.0 is out: deb, rpm, tar.gz with module or bpf, and 5 images. https://falco.org/docs/setup/artifacts/\n',
    );
    for (const { body } of [chartIssue, websitePost].map((post) => post(catalog, later)))
      assert.doesNotMatch(body, /SKIP_MODULE_LOAD|-slim/);
    // The page is a reference: it keeps the old names, and has nothing new.
    const index = websitePages(catalog, later)['content/en/docs/setup/artifacts/_index.md'] ?? '';
    assert.match(index, /`SKIP_MODULE_LOAD`/);
    assert.doesNotMatch(index, /^## New$/m);
  });

  it('say it again to who skips releases, and of a row that came later only then', () => {
    const skipped = { ...later, previous: '0.23.0' };
    assert.match(mailText(catalog, skipped), /^New\n---\n\n- falco-0\.25\.0-bpf-amd64\.deb: /m);
    const grown = {
      ...catalog,
      packages: catalog.packages.map((row) => (row.key === 'debug' ? { ...row, since: '0.25.0' } : row)),
    };
    assert.match(
      mailText(grown, later),
      /^New\n---\n\n- falco-0\.25\.0-x86\.debug: debug symbols of the binary\n\nNames$/m,
    );
    assert.match(socialText(grown, later), /New artifacts: 1\./);
    assert.doesNotMatch(mailText(grown, { ...later, version: '0.26.0', previous: '0.25.0' }), /^New$/m);
  });

  it('hold what came with this version, or with a later one, for news where no release before is given', () => {
    const rows = [{ since: '0.24.0' }];
    assert.deepEqual(news(rows, { version: '0.24.0' }), rows);
    assert.deepEqual(news(rows, { version: '0.23.1' }), rows);
    assert.deepEqual(news(rows, { version: '0.25.0' }), []);
  });

  const backPort = { ...released, version: '0.24.1', previous: '0.24.0', newest: '0.25.0' };

  it('say of a back-port that it is one, with its version in every command', () => {
    const mail = mailText(catalog, backPort);
    assert.match(
      mail.replace(/\s+/g, ' '),
      /Falco 0\.24\.1 is out\. It is a back-port: 0\.25\.0 stays the newest release, which latest, unversioned names and a plain upgrade give\. It follows 0\.24\.0, whose files and tags stay\. Install pages of 0\.25\.0: /,
    );
    assert.doesNotMatch(mail, /only-upgrade|dnf upgrade/);
    assert.deepEqual(
      mail.match(/^ {4}(apt-get|dnf|docker) .*/gm)?.map((line) => line.trim()),
      [
        'apt-get update',
        'apt-get install falco=0.24.1',
        'apt-get install falco-bpf=0.24.1',
        'dnf install falco-0.24.1',
        'dnf swap falco falco-bpf-0.24.1',
        ...catalog.images.map(({ name }) => `docker pull falcosecurity/${name}:0.24.1`),
      ],
    );
    assert.match(socialText(catalog, backPort), /A back-port: the newest release is 0\.25\.0\./);
  });

  it('have what the changelog says of the version, in mail and issue', () => {
    const changelog =
      '### Major Changes\n\n* new: a rule that is described by so many words that its line is too long for a mail\n  and goes on [[#1](https://git.example/1)]\n* by J\u00fcrgen\n\nOne\ntwo.\n\n```\n# code  as it is\n```';
    const mail = mailText(catalog, { ...released, changelog });
    assert.ok(
      mail.includes(
        [
          '\nChanges\n-------\n\nMajor Changes\n-------------\n',
          '* new: a rule that is described by so many words that its line is too',
          '  long for a mail and goes on [[#1](https://git.example/1)]',
          '* by J\u00fcrgen\n\nOne two.\n\n```\n# code  as it is\n```\n\nNew\n',
        ].join('\n'),
      ),
      mail,
    );
    assert.match(
      mail,
      /^To: .*\nSubject: .*\nMIME-Version: 1\.0\nContent-Type: text\/plain; charset=utf-8\n.*: 8bit\n\n/,
    );
    assert.ok(
      chartIssue(catalog, { ...released, changelog }).body.includes(`\n## Changes\n\n${changelog}\n`),
    );
    assert.doesNotMatch(mailText(catalog, released), /^Changes$/m);
  });

  it('leave website and chart at the newest release in a back-port', () => {
    assert.deepEqual(Object.keys(announcementFiles(catalog, backPort)), [
      'mail.txt',
      'social.txt',
      'chart/issue.md',
      'chart/values-with-driver.loader.initContainer.image.yaml',
      'chart/values.yaml',
    ]);
  });

  it('change the driver in a block of its own, so that a block which upgrades can be run whole', () => {
    const index = websitePages(catalog, later)['content/en/docs/setup/artifacts/_index.md'] ?? '';
    const blocks = [...index.matchAll(/^```sh\n([^]*?)\n```$/gm)].map(([, block]) => block);
    assert.deepEqual(blocks.slice(0, 4), [
      'apt-get update\napt-get install --only-upgrade falco',
      'apt-get install falco-bpf',
      'dnf upgrade falco',
      'dnf swap falco falco-bpf',
    ]);
  });

  it('go to the list of the product, in lines of 72 columns', () => {
    const mail = mailText(catalog, released);
    assert.match(
      mail,
      /^To: cncf-falco-dev@lists\.cncf\.io\nSubject: Falco 0\.24\.0 is out\n\nFalco 0\.24\.0 is out\. It follows 0\.23\.0/,
    );
    for (const line of mail.split('\n'))
      assert.ok(line.length <= COLUMNS || /^\s*\S+( \\)?$/.test(line), `${line.length}: ${line}`);
    assert.doesNotMatch(mail, /[^\n\x20-\x7e]/);
  });

  it('fit into a post, with the address, however long the names are', () => {
    const long = { ...other, product: { ...other.product, title: 'H'.repeat(120) } };
    for (const text of [
      socialText(catalog, released),
      socialText(other, released),
      socialText(long, released),
    ]) {
      assert.ok(text.trimEnd().length <= POST_LENGTH, `${text.length}`);
      assert.match(text, /https:\/\/\S+\/\n$/);
      assert.match(text, /0\.24\.0 is out/);
    }
    assert.match(
      socialText(catalog, released),
      /Old names go on working\..*SKIP_MODULE_LOAD is SKIP_DRIVER_LOADER now\./,
    );
    assert.match(socialText(other, released), /Some names changed\./);
  });

  it('have the install pages of the released version, each with a title of its own', () => {
    const pages = websitePages(catalog, released);
    assert.deepEqual(
      Object.keys(pages).map((file) => path.basename(file)),
      [
        '_index.md',
        'apt.md',
        'dnf.md',
        'tarball.md',
        ...catalog.images.map(({ name }) => `image-${name}.md`),
      ],
    );
    for (const text of Object.values(pages)) {
      assert.match(text, /^---\ntitle: ".+"\nweight: \d+\n---\n\n/);
      assert.doesNotMatch(text.replace(/```[^]*?```/g, ''), /^# /m);
      assert.doesNotMatch(text, /npm run/);
    }
    assert.match(
      pages['content/en/docs/setup/artifacts/image-falco-builder.md'] ?? '',
      /falcosecurity\/falco-builder:0\.24\.0 cmake/,
    );
  });

  it('list digests where a stack gives them', () => {
    const name = 'falcosecurity/falco:0.24.0';
    const digests = { [name]: 'registry.example/falco@sha256:abc' };
    assert.match(
      mailText(catalog, { ...released, digests }),
      /Images by digest:\n\n- falcosecurity\/falco:0\.24\.0 is\n? +registry\.example\/falco@sha256:abc/,
    );
    assert.doesNotMatch(mailText(catalog, released), /Images by digest/);
  });

  it('pull images from where the stack has them, on Docker Hub by their short name', () => {
    const name = 'falcosecurity/falco:0.24.0';
    const root = (repository: string) =>
      imageRoot(catalog.product, { digests: { [name]: `${repository}@sha256:abc` } });
    assert.equal(root('docker.io/falcosecurity/falco'), 'falcosecurity');
    assert.equal(imageRoot(catalog.product, released), 'falcosecurity');
    const digests = { [name]: 'registry.example/prod/falcosecurity/falco@sha256:abc' };
    const own = { ...released, digests };
    const mail = mailText(catalog, own).replace(/ \\\n +/g, ' ');
    assert.match(mail, /^ {4}docker pull registry\.example\/prod\/falcosecurity\/falco-builder:0\.24\.0$/m);
    assert.doesNotMatch(mail, /docker pull falcosecurity/);
    assert.match(
      websitePages(catalog, own)['content/en/docs/setup/artifacts/image-falco.md'] ?? '',
      /^docker run --rm registry\.example\/prod\/falcosecurity\/falco:0\.24\.0 usage$/m,
    );
    assert.match(
      chartIssue(catalog, own).body,
      /^These images are in `registry\.example\/prod\/falcosecurity`: the chart needs that registry, too\.$/m,
    );
    assert.doesNotMatch(chartIssue(catalog, released).body, /These images are in/);
  });

  it('are the same bytes each time, and say nothing of a product of their own', () => {
    assert.deepEqual(announcementFiles(catalog, released), announcementFiles(catalog, { ...released }));
    const own = Object.entries(announcementFiles(other, { ...released, url: 'https://hawk.example' })).filter(
      ([name]) => !/image-|apt|dnf|tarball/.test(name),
    );
    for (const [name, text] of own) assert.deepEqual(text.match(/.*falco.*/gi) ?? [], [], name);
  });

  it('carry a mark of their version', () => {
    const marker = markerOf(catalog.product, '0.24.0');
    assert.equal(marker, '<!-- falco-artifacts:announce 0.24.0 -->');
    assert.equal(versionIn(catalog.product, `x\n${marker}\n`), '0.24.0');
    assert.equal(versionIn(catalog.product, 'x'), undefined);
    for (const { body } of [chartIssue, chartPost, websitePost].map((post) => post(catalog, released)))
      assert.ok(body.startsWith(`${marker}\n`));
  });

  it('are opened with addresses that others can use only', () => {
    const problem = (of: object) => onlyHere(catalog.product, { ...released, ...of })?.message;
    assert.equal(problem({}), undefined);
    for (const url of ['file:///bucket', 'http://127.0.0.1:8080'])
      assert.equal(
        problem({ url }),
        `falco:url: ${url} is of no use to others; set the public URL of the bucket's root`,
      );
    assert.equal(
      problem({
        digests: { 'falcosecurity/falco:0.24.0': '127.0.0.1:5050/prod/falcosecurity/falco@sha256:abc' },
      }),
      'falco:registry: 127.0.0.1:5050/prod/falcosecurity is of no use to others; set the registry that they pull from',
    );
  });

  it('are of releases only, with the one before', () => {
    assert.deepEqual(versionsOf('0.24.0', '0.23.0'), { version: '0.24.0', previous: '0.23.0' });
    assert.throws(() => versionsOf(), {
      message: '--version: is missing; give the released version, such as 0.24.0',
    });
    assert.throws(() => versionsOf('v0.24.0'), {
      message: '--version: "v0.24.0" is no version; leave out the v: 0.24.0',
    });
    assert.throws(() => versionsOf('0.24.0-rc1'), {
      message: '--version: "0.24.0-rc1" is a pre-release; only releases are announced',
    });
    assert.deepEqual(versionsOf('0.24.1', '0.24.0', '0.25.0'), {
      ...{ version: '0.24.1', previous: '0.24.0', newest: '0.25.0' },
    });
    assert.throws(() => versionsOf('0.24.0', undefined, '0.24.0'), {
      message: '--latest: 0.24.0 is not newer than 0.24.0; leave it out unless 0.24.0 is a back-port',
    });
    assert.throws(() => versionsOf('0.24.0', '0.24.0'), {
      message: '--previous: 0.24.0 is not older than 0.24.0; give the release before it',
    });
  });
});

describe('a text as blocks', () => {
  it('becomes Markdown, and plain text whose commands a shell still takes', () => {
    const blocks = [
      { heading: 'Head' },
      { text: 'A `name` in text.' },
      { names: [['old', 'new', 'works']] as [string, string, string][] },
      { commands: [`echo ${'word '.repeat(20).trim()}`] },
    ];
    assert.match(
      markdown(blocks),
      /^## Head\n\nA `name` in text\.\n\n\| before \| now \| the old name \|\n\| --- \| --- \| --- \|\n\| `old` \| `new` \| works \|\n\n```sh\necho word/,
    );
    assert.equal(
      plainText(blocks),
      `Head\n----\n\nA name in text.\n\n  old\n    -> new (works)\n\n    echo ${'word '.repeat(12)}\\\n      ${'word '.repeat(8).trim()}\n`,
    );
  });
});
