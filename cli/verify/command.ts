/**
 * `npm run verify`: makes a published release again, from the sources and settings of its signed record and on the stored
 * bases, and compares (docs/reproducible.md). Nothing is published, and no stack is touched.
 */
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { checkVersion, SettingError } from '../../names';
import { rpmContents } from '../../provider/formats/rpmHeader';
import { digest } from '../../provider/oci';
import type { ReleaseRecord } from '../../provider/promotion/record';
import { hashFile } from '../../provider/source/files';
import type { Given } from '../options';
import { openStack } from '../stack';
import { checkKey } from '../status/questions';
import {
  compare,
  comparison,
  isRight,
  Published,
  PublishedFile,
  Row,
  unlikeRecord,
  zlibNote,
} from './compare';
import { openPlace, Place, readAt } from './place';
import { releaseRecord, Wanted } from './release';
import { configure, leave, makeScratch, rebuild, takeSystems } from './scratch';
import { compareStatements, publishedTexts, rebuiltTexts, unlikeStatements } from './statements';
import { refuseOthers, settledSources, Sources, sourcesOf, takeSources } from './sources';

const SETTING = 'npm run verify';

interface Question {
  place: Place;
  wanted: Wanted;
  /** Of the stack that is asked about. */
  settled: Sources;
  /** Stack that it takes its releases from. */
  from?: string;
}

/** @throws SettingError for what cannot be verified, before anything is built */
export function verifyWork(root: string, given: Given): () => Promise<number> {
  const question = questionOf(root, given);
  return async () => {
    process.env.PATH = [path.join(root, '.local', 'bin'), process.env.PATH].join(path.delimiter);
    return verify(root, question, given.flags.has('json'));
  };
}

function questionOf(root: string, { positionals, strings }: Given): Question {
  const [what, ...more] = positionals;
  if (what === undefined || more.length > 0)
    throw new SettingError(
      SETTING,
      'name one release: its stack, or the URL of the root of the bucket that it was published to',
    );
  const { version, key } = strings;
  const wanted = {
    ...(version !== undefined && { version: checkVersion(version, '--version') }),
    ...(key !== undefined && { keys: [checkKey(key)] }),
  };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(what))
    return { place: openPlace(what), wanted: { ...wanted, stack: strings.stack }, settled: {} };
  if (strings.stack !== undefined)
    throw new SettingError('--stack', 'is for a URL; the stack is named already');
  const { config } = openStack(root, what, {});
  const bucket = config['falco:bucket'];
  if (typeof bucket !== 'string')
    throw new SettingError(SETTING, `the stack ${what} publishes nothing; name one that has a falco:bucket`);
  const address = /^\w+:\/\//.test(bucket) ? bucket : path.resolve(root, bucket);
  return {
    place: openPlace(address),
    wanted: { keys: settledKeys(config), ...wanted, stack: what },
    settled: settledSources(config, root),
    ...(typeof config['falco:from'] === 'string' && { from: config['falco:from'] }),
  };
}

/**
 * The keys that the stack's own settings name, whatever the bucket says: who can write there can replace its key file.
 *
 * @returns undefined where the stack signs by a key that is named by no fingerprint
 */
export function settledKeys(config: Record<string, unknown>): string[] | undefined {
  const [signing, ...further] = ['signingKey', 'indexKeys', 'publishedKeys'].map((name) =>
    [config[`falco:${name}`]]
      .flat()
      .filter((one) => typeof one === 'string')
      .map((one) => one.replace(/\s+|^0x/gi, '').toUpperCase()),
  );
  const isFingerprint = (one: string) => /^[0-9A-F]{40}$/.test(one);
  if (!signing?.some(isFingerprint)) return undefined;
  return [...signing, ...further.flat()].filter(isFingerprint);
}

async function verify(
  root: string,
  { place, wanted, settled, from }: Question,
  asJson: boolean,
): Promise<number> {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const record = await releaseRecord(place, wanted);
  const texts = await publishedTexts(place, record);
  const wrong = [...unlikeRecord(record, await published(place, record)), ...unlikeStatements(record, texts)];
  if (wrong.length > 0)
    throw new SettingError(
      SETTING,
      `what is published is not what the record of ${record.version} says; do not use it:\n  ${wrong.join('\n  ')}`,
    );
  const sources = sourcesOf(record, settled, from);
  say(`the record of ${record.version} is signed by ${record.signingKey}; making the release again`);
  const scratch = await makeScratch(root);
  let isKept = false;
  // Ctrl-C ends what runs for us, which is in the same group; what it leaves behind is still to be taken away.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  try {
    await takeSources(scratch, sources);
    await configure(scratch, record, sources);
    await takeSystems(scratch, record, say);
    const made = await rebuild(scratch, say);
    refuseOthers(record, made.build.inputs, sources);
    const rows = [
      ...compare(record, made),
      ...compareStatements(record, texts, await rebuiltTexts(scratch, record, made)),
    ];
    const isGood = rows.every(isRight);
    isKept = !isGood;
    process.stdout.write(
      asJson ? verifyJson(record, rows, sources) : comparison(catalog.product.title, record, rows, sources),
    );
    const note = isGood ? undefined : zlibNote(record, process.versions.zlib);
    if (note) say(note);
    if (!isGood) say(`What was made is kept below ${path.join(scratch, '.local')}; compare with diffoscope.`);
    return isGood ? 0 : 1;
  } finally {
    await leave(scratch, isKept);
    process.off('SIGINT', ignore);
  }
}

/** `isSame`: every artifact is equal; none is `setAside`, which nothing proves. */
function verifyJson({ version, commit }: ReleaseRecord, rows: Row[], sources: Sources): string {
  const isSame = rows.every(({ isEqual }) => isEqual);
  const setAside = rows.filter(({ aside }) => aside !== undefined).map(({ artifact }) => artifact);
  return `${JSON.stringify({ version, commit, sources, isSame, setAside, rows }, null, 2)}\n`;
}

async function publishedFile(file: string, isRpm: boolean): Promise<PublishedFile> {
  const sha256 = await hashFile(file);
  return { sha256, identity: isRpm ? await rpmContents(file).catch(() => 'no rpm') : '' };
}

/** As it is there now: what users get may not be what was recorded. */
async function published(place: Place, { packages, images, version }: ReleaseRecord): Promise<Published> {
  const files = Object.entries(packages).map(
    async ([name, { plain, identity }]) =>
      [name, await readAt(place, plain, (file) => publishedFile(file, identity !== ''))] as const,
  );
  const pushed = Object.entries(images).map(async ([name, { repository, digest: recorded }]) => {
    const tagged = await digest(`${repository}:${version}`);
    return [name, tagged ?? (await digest(`${repository}@${recorded}`))] as const;
  });
  return {
    packages: Object.fromEntries(await Promise.all(files)),
    images: Object.fromEntries(await Promise.all(pushed)),
  };
}
