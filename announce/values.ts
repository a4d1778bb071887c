/** The images in a Helm chart's `values.yaml`: which belong there, and the change in place. Pure. */
import { createTwoFilesPatch } from 'diff';
import * as semver from 'semver';
import { isMap, isScalar, parse, parseDocument, Scalar, stringify, YAMLMap } from 'yaml';
import { Catalog } from '../model';
import { SettingError } from '../names';

export interface ChartImageReference {
  /** Path of the mapping in the values. */
  at: string;
  /** `<namespace>/<image>`. */
  repository: string;
  reference: string;
}

/**
 * Which image belongs where.
 *
 * @param has whether the values have a path
 */
export function chartImages(
  { announcement, product }: Catalog,
  version: string,
  has: (at: string) => boolean,
): ChartImageReference[] {
  const found = new Map<string, ChartImageReference>();
  for (const { at, when, image } of announcement.chart.images) {
    if (found.has(at) || !has(at) || (when !== undefined && !has(when))) continue;
    const repository = `${product.imageNamespace}/${image}`;
    found.set(at, { at, repository, reference: `${repository}:${version}` });
  }
  return [...found.values()];
}

export interface ChartVariant {
  /** Path that the values have, and those of the other variant have not; undefined for the plain one. */
  when?: string;
  images: ChartImageReference[];
}

/** The kinds of charts that the catalog tells apart, each with its images. */
export function chartVariants(catalog: Catalog, version: string): ChartVariant[] {
  const paths = [...new Set(catalog.announcement.chart.images.flatMap(({ when }) => when ?? []))];
  return [...paths, undefined].map((when) => ({
    ...(when !== undefined && { when }),
    images: chartImages(catalog, version, (at) => at === when || !paths.includes(at)),
  }));
}

/** Values for `helm … -f`: nothing but the images. */
export function overrideValues(images: ChartImageReference[], version: string): string {
  const values: Record<string, unknown> = {};
  for (const { at, repository } of images) {
    let place = values;
    for (const key of at.split('.')) place = (place[key] ??= {}) as Record<string, unknown>;
    Object.assign(place, { repository, tag: version });
  }
  return stringify(values);
}

/** A chart's values file. */
export interface ChartValues {
  /** Path in its repository, or in the folder given. */
  file: string;
  text: string;
  /** What an empty tag stands for. */
  appVersion?: string;
}

/** `appVersion` of a `Chart.yaml`. */
export function appVersionIn(chart: string | undefined): string | undefined {
  const found = (parse(chart ?? '{}') as { appVersion?: unknown } | null)?.appVersion;
  return typeof found === 'string' ? found : undefined;
}

export interface ValuesChange {
  /** The new text; the same as before where nothing is to be changed. */
  text: string;
  /** What belongs into this chart. */
  images: ChartImageReference[];
  /** Why it was left alone, for a person. */
  remark?: string;
}

/**
 * Changes repository and tag of each image where they stand; comments, order and quotes of the rest stay.
 *
 * @throws SettingError where it is no values file that names the images
 */
export function changeValues(
  catalog: Catalog,
  version: string,
  { file, text, appVersion }: ChartValues,
): ValuesChange {
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new SettingError(file, `is no YAML: ${document.errors[0].message}`);
  const mapAt = (at: string) => document.getIn(at.split('.'), true);
  const images = chartImages(catalog, version, (at) => isMap(mapAt(at)));
  if (images.length === 0) {
    const places = [...new Set(catalog.announcement.chart.images.map(({ at }) => at))];
    throw new SettingError(file, `has none of ${places.join(', ')}; mend announcement.ts`);
  }
  const edits: { from: number; to: number; text: string }[] = [];
  for (const { at, repository } of images) {
    const map = mapAt(at) as YAMLMap;
    const was = { repository: scalar(map, 'repository', at, file), tag: scalar(map, 'tag', at, file) };
    const tag = textOf(was.tag) || (appVersion ?? '');
    if (semver.valid(tag) && semver.gt(tag, version))
      return { text, images, remark: `${file} has ${tag} at ${at}, which is newer; it is left alone` };
    // What stands before the namespace, a registry perhaps, is the chart's own matter.
    const prefix = /^(.*\/)?[^/]+\/[^/]+$/.exec(textOf(was.repository))?.[1] ?? '';
    edits.push(replacement(was.repository, prefix + repository), replacement(was.tag, version));
  }
  edits.sort((a, b) => b.from - a.from);
  const changed = edits.reduce(
    (before, edit) => before.slice(0, edit.from) + edit.text + before.slice(edit.to),
    text,
  );
  return { text: changed, images };
}

function scalar(map: YAMLMap, key: string, at: string, file: string): Scalar {
  const node = map.get(key, true);
  if (isScalar(node) && node.range) return node;
  throw new SettingError(file, `has no ${at}.${key}; mend announcement.ts, or the file`);
}

/** A number is a tag, too, as it stands there. */
function textOf({ value, source = '' }: Scalar): string {
  return value === null ? '' : typeof value === 'string' ? value : source;
}

/** In the quotes that stand there. */
function replacement(node: Scalar, value: string) {
  const [from = 0, to = 0] = node.range ?? [];
  if (node.type === 'QUOTE_SINGLE') return { from, to, text: `'${value}'` };
  if (node.type === 'PLAIN' && to > from) return { from, to, text: value };
  return { from, to, text: to > from ? `"${value}"` : ` ${value}` };
}

/** As `git apply` and `patch -p1` take it; empty where nothing changes. */
export function valuesPatch(file: string, before: string, after: string): string {
  if (before === after) return '';
  const patch = createTwoFilesPatch(`a/${file}`, `b/${file}`, before, after, undefined, undefined, {
    context: 3,
  });
  return patch.replace(/^=+\n/, '');
}
