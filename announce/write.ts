/** All texts of an announcement as files, and what would be opened with them. Pure. */
import { Catalog } from '../model';
import { Released } from './release';
import { chartIssue, chartPost, mailText, Post, socialText, websitePost } from './texts';
import { changeValues, ChartValues, chartVariants, overrideValues, valuesPatch } from './values';
import { websitePages } from './website';

/** Path below the announcement's folder to text. */
export function announcementFiles(
  catalog: Catalog,
  released: Released,
  values?: ChartValues,
): Record<string, string> {
  const change = values && changeValues(catalog, released.version, values);
  return {
    'mail.txt': mailText(catalog, released),
    'social.txt': socialText(catalog, released),
    'chart/issue.md': postFile(chartIssue(catalog, released)),
    ...(change
      ? { 'chart/values.yaml': overrideValues(change.images, released.version) }
      : overrides(catalog, released)),
    // Website and chart are of the newest release, and stay so.
    ...(released.newest === undefined && {
      ...websiteFiles(catalog, released),
      'chart/pull-request.md': postFile(chartPost(catalog, released)),
      ...(values &&
        change &&
        change.text !== values.text && {
          'chart/values.patch': valuesPatch(values.file, values.text, change.text),
        }),
    }),
  };
}

function websiteFiles(catalog: Catalog, released: Released): Record<string, string> {
  const pages = Object.entries(websitePages(catalog, released));
  return {
    'website/pull-request.md': postFile(websitePost(catalog, released)),
    ...Object.fromEntries(pages.map(([path, text]) => [`website/${path}`, text])),
  };
}

/** One file for each kind of chart. */
function overrides(catalog: Catalog, { version }: Released): Record<string, string> {
  const files = chartVariants(catalog, version).map(({ when, images }) => [
    `chart/values${when === undefined ? '' : `-with-${when}`}.yaml`,
    overrideValues(images, version),
  ]);
  return Object.fromEntries(files) as Record<string, string>;
}

const postFile = ({ title, body }: Post) => `# ${title}\n\n${body}`;
