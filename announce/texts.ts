/** The announcements: mail, issue and pull requests, social media. The same inputs give the same bytes. Pure. */
import { Catalog } from '../model';
import { Block, markdown, plainText } from './document';
import { freshNames, news, renamedNames } from './names';
import { imageRoot, markerOf, Released } from './release';
import { changelogBlocks, namesSection, newSection, usersSection, verifySection } from './sections';
import { chartVariants, overrideValues } from './values';

export interface Post {
  title: string;
  /** Markdown with the marker in it. */
  body: string;
}

/** Longest text of a post on social media. */
export const POST_LENGTH = 280;

const titleOf = ({ product }: Catalog, { version }: Released) => `${product.title} ${version}`;

function opening(catalog: Catalog, released: Released): string {
  const since =
    released.previous === undefined ? '' : ` It follows ${released.previous}, whose files and tags stay.`;
  const { newest } = released;
  const beside =
    newest === undefined
      ? ''
      : ` It is a back-port: ${newest} stays the newest release, which \`latest\`, unversioned names and a plain upgrade give.`;
  return `${titleOf(catalog, released)} is out.${beside}${since}`;
}

/** With the heads that a mail program takes; the text is what stands after the empty line. */
export function mailText(catalog: Catalog, released: Released): string {
  const { product, announcement } = catalog;
  const heads = [`To: ${product.maintainer}`, `Subject: ${titleOf(catalog, released)} is out`];
  // RFC 2045; a changelog may have names of people.
  const mime = [
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
  ];
  const blocks: Block[] = [
    { text: opening(catalog, released) },
    {
      text: `Install pages${released.newest === undefined ? '' : ` of ${released.newest}`}: ${announcement.website.url}`,
    },
    ...changelogBlocks(released),
    ...newSection(catalog, released),
    ...namesSection(catalog, released),
    ...usersSection(catalog, released),
    ...verifySection(catalog, released),
    { text: `Sources, and where to ask: ${product.source}` },
  ];
  const text = plainText(blocks);
  const isAscii = /^[\n\x20-\x7e]*$/.test(text);
  return `${[...heads, ...(isAscii ? [] : mime)].join('\n')}\n\n${text}`;
}

/** Sentences of the post that fit, in their order, and the address of the pages. */
export function socialText(catalog: Catalog, released: Released): string {
  const { product, announcement } = catalog;
  const { version } = released;
  const renamed = news(renamedNames(catalog, version), released);
  const works = renamed.every((one) => one.works);
  const fresh = news(freshNames(catalog, version), released).length;
  const variables = renamed.filter(({ kind }) => kind === 'variable');
  const formats = [
    ...new Set(catalog.packages.filter(({ from }) => from !== 'debug').map(({ format }) => format)),
  ];
  const drivers = Object.values(product.drivers).join(' or ');
  const sentences = [
    `${product.title} ${version} is out: ${formats.join(', ')} with ${drivers}, and ${catalog.images.length} images.`,
    ...(released.newest === undefined ? [] : [`A back-port: the newest release is ${released.newest}.`]),
    ...(renamed.length > 0 ? [works ? 'Old names go on working.' : 'Some names changed.'] : []),
    ...(fresh > 0 ? [`New artifacts: ${fresh}.`] : []),
    ...variables.map(({ was, now }) => `${was} is ${now} now.`),
  ];
  const address = announcement.website.url;
  const kept: string[] = [];
  for (const sentence of sentences)
    if ([...kept, sentence, address].join(' ').length <= POST_LENGTH) kept.push(sentence);
  return `${[...kept, address].join(' ')}\n`;
}

export function websitePost(catalog: Catalog, released: Released): Post {
  const { product, announcement } = catalog;
  return {
    title: `docs: install pages of ${titleOf(catalog, released)}`,
    body: markdown([
      { text: markerOf(product, released.version) },
      {
        text: `${opening(catalog, released)} These pages in \`${announcement.website.folder}\` say how each artifact is installed, and what changes for whom. They are made from the list that the release is made from; every command of the install pages was run by a test.`,
      },
      ...namesSection(catalog, released),
    ]),
  };
}

/** Per kind of chart: its images, as a list or as values. */
function chartBlocks(catalog: Catalog, { version }: Released, how: 'list' | 'values'): Block[] {
  return chartVariants(catalog, version).flatMap(({ when, images }): Block[] => [
    { text: when === undefined ? 'In another chart:' : `In a chart whose values have \`${when}\`:` },
    how === 'list'
      ? { list: images.map(({ at, reference }) => `\`${at}\`: \`${reference}\``) }
      : { commands: overrideValues(images, version).trimEnd().split('\n'), language: 'yaml' },
  ]);
}

/** A chart names the registry apart, or none. */
function registryNote({ product }: Catalog, released: Released): Block[] {
  const root = imageRoot(product, released);
  if (root === product.imageNamespace) return [];
  return [{ text: `These images are in \`${root}\`: the chart needs that registry, too.` }];
}

function ownersNote({ announcement }: Catalog): Block[] {
  const [folder] = announcement.chart.folders;
  return [
    { heading: 'OWNERS' },
    {
      text: `\`OWNERS\` in \`${folder}\`, and that of the repository where it names no approver, say who is asked to review this. Please look whether they still look after the chart, and who of the release's maintainers should be among them.`,
    },
  ];
}

/** Opened at the chart's repository, also where nobody takes the change: how the existing chart works with the names. */
export function chartIssue(catalog: Catalog, released: Released): Post {
  const { product } = catalog;
  return {
    title: `${titleOf(catalog, released)}: image names of the chart`,
    body: markdown([
      { text: markerOf(product, released.version) },
      { text: opening(catalog, released) },
      { heading: 'What it means for the chart' },
      ...chartBlocks(catalog, released, 'list'),
      {
        text: `\`${product.imageNamespace}/${product.name}\` loads the driver itself before it starts; with an init container that does so, or on nodes that have the driver, the image without driver is the one to take. The loader is given \`${Object.values(product.drivers).join('` or `')}\` or nothing; another word of \`driver.kind\` needs a loader that knows it.`,
      },
      { heading: 'With the chart as it is' },
      { text: 'With these values (`helm upgrade … -f`) the existing chart takes them.' },
      ...chartBlocks(catalog, released, 'values'),
      ...registryNote(catalog, released),
      ...namesSection(catalog, released),
      ...changelogBlocks(released),
      ...ownersNote(catalog),
    ]),
  };
}

export function chartPost(catalog: Catalog, released: Released): Post {
  const { product } = catalog;
  return {
    title: `chart: images of ${titleOf(catalog, released)}`,
    body: markdown([
      { text: markerOf(product, released.version) },
      { text: opening(catalog, released) },
      { text: 'The default images in `values.yaml` become what is released.' },
      ...chartBlocks(catalog, released, 'list'),
      {
        text: "Not changed here, for the chart's maintainers to decide: `version` and `appVersion` in `Chart.yaml`, `CHANGELOG.md`, the generated README. Where a tag is empty on purpose, `appVersion` is the better place for it.",
      },
      ...ownersNote(catalog),
    ]),
  };
}
