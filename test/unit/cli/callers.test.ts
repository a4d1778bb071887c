/** What steps, workflows and documents call by npm is there, with the options that they give it. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parse } from 'yaml';
import { commands, isCommand, readOptions } from '../../../cli/options';

const ROOT = path.resolve(__dirname, '../../..');
const read = (file: string) => fs.readFileSync(path.join(ROOT, file), 'utf8');
const filesIn = (folder: string, ending: string) =>
  fs
    .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`)
    .sort();
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

interface Call {
  script: string;
  /** All words behind the script's name. */
  words: string[];
}

/** Of one line of shell, or several. */
function callsIn(shell: string): Call[] {
  const lines = shell.replace(/\\\n/g, ' ').split('\n');
  return lines
    .map((line) => line.replace(/(^|\s)#.*/, ''))
    .flatMap((line) => [...line.matchAll(/\bnpm (?:run (?:-s )?([\w:]+)|(test)\b)(.*?)(?=$|[);`]|\s[|&>])/g)])
    .map(([, run, test, rest]) => ({
      script: run ?? test,
      words: (rest.match(/("[^"]*"|'[^']*'|[^\s"'])+/g) ?? []).map((word) => word.replace(/["']/g, '')),
    }));
}

/** Blocks and spans of code; a span may go over the end of a line. */
function codeOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^ *```\w*\n([\s\S]*?)^ *```$/gm)].map(([, block]) => block);
  const text = markdown.replace(/^ *```\w*\n[\s\S]*?^ *```$/gm, '');
  const spans = [...text.matchAll(/`([^`]+)`/g)].map(([, span]) => span.replace(/\n */g, ' '));
  return [...blocks, ...spans];
}

interface Workflow {
  jobs: Record<string, { steps: { run?: string }[] }>;
}
const runsOf = (workflow: string) =>
  Object.values((parse(workflow) as Workflow).jobs).flatMap(({ steps }) => steps.map(({ run }) => run ?? ''));

const steps = filesIn('.github/steps', '.sh');
const workflows = filesIn('.github/workflows', '.yml');
const documents = ['README.md', ...filesIn('docs', '.md')];
const callsOf = (file: string): Call[] =>
  (workflows.includes(file)
    ? runsOf(read(file))
    : documents.includes(file)
      ? codeOf(read(file))
      : [read(file)]
  ).flatMap(callsIn);

/** @throws for a script or an option that is not there, or options that npm would take for itself */
function check({ script, words }: Call): void {
  assert.ok(Object.hasOwn(scripts, script), `package.json has no script ${script}`);
  const behind = words[0] === '--' ? words.slice(1) : words;
  if (words[0] !== '--')
    assert.ok(
      !words.some((word) => word.startsWith('-')),
      `npm run ${script} ${words.join(' ')} lacks " -- "`,
    );
  // An array of options, which `optionsOf` finds where it is made.
  const args = behind.filter((word) => !/^\$(@|\{\w+\[@\]\})$/.test(word));
  if (isCommand(script))
    readOptions(
      script,
      args.filter((word) => word !== '--help'),
    );
  else assert.deepEqual(args, [], `${script} takes no options`);
}

/** Names of options that stand anywhere in a text. */
const optionsOf = (shell: string) =>
  [...shell.matchAll(/(?<=[\s"'(])--([a-z][a-z-]*)/g)].map(([, name]) => name);

/** @throws for an option that none of the scripts has */
function checkNames(names: string[], of: Call[]): void {
  const known = of.flatMap(({ script }) => (isCommand(script) ? Object.keys(commands[script].options) : []));
  for (const name of names)
    assert.ok(known.includes(name), `${of.map(({ script }) => script).join(', ')}: no option --${name}`);
}

describe('the commands and options', () => {
  for (const file of [...steps, ...workflows, ...documents]) {
    const calls = callsOf(file);
    if (calls.length === 0) continue;
    it(`that ${file} gives are there`, () => {
      calls.forEach(check);
      if (steps.includes(file)) checkNames(optionsOf(read(file)), calls);
    });
  }

  it('that workflows give to steps are there', () => {
    const runs = workflows.flatMap((file) => runsOf(read(file)));
    const given = runs.flatMap((run) => {
      const [step] = /^\.github\/steps\/\S+/.exec(run) ?? [];
      const names = optionsOf(run);
      if (step === undefined || names.length === 0) return [];
      checkNames(names, callsOf(step));
      return [[step, names]];
    });
    assert.deepEqual(given, [
      ['.github/steps/preview.sh', ['source']],
      ['.github/steps/preview.sh', ['published']],
    ]);
  });

  it('are found wherever they stand', () => {
    const scriptsOf = (files: string[]) => [...new Set(files.flatMap(callsOf).map(({ script }) => script))];
    assert.deepEqual(scriptsOf([...steps, ...workflows]).sort(), ['preview', 'refresh', 'status', 'up']);
    const inDocuments = scriptsOf(documents);
    for (const name of Object.keys(commands))
      assert.ok(inDocuments.includes(name), `no document calls ${name}`);
    const [first, second] = codeOf(
      'a `npm run up --\n  --stack x` b\n\n```sh\nX=$(npm run -s output -- --json | jq) # c\n```\n',
    ).map(callsIn);
    assert.deepEqual(first, [{ script: 'output', words: ['--', '--json'] }]);
    assert.deepEqual(second, [{ script: 'up', words: ['--', '--stack', 'x'] }]);
  });

  const wrong: [string, RegExp][] = [
    ['npm run upp', /package\.json has no script upp/],
    ['npm run up -- --sorce x', /Unknown option '--sorce'/],
    ['npm run up --source x', /npm run up --source x lacks " -- "/],
    ['npm run up -- --source', /Option '--source <value>' argument missing/],
    ['npm run services -- restart', /unknown action restart/],
    ['npm run graph -- --out x', /graph takes no options/],
  ];
  for (const [line, message] of wrong)
    it(`are missed in: ${line}`, () => {
      assert.throws(() => callsIn(line).forEach(check), { message });
    });
});
