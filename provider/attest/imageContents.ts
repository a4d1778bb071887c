/**
 * What in an image decides what its SBOM tells: all of its layers but those on top which only add files of the image's
 * own, and in which a scan finds nothing. A text of every image names its release: without this, each release would have
 * every image scanned again.
 */
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as tar from 'tar-stream';
import { sha256 } from '../formats/compress';
import { blobBytes, imageLayers, manifest, repositoryOf } from '../oci';
import type { SpdxDocument } from './spdx';

export interface ImageContents {
  /** Hash of the layers that decide, and of the paths in the others: what those hide, they hide in every release. */
  deciding: string;
  /** Hash of all layers. */
  all: string;
  /** Paths in the layers that do not decide, without the first `/`. */
  added: string[];
}

/** Bytes of a compressed layer that is looked into. */
const SMALL = 64 * 1024;
/** Folders of the distribution (Filesystem Hierarchy Standard 3.0), where its package databases and their texts are. */
const DISTRIBUTION =
  /^(bin|boot|dev|etc|lib[^/]*|media|mnt|opt|proc|root|run|sbin|srv|sys|usr(?!\/local\/)|var)\//;

interface Manifest {
  layers?: { mediaType: string; digest: string; size: number }[];
}

/**
 * @param reference `<repository>@<digest>` of an image
 * @param findsPackages whether a scan of a layer, a gzipped tar, finds packages
 */
export async function imageContents(
  reference: string,
  findsPackages: (layer: Buffer) => Promise<boolean>,
): Promise<ImageContents> {
  const [text, ids] = await Promise.all([manifest(reference), imageLayers(reference)]);
  const { layers = [] } = JSON.parse(text) as Manifest;
  const added = new Set<string>();
  let count = ids.length;
  for (; count > 1 && layers.length === ids.length; count--) {
    const { mediaType, digest, size } = layers[count - 1];
    if (size > SMALL || !/[.+]gzip$/.test(mediaType)) break;
    const layer = await blobBytes(`${repositoryOf(reference)}@${digest}`);
    const paths = await ownFiles(layer);
    if (!paths || (paths.length > 0 && (await findsPackages(layer)))) break;
    for (const one of paths) added.add(one);
  }
  const paths = [...added].sort();
  return {
    deciding: sha256([...ids.slice(0, count), ...paths].join('\n')),
    all: sha256(ids.join('\n')),
    added: paths,
  };
}

/** Files of a layer that adds nothing but files, in folders that no distribution has packages in; else undefined. */
async function ownFiles(layer: Buffer): Promise<string[] | undefined> {
  const paths: string[] = [];
  const extract = tar.extract();
  extract.end(gunzipSync(layer));
  let isOwn = true;
  for await (const entry of extract) {
    entry.resume();
    const { header } = entry;
    const name = path.posix.normalize(header.name).replace(/^\/+/, '');
    if (header.type === 'directory') continue;
    // A whiteout (OCI image specification, "Layer Filesystem Changeset") takes away, a link may lead anywhere.
    const isFile = header.type === 'file' && !/(^|\/)\.wh\./.test(name);
    isOwn &&= isFile && !DISTRIBUTION.test(name);
    paths.push(name);
  }
  return isOwn ? paths : undefined;
}

/** Whether a document that was made of an image is of every image with the same deciding layers. */
export function isOfDeciding({ packages, files = [] }: SpdxDocument, { added }: ImageContents): boolean {
  if (added.length === 0) return true;
  // Without packages, it lists every file.
  if (files.length > 0) return false;
  const seen = new Set(packages.flatMap(({ sourceInfo = '' }) => sourceInfo.split(/[\s,]+/)));
  return !added.some((name) => seen.has(`/${name}`));
}
