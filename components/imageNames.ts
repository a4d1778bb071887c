/** Where each image of a release goes: its own repository and legacy ones, in every registry. */
import { ImageRow } from '../model';
import { ImageEntry, PublishSettings } from './settings';

/** One name that an image gets in one registry: its own, or a legacy alias in another repository. */
export interface ImageName {
  image: ImageRow;
  /** `<host>/<namespace>`. */
  registry: string;
  repository: string;
  suffix: string;
  /** Tells the resources of several registries apart. */
  label: string;
}

/** Names of the images that are there, the catalog's order, the first registry first. */
export function imageNames(settings: PublishSettings, images: Record<string, ImageEntry>): ImageName[] {
  const offered = settings.catalog.images.filter((image) => images[image.name]);
  return [settings.registry, ...settings.mirrors].flatMap((registry, index) =>
    offered.flatMap((image) => namesOf(image, registry, index === 0 ? '' : `${registry}/`)),
  );
}

/** Its own repository, then the legacy ones (`<tag>-slim`). */
function namesOf(image: ImageRow, registry: string, prefix: string): ImageName[] {
  const own = { repository: image.name, suffix: '' };
  return [own, ...image.aliases].map(({ repository, suffix }) => ({
    image,
    registry,
    repository,
    suffix,
    label: `${prefix}${repository}${suffix}`,
  }));
}

export function entryOf(images: Record<string, ImageEntry>, { name }: ImageRow): ImageEntry {
  const found = images[name];
  if (!found) throw new Error(`catalog: there is no image ${name}`);
  return found;
}
