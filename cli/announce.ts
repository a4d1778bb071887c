/** `npm run announce`: writes what users are told of a release; with --open, opens it at GitHub. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { GitHub, gitHubSettings } from '../announce/github';
import { Author } from '../announce/open';
import { Destinations, planOpening } from '../announce/opening';
import { onlyHere, versionsOf } from '../announce/release';
import { chartIssue, chartPost, websitePost } from '../announce/texts';
import { appVersionIn, changeValues, ChartValues } from '../announce/values';
import { announcementFiles } from '../announce/write';
import { Catalog } from '../model';
import { SettingError } from '../names';
import { Given } from './options';
import { changelogOf, GivenRelease, releasedBy } from './released';
import { stackName } from './validate';

/** What one run does, once its options are known to be good. */
export interface Announcement extends Destinations {
  release: GivenRelease;
  /** The stack that published it; undefined: the public addresses. */
  stack?: string;
  /** Folder of the texts. */
  out: string;
  /** The chart's values, of a checkout. */
  values?: ChartValues;
  isOpen: boolean;
}

/**
 * @param started folder that relative paths start from
 * @throws SettingError naming the option and the remedy
 */
export function announcementOf(catalog: Catalog, given: Given, started: string, root: string): Announcement {
  const { strings, flags } = given;
  const versions = versionsOf(strings.version, strings.previous, strings.latest);
  const { website, chart } = catalog.announcement;
  return {
    release: {
      ...versions,
      ...(strings.changelog !== undefined && {
        changelog: changelogOf(path.resolve(started, strings.changelog), versions.version, '--changelog'),
      }),
    },
    ...(strings.stack !== undefined && { stack: stackName(given) }),
    out: strings.out
      ? path.resolve(started, strings.out)
      : path.join(root, '.local', 'announce', versions.version),
    ...(strings.chart !== undefined && {
      values: chartValues(catalog, path.resolve(started, strings.chart)),
    }),
    website: repository(strings.website ?? website.repository, '--website'),
    charts: repository(strings.charts ?? chart.repository, '--charts'),
    ...(strings['sign-off'] !== undefined && { author: authorOf(strings['sign-off']) }),
    isOpen: flags.has('open'),
  };
}

function repository(text: string, setting: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9-]*\/[A-Za-z0-9._-]+$/.test(text) && !/\/\.\.?$/.test(text)) return text;
  throw new SettingError(setting, `"${text}" is no repository; give OWNER/REPO`);
}

function authorOf(text: string): Author {
  const match = /^([^<>\n]+?) <([^<>@\s]+@[^<>@\s]+)>$/.exec(text);
  if (match?.[1] && match[2]) return { name: match[1], email: match[2] };
  throw new SettingError('--sign-off', `"${text}" is not NAME <MAIL>; give it as git does`);
}

function chartValues({ announcement }: Catalog, folder: string): ChartValues {
  const folders = ['', ...announcement.chart.folders];
  const file = folders
    .map((one) => path.join(one, 'values.yaml'))
    .find((one) => fs.existsSync(path.join(folder, one)));
  if (file === undefined)
    throw new SettingError(
      '--chart',
      `${folder} has no values.yaml; give the chart's folder, or its repository's`,
    );
  const read = (name: string) => fs.readFileSync(path.join(folder, name), 'utf8');
  const chart = path.join(path.dirname(file), 'Chart.yaml');
  const appVersion = fs.existsSync(path.join(folder, chart)) ? appVersionIn(read(chart)) : undefined;
  return { file, text: read(file), appVersion };
}

/** Resolves to the exit status. Only with --open anything but the files is written. */
export async function announceCommand(
  catalog: Catalog,
  root: string,
  announcement: Announcement,
  environment: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<number> {
  const { out, isOpen, website, charts } = announcement;
  const released = await releasedBy(root, announcement.release, announcement.stack);
  const here = onlyHere(catalog.product, released);
  if (here && isOpen) throw here;
  const settings = isOpen ? gitHubSettings(environment) : undefined;
  const files = announcementFiles(catalog, released, announcement.values);
  write(catalog, out, files);
  say(`Texts of ${released.version} in ${out}:`);
  for (const name of Object.keys(files)) say(`  ${path.join(out, name)}`);
  if (here) say(`  to be tried on this machine only, and not opened: ${here.message}`);
  if (released.changelog === undefined) say('  no changelog in them: give --changelog FILE');
  if (released.newest !== undefined)
    say(`A back-port: website and chart are left at ${released.newest}, the newest release.`);
  else if (!('chart/values.patch' in files))
    say(`  no chart/values.patch: ${noPatch(catalog, announcement)}`);
  if (settings === undefined && !here) {
    say('Nothing was opened. With --open this opens, once:');
    if (released.newest === undefined) {
      say(`  pull request at ${website}: ${websitePost(catalog, released).title}`);
      say(`  pull request at ${charts}: ${chartPost(catalog, released).title}`);
    }
    say(`  issue at ${charts}: ${chartIssue(catalog, released).title}`);
  } else if (settings !== undefined) {
    const steps = await planOpening(catalog, released, announcement, new GitHub(settings));
    for (const step of steps) say(await step());
  }
  if (!here) say(`To be sent by a person: mail.txt to ${catalog.product.maintainer}, and social.txt.`);
  return 0;
}

function noPatch(catalog: Catalog, { values, release }: Announcement): string {
  if (!values) return 'give --chart DIR, a checkout of the chart, to see it';
  return changeValues(catalog, release.version, values).remark ?? `${values.file} has these images already`;
}

function write({ announcement }: Catalog, out: string, files: Record<string, string>): void {
  // What a run before wrote for another chart, or before it was known to be a back-port.
  const stale = ['chart', 'website/pull-request.md', `website/${announcement.website.folder}`];
  for (const name of stale) fs.rmSync(path.join(out, name), { recursive: true, force: true });
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(out, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
}
