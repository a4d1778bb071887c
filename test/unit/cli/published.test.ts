/** `npm run preview -- --published`: what a stack is previewed with, from outputs that a real engine reads. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { parse } from 'yaml';
import { openPublished } from '../../../cli/published';
import { Overrides } from '../../../cli/validate';
import { makeRoot, makeStack } from './madeStack';

const COMMIT = 'c'.repeat(40);
const SOURCE = 'https://git.example.org/falco';

describe('a stack that is previewed as published', function () {
  this.timeout(30_000);
  let root: string;
  beforeEach(() => {
    root = makeRoot('published-');
  });
  afterEach(() => fs.rmSync(root, { recursive: true }));

  /** What `preview --published` takes from the stack `local` of this configuration and with these outputs. */
  async function previewed(config: object, outputs: object, overrides: Overrides = {}) {
    const stack = await makeStack(root, config, outputs, overrides);
    const opened = await openPublished(stack, overrides);
    // What the engine is given.
    const written = parse(fs.readFileSync(opened.configFile, 'utf8')) as { config: object };
    assert.deepEqual(written.config, opened.config);
    return { config: opened.config, remarks: opened.remarks };
  }
  const of = (version: string, commit: string) => ({ version, release: { version, commit } });

  it('has the version and the commit of its outputs, at the URL of its file, beside other options', async () => {
    assert.deepEqual(
      await previewed({ 'falco:source': `${SOURCE}#master` }, of('0.24.0', COMMIT), { patches: 'p' }),
      {
        config: { 'falco:source': `${SOURCE}#${COMMIT}`, 'falco:version': '0.24.0', 'falco:patches': 'p' },
        remarks: [`local is previewed with what it has published last: 0.24.0, commit ${COMMIT}`],
      },
    );
  });

  for (const [what, source, commit] of [
    ['a folder has no ref', 'examples/falco-mini', COMMIT],
    ['the release was of no commit', `${SOURCE}#master`, ''],
  ])
    it(`has the version alone where ${what}`, async () => {
      assert.deepEqual(await previewed({ 'falco:source': source }, of('0.24.0', commit)), {
        config: { 'falco:source': source, 'falco:version': '0.24.0' },
        remarks: ['local is previewed with the version that it has published last: 0.24.0'],
      });
    });

  it('is as its file says where it has published nothing, and that is told', async () => {
    assert.deepEqual(await previewed({ 'falco:source': `${SOURCE}#master` }, {}), {
      config: { 'falco:source': `${SOURCE}#master` },
      remarks: ['local has published nothing: it is previewed as its file says'],
    });
  });

  it('is refused where it builds nothing', async () => {
    await assert.rejects(previewed({ 'falco:program': 'promotion' }, { version: '0.24.0' }), {
      message:
        'npm run preview: --published is for a stack that builds, and local is falco:program: promotion; leave it out',
    });
  });
});
