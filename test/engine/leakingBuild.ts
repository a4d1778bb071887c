/** A build as it should never be: a secret is its argument, in its environment, and kept in a layer. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { base, place } from '../acceptance/imageSet';
import { Processes } from './processes';

const run = promisify(execFile);

export interface Manifest {
  config: { digest: string };
  layers: { digest: string }[];
}

/**
 * @param folder gets the recipe
 * @returns the image's OCI layout, the files in it that have the secret, and what was seen of processes meanwhile
 */
export async function leakingBuild(folder: string, secret: string) {
  const [image, { buildkit }] = [await base(), await place()];
  const dockerfile = ['FROM base', 'ARG LEAK', 'ENV KEPT=$LEAK', 'RUN echo "$LEAK" > /leak && sleep 1'];
  await fs.writeFile(path.join(folder, 'Dockerfile'), dockerfile.join('\n'));
  const layout = path.join(folder, 'image');
  const processes = new Processes();
  await run('buildctl', [
    ...['--addr', buildkit, 'build', '--frontend=dockerfile.v0'],
    ...['--local', `context=${folder}`, '--local', `dockerfile=${folder}`],
    ...['--opt', `context:base=docker-image://${image}`, '--opt', `build-arg:LEAK=${secret}`],
    ...['--output', `type=oci,tar=false,compression=gzip,dest=${layout}`],
  ]).finally(() => processes.stop());
  const blob = (digest: string) => path.join('blobs/sha256', digest.slice('sha256:'.length));
  const read = async (file: string) =>
    JSON.parse(await fs.readFile(path.join(layout, file), 'utf8')) as unknown;
  const { manifests } = (await read('index.json')) as { manifests: { digest: string }[] };
  const { config, layers } = (await read(blob(manifests[0].digest))) as Manifest;
  const { history, config: settings } = (await read(blob(config.digest))) as {
    history: { created_by: string }[];
    config: { Env: string[] };
  };
  assert.ok(history.some(({ created_by }) => created_by.includes(secret)));
  assert.ok(settings.Env.includes(`KEPT=${secret}`));
  return { layout, files: [config, layers[layers.length - 1]].map(({ digest }) => blob(digest)), processes };
}
