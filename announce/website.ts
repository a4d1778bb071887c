/** The pages for the website (Hugo): the install pages of `pages.ts`, and one that says what changes for whom. Pure. */
import { Catalog } from '../model';
import { installPages } from '../pages';
import { Block, markdown } from './document';
import { imageRoot, markerOf, Released } from './release';
import { allNamesSection, newSection, usersSection, verifySection } from './sections';

/** The page that lists the others and carries the version. */
export const INDEX = '_index.md';

/** Path in the website's repository to text. */
export function websitePages(catalog: Catalog, released: Released): Record<string, string> {
  const { product, announcement } = catalog;
  const { version, url } = released;
  const pages = Object.entries(
    installPages(catalog, { url, tag: version, images: imageRoot(product, released) }),
  );
  const titles = pages.map(([name, text]) => [name, titleOf(text)] as const);
  const index: Block[] = [
    { text: markerOf(product, version) },
    { list: titles.map(([name, title]) => `[${title}](${name.replace(/\.md$/, '/')})`) },
    ...newSection(catalog, released),
    // The page stays, and goes on saying which old names work.
    ...allNamesSection(catalog, released),
    ...usersSection(catalog, released),
    ...verifySection(catalog, released),
  ];
  return Object.fromEntries([
    [
      `${announcement.website.folder}/${INDEX}`,
      frontMatter(`Artifacts of ${product.title} ${version}`, 60) + markdown(index),
    ],
    ...pages.map(([name, text], position) => [
      `${announcement.website.folder}/${name}`,
      frontMatter(titleOf(text), 10 * (position + 1)) + body(text),
    ]),
  ]) as Record<string, string>;
}

const titleOf = (page: string) => /^# (.+)$/m.exec(page)?.[1] ?? '';

/** The theme writes the title itself; what stands above it is of this repository. */
const body = (page: string) => page.replace(/^[^]*?^# .+\n\n/m, '');

/** JSON strings are YAML strings, too. */
const frontMatter = (title: string, weight: number) =>
  `---\ntitle: ${JSON.stringify(title)}\nweight: ${weight}\n---\n\n`;
