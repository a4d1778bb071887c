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
/** Where an image has files of its own that belong to nothing else: at the top, or among the texts and commands of the machine. */
const OWN = /^(usr\/local\/(bin|share)\/)?[^/]+$/;

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
  const folders = new Set<string>();
  let count = ids.length;
  for (; count > 1 && layers.length === ids.length; count--) {
    const { mediaType, digest, size } = layers[count - 1];
    if (size > SMALL || !/[.+]gzip$/.test(mediaType)) break;
    const layer = await blobBytes(`${repositoryOf(reference)}@${digest}`);
    const own = await ownFiles(layer);
    if (!own || (own.files.length > 0 && (await findsPackages(layer)))) break;
    for (const one of own.files) added.add(one);
    for (const one of own.folders) folders.add(one);
  }
  const paths = [...added].sort();
  return {
    deciding: sha256([...ids.slice(0, count), ...paths, ...[...folders].sort()].join('\n')),
    all: sha256(ids.join('\n')),
    added: paths,
  };
}

/** Files and folders of a layer that adds nothing but files of the image's own, and the folders they lie in; else undefined. */
async function ownFiles(layer: Buffer): Promise<{ files: string[]; folders: string[] } | undefined> {
  const [files, folders]: string[][] = [[], []];
  const extract = tar.extract();
  extract.end(gunzipSync(layer));
  let isOwn = true;
  for await (const entry of extract) {
    entry.resume();
    const { header } = entry;
    const name = path.posix.normalize(header.name).replace(/^\/+/, '');
    if (header.type === 'directory') {
      folders.push(name);
      continue;
    }
    // A whiteout (OCI image specification, "Layer Filesystem Changeset") takes away, a link may lead anywhere.
    const isFile = header.type === 'file' && !/(^|\/)\.wh\./.test(name);
    isOwn &&= isFile && OWN.test(name);
    files.push(name);
  }
  return isOwn ? { files, folders } : undefined;
}

/** Whether a document that was made of an image is of every image with the same deciding layers. */
export function isOfDeciding({ packages, files = [] }: SpdxDocument, { added }: ImageContents): boolean {
  if (added.length === 0) return true;
  // Without packages, it lists every file.
  if (files.length > 0) return false;
  const seen = new Set(packages.flatMap(({ sourceInfo = '' }) => sourceInfo.split(/[\s,]+/)));
  return !added.some((name) => seen.has(`/${name}`));
}
