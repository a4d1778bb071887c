/** `npm run announce`: writes what users are told of a release; with --open, opens it at GitHub. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { GitHub, gitHubSettings } from '../announce/github';
import { Author } from '../announce/open';
import { Destinations, planOpening } from '../announce/opening';
import { checkPublic, Released, versionsOf } from '../announce/release';
import { chartIssue, chartPost, websitePost } from '../announce/texts';
import { appVersionIn, changeValues, ChartValues } from '../announce/values';
import { announcementFiles } from '../announce/write';
import { bucketAddress, bucketUrl } from '../location';
import { Catalog } from '../model';
import { SettingError } from '../names';
import { PUBLIC } from '../pages';
import { stackOutputs } from './engine';
import { Given } from './options';
import { openStack } from './stack';
import { stackName } from './validate';

/** What one run does, once its options are known to be good. */
export interface Announcement extends Destinations {
  versions: Pick<Released, 'version' | 'previous'>;
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
  const versions = versionsOf(strings.version, strings.previous);
  const { website, chart } = catalog.announcement;
  return {
    versions,
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
  const settings = isOpen ? gitHubSettings(environment) : undefined;
  const released = await releasedBy(root, announcement);
  if (isOpen) checkPublic(released);
  const files = announcementFiles(catalog, released, announcement.values);
  write(out, files);
  say(`Texts of ${released.version} in ${out}:`);
  for (const name of Object.keys(files)) say(`  ${path.join(out, name)}`);
  if (!('chart/values.patch' in files)) say(`  no chart/values.patch: ${noPatch(catalog, announcement)}`);
  if (settings === undefined) {
    say('Nothing was opened. With --open this opens, once:');
    say(`  pull request at ${website}: ${websitePost(catalog, released).title}`);
    say(`  pull request at ${charts}: ${chartPost(catalog, released).title}`);
    say(`  issue at ${charts}: ${chartIssue(catalog, released).title}`);
  } else {
    const steps = await planOpening(catalog, released, announcement, new GitHub(settings));
    for (const step of steps) say(await step());
  }
  say(`To be sent by a person: mail.txt to ${catalog.product.maintainer}, and social.txt.`);
  return 0;
}

function noPatch(catalog: Catalog, { values, versions }: Announcement): string {
  if (!values) return 'give --chart DIR, a checkout of the chart, to see it';
  return changeValues(catalog, versions.version, values).remark ?? `${values.file} has these images already`;
}

function write(out: string, files: Record<string, string>): void {
  fs.rmSync(path.join(out, 'chart'), { recursive: true, force: true }); // Its files depend on the chart given.
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(out, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
}

/** @throws SettingError where the stack has published another version */
async function releasedBy(root: string, { versions, stack: name }: Announcement): Promise<Released> {
  if (name === undefined) return { ...versions, url: PUBLIC.url, digests: {} };
  const stack = openStack(root, name, {});
  const text = (key: string) => {
    const value = stack.config[`falco:${key}`];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const outputs = (await stackOutputs(stack)) as { version?: string; images?: Record<string, string> };
  if (outputs.version !== versions.version)
    throw new SettingError(
      '--version',
      `the stack ${name} has published ${outputs.version ?? 'nothing'}; announce what it has published`,
    );
  const bucket = bucketUrl(bucketAddress(text('bucket') ?? '.local/bucket', 'falco:bucket'));
  return { ...versions, url: (text('url') ?? bucket).replace(/\/+$/, ''), digests: outputs.images ?? {} };
}
