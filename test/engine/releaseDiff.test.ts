/**
 * `npm run preview -- --markdown` through the real engine: the texts of docs/previews, each from a release that is out.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { catalog } from '../../catalog';
import { localKeyName } from '../../names';
import { createLocalKey, openSigner } from '../../provider/gpg';
import { copy } from '../../provider/oci';
import { copyProject, Project } from '../acceptance/project';
import { comparable, expectText } from './previewTexts';

interface Case {
  /** Of the file in docs/previews. */
  name: string;
  what: string;
  /** Options of the preview. */
  args?: string[];
  /** File of the project that gets a further line. */
  edit?: { file: string; line: string };
  /** Lines of the stack's configuration; OLD and NEW stand for fingerprints. */
  settings?: string[];
}

const CASES: Case[] = [
  { name: 'version-bump', what: 'A version bump', args: ['--version', '0.2.0'] },
  {
    name: 'back-port',
    what: 'A back-port: a release older than the one that is out',
    args: ['--version', '0.0.9'],
  },
  {
    name: 'changed-rules',
    what: 'A changed rules file, with the version as it is',
    edit: { file: 'examples/falco-mini/rules/falco_rules.yaml', line: '# A new rule.' },
  },
  {
    name: 'changed-dockerfile',
    what: 'A changed Dockerfile, with the version as it is',
    edit: {
      file: 'dockerfiles/falco/Dockerfile',
      line: 'LABEL org.opencontainers.image.documentation="https://falco.org/docs/"',
    },
  },
  {
    name: 'key-rotation',
    what: 'A key rotation, its second step: a new key signs, and the old one signs indexes, too',
    settings: ['falco:signingKey: "NEW"', 'falco:indexKeys: ["OLD"]'],
  },
  {
    name: 'withdrawal',
    what: 'A withdrawal of 0.1.0, together with the release that mends it',
    args: ['--version', '0.1.1'],
    settings: ['falco:withdrawn: ["0.1.0"]'],
  },
];

describe('the release diff of a preview', function () {
  this.timeout(1_200_000);
  let project: Project;
  let original: string;
  let keys: { OLD: string; NEW: string };

  const stackFile = () => path.join(project.folder, 'Pulumi.local.yaml');

  /** Makes the change, asks for the diff, and takes the change back. */
  async function diffOf({ args = [], edit, settings = [] }: Case): Promise<string> {
    const file = edit && path.join(project.folder, edit.file);
    const before = file && (await fs.readFile(file));
    if (file) await fs.appendFile(file, `${edit.line}\n`);
    const lines = settings.map(
      (line) => `  ${line.replace(/OLD|NEW/g, (key) => keys[key as 'OLD' | 'NEW'])}\n`,
    );
    await fs.writeFile(stackFile(), `${original.trimEnd()}\n${lines.join('')}`);
    try {
      return (await project.ok('preview', '--markdown', ...args)).stdout;
    } finally {
      await fs.writeFile(stackFile(), original);
      if (file && before) await fs.writeFile(file, before);
    }
  }

  before('the example is out as 0.1.0', async () => {
    project = await copyProject();
    original = await fs.readFile(stackFile(), 'utf8');
    const { stdout } = await project.ok('preview', '--markdown');
    assert.match(stdout, /^## Release diff of `local`: `0\.1\.0`, the first release\n/);
    await project.ok('up');
    const home = path.join(project.folder, '.local/gnupg');
    const { fingerprint } = await openSigner({
      home,
      key: localKeyName(catalog.product),
      setting: 'the test',
    });
    keys = { OLD: fingerprint, NEW: (await createLocalKey({ home, uid: 'Next' })).fingerprint };
  });
  after(async () => {
    await project?.script('destroy', '--yes');
    await project?.remove();
  });

  for (const one of CASES) {
    it(`is docs/previews/${one.name}.md`, async () => {
      await expectText(one.name, withHead(one, comparable(await diffOf(one), keys)));
    });
  }

  it('of no change says so, and nothing else', async () => {
    const { stdout } = await project.ok('preview', '--markdown', '--expect-no-changes');
    assert.equal(stdout, '## Release diff of `local`: nothing changes (`0.1.0`)\n');
  });

  it('is the same, and the status says no, where no change was expected', async () => {
    const args = ['preview', '--markdown', '--version', '0.2.0'];
    const expected = await project.ok(args[0], ...args.slice(1));
    const { status, stdout, text } = await project.script(args[0], ...args.slice(1), '--expect-no-changes');
    assert.notEqual(status, 0);
    assert.equal(stdout, expected.stdout);
    assert.match(text, /no changes were expected/);
  });

  it('of a preview that fails has its reason, and the status of the engine', async () => {
    await fs.writeFile(stackFile(), `${original.trimEnd()}\n  falco:version: v1\n`);
    const { status, stdout } = await project.script('preview', '--markdown');
    await fs.writeFile(stackFile(), original);
    assert.notEqual(status, 0);
    assert.equal(
      stdout,
      '## Release diff of `local`: the preview failed\n\n' +
        '- falco:version: "v1" is no version; give x.y.z or x.y.z-pre, such as 0.24.0 or 0.24.0-rc1\n\n' +
        'What follows is what it saw until then.\n',
    );
  });

  it('names what a refresh found, and what is put back', async () => {
    const { images, packages } = await project.outputs();
    const repository = images['falcosecurity/falco:0.1.0'].split('@')[0];
    const registry = repository.slice(0, repository.indexOf('/'));
    const [wanted, other] = ['falco', 'falco-builder'].map((name) => images[`falcosecurity/${name}:0.1.0`]);
    await fs.rm(fileURLToPath(packages['falco-0.1.0-bpf-x86_64.rpm'].url));
    await copy(other, `${repository}:0.1.0`);
    await project.ok('refresh');
    const { stdout } = await project.ok('preview', '--markdown');
    assert.match(stdout, /^## Release diff of `local`: changes to `0\.1\.0`\n/);
    assert.match(stdout, /\n### Repairs\n\n- yum: packages\/rpm\/falco-0\.1\.0-bpf-x86_64\.rpm is missing/);
    const [from, to] = [other, wanted].map((reference) => reference.split('@')[1].slice(0, 19));
    const row = `| put back | \`${registry}/falcosecurity/falco:0.1.0\` | \`${from}\` (\`0.1.0\`) | \`${to}\` (\`0.1.0\`) |`;
    assert.ok(stdout.includes(`\n${row}\n`), stdout);
  });
});

function withHead({ what, args, edit, settings }: Case, text: string): string {
  const changes = [
    ...(edit ? [`\`${edit.file}\` with one more line`] : []),
    ...(settings ?? []).map((line) => `\`${line}\``),
    `\`npm run preview -- --markdown${args ? ` ${args.join(' ')}` : ''}\``,
  ];
  return [
    `> ${what}: ${changes.join(', ')}, where 0.1.0 of the example is out.`,
    '> Made by `test/engine/releaseDiff.test.ts`. Digests and keys differ from machine to machine: digests are numbered',
    '> in the order in which they appear, the old key is all A, the new one all B, and the registry is on port 5050.',
    '',
    text,
  ].join('\n');
}
