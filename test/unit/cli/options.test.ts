import assert from 'node:assert/strict';
import { CommandName, commands, helpText, readOptions, refuseTaken } from '../../../cli/options';

describe('options of the npm commands', () => {
  it('are read by kind', () => {
    const given = readOptions('up', [
      '--source=../falco',
      '--version',
      '0.24.0',
      '--extra',
      'libs=../libs',
      '--extra=plugins=../plugins',
      '--yes',
    ]);
    assert.deepEqual(given.strings, { source: '../falco', version: '0.24.0' });
    assert.deepEqual(given.lists, { extra: ['libs=../libs', 'plugins=../plugins'] });
    assert.deepEqual([...given.flags], ['yes']);
  });

  it('of a preview under mocks name the stack and nothing else that is needed', () => {
    const given = readOptions('preview', ['--stack', 'prod', '--mocks']);
    assert.deepEqual(given.strings, { stack: 'prod' });
    assert.deepEqual([...given.flags], ['mocks']);
    assert.throws(() => readOptions('up', ['--mocks']), /Unknown option '--mocks'/);
  });

  it('take a CMake argument that starts with a dash, with or without =', () => {
    const given = readOptions('up', ['--cmake-arg=-DA=1', '--cmake-arg', '-DB=2 3']);
    assert.deepEqual(given.lists['cmake-arg'], ['-DA=1', '-DB=2 3']);
  });

  it('are refused when npm took them, for want of " -- "', () => {
    assert.throws(
      () => refuseTaken('preview', { npm_config_expect_no_changes: 'true' }),
      /^Error: npm run preview: npm took --expect-no-changes for itself; put " -- " before the options: npm run preview -- --expect-no-changes$/,
    );
    assert.throws(() => refuseTaken('destroy', { npm_config_stack: 'x' }), /npm took --stack/);
    assert.doesNotThrow(() => refuseTaken('output', { npm_config_json: 'true', npm_config_nodedir: '/x' }));
  });

  const wrong: [CommandName, string[], RegExp][] = [
    ['up', ['--sorce', 'x'], /^npm run up: Unknown option '--sorce'\. Options: --stack --channel --source/],
    ['up', ['--source'], /^npm run up: Option '--source <value>' argument missing\. Options/],
    [
      'preview',
      ['--markdown', '--json'],
      /^npm run preview: --markdown and --json are two forms of one preview; give one$/,
    ],
    [
      'preview',
      ['--published', '--version=1.0.0'],
      /: --published and --version both say the version; give one$/,
    ],
    [
      'preview',
      ['--source=../x', '--published'],
      /: --published and --source both say the source; give one$/,
    ],
    [
      'preview',
      ['--published', '--mocks'],
      /: --published and --mocks exclude each other: mocks look at no state; give one$/,
    ],
    [
      'preview',
      ['--mocks', '--markdown'],
      /^npm run preview: --mocks and --markdown exclude each other: mocks know no changes; give one$/,
    ],
    [
      'preview',
      ['--json', '--mocks'],
      /: --mocks and --json exclude each other: mocks print one table; give one$/,
    ],
    ['up', ['--published'], /^npm run up: Unknown option '--published'/],
    ['up', ['--source', ''], /^npm run up: --source has an empty value; give one or leave it out$/],
    ['up', ['--version', '1.0.0', '--version=1.0.1'], /^npm run up: --version is given twice; give it once$/],
    ['up', ['extra'], /^npm run up: Unexpected argument 'extra'/],
    ['destroy', ['--source', 'x'], /^npm run destroy: Unknown option '--source'/],
    ['services', ['restart'], /^npm run services: unknown action restart; known: status, start, stop$/],
  ];
  for (const [command, args, message] of wrong) {
    it(`refuse: npm run ${command} -- ${args.join(' ')}`, () => {
      assert.throws(() => readOptions(command, args), { message });
    });
  }

  it('are all in the help of their command, with the config key of those that set one', () => {
    for (const [name, { options }] of Object.entries(commands)) {
      const text = helpText(name as CommandName);
      for (const option of Object.keys(options)) assert.match(text, new RegExp(`^  --${option}\\b`, 'm'));
    }
    const keys = ['source', 'tree', 'version', 'extra', 'cmakeArgs', 'patches'];
    for (const key of keys) assert.match(helpText('up'), new RegExp(`\\[falco:${key}\\]$`, 'm'));
  });

  it('have a list of all commands', () => {
    for (const name of Object.keys(commands))
      assert.match(helpText(), new RegExp(`^  npm run ${name} `, 'm'));
  });
});
