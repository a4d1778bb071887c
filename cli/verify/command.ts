/**
 * `npm run verify`: makes a published release again, from the sources and settings of its signed record and on the stored
 * bases, and compares (docs/reproducible.md). Nothing is published, and no stack is touched.
 */
import * as path from 'node:path';
import { catalog } from '../../catalog';
import { checkVersion, SettingError } from '../../names';
import { digest } from '../../provider/oci';
import type { ReleaseRecord } from '../../provider/promotion/record';
import type { Given } from '../options';
import { openStack } from '../stack';
import { checkKey } from '../status/questions';
import { compare, comparison, isRight, Published, unlikeRecord, zlibNote } from './compare';
import { openPlace, Place, sha256At } from './place';
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
    ...(key !== undefined && { key: checkKey(key) }),
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
    wanted: { ...wanted, stack: what },
    settled: settledSources(config, root),
  };
}

async function verify(root: string, { place, wanted, settled }: Question, asJson: boolean): Promise<number> {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const record = await releaseRecord(place, wanted);
  const texts = await publishedTexts(place, record);
  const wrong = [...unlikeRecord(record, await published(place, record)), ...unlikeStatements(record, texts)];
  if (wrong.length > 0)
    throw new SettingError(
      SETTING,
      `what is published is not what the record of ${record.version} says; do not use it:\n  ${wrong.join('\n  ')}`,
    );
  const sources = sourcesOf(record, settled);
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
    const isSame = rows.every(isRight);
    isKept = !isSame;
    process.stdout.write(
      asJson
        ? `${JSON.stringify({ version: record.version, commit: record.commit, isSame, rows }, null, 2)}\n`
        : comparison(catalog.product.title, record, rows),
    );
    const note = isSame ? undefined : zlibNote(record, process.versions.zlib);
    if (note) say(note);
    if (!isSame) say(`What was made is kept below ${path.join(scratch, '.local')}; compare with diffoscope.`);
    return isSame ? 0 : 1;
  } finally {
    await leave(scratch, isKept);
    process.off('SIGINT', ignore);
  }
}

/** As it is there now: what users get may not be what was recorded. */
async function published(place: Place, { packages, images, version }: ReleaseRecord): Promise<Published> {
  const files = Object.entries(packages).map(
    async ([name, { plain }]) => [name, await sha256At(place, plain)] as const,
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
