/** An image of one layer as an OCI image layout on disk (OCI image specification, "Image Layout"). */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { meter } from './formats/meter';

export interface LayoutOptions {
  /** gzip the layer; else it stays a plain tar. */
  compress: boolean;
  os: string;
  architecture: string;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/**
 * Writes the layout of a scratch image that holds `tarFile` into the empty folder `out`. No dates go in, so the
 * same tar gives the same digest. Returns the manifest's digest.
 */
export async function writeLayout(tarFile: string, out: string, options: LayoutOptions): Promise<string> {
  const blobs = path.join(out, 'blobs', 'sha256');
  await fs.mkdir(blobs, { recursive: true });
  const { layer, diffId } = await writeLayer(tarFile, blobs, options.compress);
  const config = await writeBlob(blobs, 'application/vnd.oci.image.config.v1+json', {
    architecture: options.architecture,
    os: options.os,
    config: {},
    rootfs: { type: 'layers', diff_ids: [diffId] },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = await writeBlob(blobs, mediaType, {
    schemaVersion: 2,
    mediaType,
    config,
    layers: [layer],
  });
  const index = { schemaVersion: 2, manifests: [manifest] };
  await fs.writeFile(path.join(out, 'index.json'), JSON.stringify(index));
  await fs.writeFile(path.join(out, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return manifest.digest;
}

async function writeLayer(tarFile: string, blobs: string, compress: boolean) {
  const plain = meter();
  const stored = meter();
  const temporary = path.join(blobs, 'layer');
  const target = createWriteStream(temporary);
  if (compress) {
    await pipeline(createReadStream(tarFile), plain.stream, createGzip(), stored.stream, target);
  } else {
    await pipeline(createReadStream(tarFile), stored.stream, target);
  }
  const sha256 = stored.found.sha256();
  await fs.rename(temporary, path.join(blobs, sha256));
  const mediaType = `application/vnd.oci.image.layer.v1.tar${compress ? '+gzip' : ''}`;
  const layer: Descriptor = { mediaType, digest: `sha256:${sha256}`, size: stored.found.size };
  return { layer, diffId: `sha256:${compress ? plain.found.sha256() : sha256}` };
}

async function writeBlob(blobs: string, mediaType: string, content: object): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(content));
  const hex = createHash('sha256').update(bytes).digest('hex');
  await fs.writeFile(path.join(blobs, hex), bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}
