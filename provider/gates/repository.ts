/** A gate's own repository, made by the code that makes the published one, of the new package and the one before. */
import * as path from 'node:path';
import { createLocalKey, openSigner } from '../gpg';
import { publishApt } from '../publish/apt';
import type { PublishedPackage } from '../publish/published';
import { publishYum } from '../publish/yum';
import { openStore } from '../store/open';
import { fetchFile } from './fetch';
import type { GateFile, GateInputs, GateRepository } from './gate';
import { settingsOf } from './previous';

/** Signs indexes that nobody but a gate takes; the release's key signs none before all gates have passed. */
const KEY_FOLDER = '.local/gates/gnupg';
/** Made once: gpg must not read the folder while it writes it. */
let key: ReturnType<typeof createLocalKey> | undefined;
/** Where the script finds the input. */
const INPUT = '/gate/input';

/** Writes `repo/` below the input folder, and gives the script's variables: where the clients' file is. */
export async function makeRepository(
  inputs: GateInputs,
  repository: GateRepository,
  folder: string,
): Promise<Record<string, string>> {
  const store = openStore(path.join(folder, 'repo'), `file://${INPUT}/repo`);
  const settings = settingsOf(repository);
  const packages: PublishedPackage[] = [];
  const add = async (file: GateFile, version: string) => {
    const blob = `${settings.prefix}/pool/${file.sha256}/${file.fileName}`;
    await store.putImmutable(blob, { file: await fetchFile(inputs.bucket, file, folder) });
    const { fileName, sha256, size } = file;
    const names = { aliases: [], latestAliases: [] };
    packages.push({
      ...names,
      name: repository.package,
      version,
      fileName,
      sha256,
      size,
      key: blob,
      stack: inputs.stack,
    });
  };
  await add(inputs.files[0], repository.version);
  if (inputs.previous) await add(inputs.previous, inputs.previous.version);
  key ??= createLocalKey({ home: KEY_FOLDER, uid: 'gates (not for release)' });
  const signer = await openSigner({ home: KEY_FOLDER, key: (await key).fingerprint, setting: KEY_FOLDER });
  const publish = repository.kind === 'apt' ? publishApt : publishYum;
  await publish(store, settings, packages, signer, new Date());
  const file = `${INPUT}/repo/${settings.prefix}/${settings.productName}`;
  return repository.kind === 'apt' ? { SOURCES: `${file}.sources` } : { REPO: `${file}.repo` };
}
