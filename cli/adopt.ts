/** `npm run adopt`: repositories that were made by other means become the stack's. Shows first, does when told to. */
import * as path from 'node:path';
import { catalog } from '../catalog';
import { bucketAddress, bucketUrl } from '../location';
import { localKeyName, publicNames } from '../names';
import { openSigner } from '../provider/gpg';
import { adoptableApt, adoptApt } from '../provider/publish/apt';
import { settingsOf } from '../provider/publish/kinds';
import { adoptableYum, adoptYum } from '../provider/publish/yum';
import { signingKey } from '../provider/resources/signingKey';
import { openStore } from '../provider/store/open';
import { Stack } from './stack';

const KINDS = [
  { kind: 'apt', find: adoptableApt, adopt: adoptApt },
  { kind: 'yum', find: adoptableYum, adopt: adoptYum },
] as const;

/** @param action `show` (writes nothing) or `apply`; resolves to the exit status */
export async function adoptCommand(stack: Stack, action: string): Promise<number> {
  const text = (key: string) => {
    const value = stack.config[`falco:${key}`];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const list = (key: string) => {
    const value = stack.config[`falco:${key}`];
    return Array.isArray(value) ? value.map(String) : [];
  };
  const [indexKeys, publishedKeys] = [list('indexKeys'), list('publishedKeys')];
  process.chdir(stack.root);
  const bucket = text('bucket') ?? '.local/bucket';
  const url = text('url') ?? bucketUrl(bucketAddress(bucket, 'falco:bucket'));
  const store = openStore(bucket, url);
  const date = new Date();
  const say = (line: string) => process.stdout.write(`${line}\n`);
  let found = 0;
  const isMaster = stack.config['falco:channel'] === 'master';
  // Release candidates of a release stack go to the other one.
  const places = KINDS.flatMap((one) =>
    (isMaster ? (['dev'] as const) : (['release', 'dev'] as const)).map((flavour) => ({
      ...one,
      prefix: catalog.repositories[one.kind].prefix[flavour],
    })),
  );
  for (const { find, adopt, prefix } of places) {
    const { repositories, product, architectures } = catalog;
    const { suite, component } = repositories.apt;
    const architecture = architectures.find(({ enabled }) => enabled) ?? architectures[0];
    const place = { ...publicNames(product), prefix, product, suite, component, architecture };
    const settings = settingsOf({ ...place, stack: stack.name });
    const entries = await find(store, settings, date).catch((error: Error) => {
      if (/there is nothing to adopt/.test(error.message)) return [];
      throw error;
    });
    if (entries.length === 0) {
      say(`${prefix}: nothing of others`);
      continue;
    }
    found += entries.length;
    say(`${prefix}: ${entries.length === 1 ? '1 package' : `${entries.length} packages`}`);
    for (const { name, version, key, size } of entries) say(`  ${name} ${version}  ${key}  ${size} bytes`);
    if (action !== 'apply') continue;
    const home = path.resolve(text('gnupgHome') ?? '.local/gnupg');
    const setting = 'falco:signingKey';
    // As an update does: without a setting, the key of this clone, made on first use.
    const { id } = await signingKey.create({
      home,
      key: text('signingKey'),
      localName: localKeyName(catalog.product),
      setting,
      indexKeys,
      indexSetting: 'falco:indexKeys',
      publishedKeys,
      isPublic: false,
      signs: true,
    });
    const signer = await openSigner({ home, key: id, setting, indexKeys, publishedKeys });
    await adopt(store, settings, signer, date);
    say(`${prefix}: adopted, signed by ${signer.fingerprint}`);
  }
  if (found > 0 && publishedKeys.length === 0)
    say(
      'Clients verify these packages with the key that signed them: if it is another one than yours, import it into the key folder and list it in falco:publishedKeys first (docs/keys.md). dnf installs no rpm without a signature from the .repo file that is written.',
    );
  if (found > 0 && action !== 'apply')
    say(
      `Nothing was written to ${store.url}. Their indexes become ours, signed by our key, with: npm run adopt -- apply --stack ${stack.name}`,
    );
  return 0;
}
