/** What is opened where for a release: pull requests for the website and the chart, and an issue at the chart's. */
import * as semver from 'semver';
import { parse } from 'yaml';
import { Catalog } from '../model';
import { SettingError } from '../names';
import { GitHub } from './github';
import { Author, planIssue, planPullRequest, PullRequest, Step } from './open';
import { branchOf, markerOf, Released, versionIn } from './release';
import { chartIssue, chartPost, websitePost } from './texts';
import { appVersionIn, changeValues } from './values';
import { INDEX, websitePages } from './website';

/** `OWNER/REPO` of each, and who commits are by. */
export interface Destinations {
  website: string;
  charts: string;
  /** Default: whom the token belongs to, without a sign-off. */
  author?: Author;
}

/** Looks at everything first, so that nothing is opened where something else cannot be. */
export async function planOpening(
  catalog: Catalog,
  released: Released,
  { website, charts, author }: Destinations,
  api: GitHub,
): Promise<Step[]> {
  const { product } = catalog;
  const { version } = released;
  const traces = { marker: markerOf(product, version), user: await api.user() };
  const common = { ...traces, branch: branchOf(product, version) };
  const site = { repository: website, setting: '--website' } as const;
  const chart = { repository: charts, setting: '--charts' } as const;
  const issue = await planIssue(api, { ...traces, place: chart, post: chartIssue(catalog, released) });
  // Pages and chart are of the newest release, and stay so.
  if (released.newest !== undefined) return [issue];
  return [
    await planPullRequest(
      api,
      {
        ...common,
        place: site,
        post: websitePost(catalog, released),
        files: websiteFiles(catalog, released),
      },
      author,
    ),
    await planPullRequest(
      api,
      {
        ...common,
        place: chart,
        post: chartPost(catalog, released),
        files: chartFiles(catalog, version, charts),
      },
      author,
    ),
    issue,
  ];
}

function websiteFiles(catalog: Catalog, released: Released): PullRequest['files'] {
  return async (read) => {
    const index = await read(`${catalog.announcement.website.folder}/${INDEX}`);
    const there = index === undefined ? undefined : versionIn(catalog.product, index);
    if (there !== undefined && semver.gt(there, released.version))
      return { files: {}, remark: `the pages are of ${there}, which is newer` };
    return { files: websitePages(catalog, released) };
  };
}

function chartFiles(catalog: Catalog, version: string, charts: string): PullRequest['files'] {
  const { folders, managed } = catalog.announcement.chart;
  return async (read) => {
    for (const folder of folders) {
      const file = `${folder}/values.yaml`;
      const text = await read(file);
      if (text === undefined) continue;
      const list = (parse((await read(managed)) ?? '{}') ?? {}) as Record<string, string[]>;
      if (Object.values(list).flat().includes(`${folder}/**`))
        throw new SettingError(
          '--charts',
          `${charts} takes no change of ${folder}: ${managed} there says which repository it comes from; give that one`,
        );
      const { text: changed, remark } = changeValues(catalog, version, {
        file,
        text,
        appVersion: appVersionIn(await read(`${folder}/Chart.yaml`)),
      });
      return remark === undefined ? { files: { [file]: changed } } : { files: {}, remark };
    }
    throw new SettingError(
      '--charts',
      `${charts} has no values.yaml in ${folders.join(', ')}; give the chart's repository, or mend announcement.ts`,
    );
  };
}
