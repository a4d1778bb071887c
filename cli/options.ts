/** The options of the npm scripts: how they are read, which config key each sets, and their help. */
import { parseArgs } from 'node:util';
import { SettingError } from '../names';

type Kind = 'string' | 'list' | 'flag';

interface Option {
  kind: Kind;
  /** Stands for the value in the help text. */
  value?: string;
  /** What it does, then in brackets the config key that it sets for this run. */
  help: string;
}

const stackOption: Record<string, Option> = {
  stack: { kind: 'string', value: 'NAME', help: 'the stack to work on; default: local' },
  channel: {
    kind: 'string',
    value: 'release|master',
    help: 'master means the sibling stack NAME-master (fixed per stack: falco:channel)',
  },
};
const inputOptions: Record<string, Option> = {
  source: {
    kind: 'string',
    value: 'DIR|URL#REF',
    help: 'the sources: a folder, or a git URL with a branch, tag or commit [falco:source]',
  },
  tree: {
    kind: 'string',
    value: 'DIR|TARBALL',
    help: 'a ready install tree (folder or .tar.gz), taken instead of compiling [falco:tree]',
  },
  version: {
    kind: 'string',
    value: 'X.Y.Z',
    help: "the version, x.y.z or x.y.z-pre; default: the tree's or the source's [falco:version]",
  },
  extra: {
    kind: 'list',
    value: 'NAME=DIR',
    help: 'a further source that the build needs, e.g. libs=../libs; repeatable [falco:extra]',
  },
  'cmake-arg': { kind: 'list', value: '-DX=Y', help: 'an argument for CMake; repeatable [falco:cmakeArgs]' },
  patches: {
    kind: 'string',
    value: 'DIR',
    help: 'patches for the sources, applied in order of name [falco:patches]',
  },
};
const json = (help: string): Record<string, Option> => ({ json: { kind: 'flag', help } });
const yes: Record<string, Option> = { yes: { kind: 'flag', help: 'implied: no command asks' } };
const diff: Record<string, Option> = {
  diff: { kind: 'flag', help: 'show what changes inside each resource' },
};

interface Command {
  about: string;
  /** Words that may follow the command, with the first as default. */
  actions?: string[];
  options: Record<string, Option>;
}

export const commands = {
  up: {
    about: 'Makes the artifact set and publishes it where the stack says.',
    options: { ...stackOption, ...inputOptions, ...diff, ...json("the engine's events as JSON"), ...yes },
  },
  preview: {
    about: 'Shows what `up` would change, building nothing.',
    options: {
      ...stackOption,
      ...inputOptions,
      ...diff,
      'expect-no-changes': { kind: 'flag', help: 'fail when anything would change' },
      ...json('the plan as JSON'),
      ...yes,
    },
  },
  refresh: {
    about: 'Compares the state with what the registry and the bucket really hold.',
    options: {
      ...stackOption,
      ...diff,
      'preview-only': { kind: 'flag', help: 'write nothing, also no state; fail when anything differs' },
      ...json("the engine's events as JSON"),
      ...yes,
    },
  },
  destroy: {
    about: 'Takes away what the stack published.',
    options: { ...stackOption, ...json("the engine's events as JSON"), ...yes },
  },
  output: {
    about: 'Prints what the stack made. For scripts: npm run -s output -- --json',
    options: { ...stackOption, ...json('as one JSON object on stdout, and nothing else there') },
  },
  services: {
    about: 'The registry and BuildKit of this clone, on loopback. Their data lies in .local/.',
    actions: ['status', 'start', 'stop'],
    options: { ...stackOption },
  },
  adopt: {
    about: "Shows the repositories of others in the bucket; with `apply`, makes them the stack's.",
    actions: ['show', 'apply'],
    options: { ...stackOption },
  },
  test: {
    about: 'Runs the tests: all of test/, or the files given.',
    options: { grep: { kind: 'string', value: 'TEXT', help: 'only tests whose title has it' } },
  },
  bench: { about: 'Measures; see bench/.', options: {} },
} satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;

/** Options as given. Relative paths in them are still relative to where npm was started. */
export interface Given {
  strings: Partial<Record<string, string>>;
  lists: Partial<Record<string, string[]>>;
  flags: Set<string>;
  positionals: string[];
}

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

/** @throws SettingError naming the option that is unknown, lacks its value or is given twice */
export function readOptions(name: CommandName, args: string[]): Given {
  const { options, actions }: Command = commands[name];
  const takesWords = actions !== undefined || name === 'test' || name === 'bench';
  let parsed;
  try {
    parsed = parseArgs({
      args: joinDashValues(args),
      strict: true,
      allowPositionals: takesWords,
      tokens: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        ...Object.fromEntries(
          Object.entries(options).map(([key, { kind }]) => [
            key,
            { type: kind === 'flag' ? ('boolean' as const) : ('string' as const), multiple: kind === 'list' },
          ]),
        ),
      },
    });
  } catch (error) {
    const text = (error as Error).message.split('. ')[0];
    throw new SettingError(`npm run ${name}`, `${text}. Options: ${known(options)}; more with --help`);
  }
  const given: Given = { strings: {}, lists: {}, flags: new Set(), positionals: parsed.positionals };
  const seen = new Set<string>();
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    if (seen.has(token.name) && options[token.name]?.kind === 'string') {
      throw new SettingError(`npm run ${name}`, `--${token.name} is given twice; give it once`);
    }
    seen.add(token.name);
  }
  for (const [key, value] of Object.entries(parsed.values)) {
    if (typeof value === 'string') given.strings[key] = value;
    else if (Array.isArray(value)) given.lists[key] = value.map(String);
    else if (value) given.flags.add(key);
  }
  if (actions && !actions.includes(given.positionals[0] ?? actions[0])) {
    throw new SettingError(
      `npm run ${name}`,
      `unknown action ${given.positionals[0]}; known: ${actions.join(', ')}`,
    );
  }
  for (const [key, value] of Object.entries(given.strings)) {
    if (value === '')
      throw new SettingError(`npm run ${name}`, `--${key} has an empty value; give one or leave it out`);
  }
  return given;
}

/**
 * Without ` -- `, npm takes the options for itself and the command runs as if none were given: a preview that expects
 * no changes would never fail, a destroy would be of another stack. npm leaves them in the environment.
 *
 * @throws SettingError naming the option and how to give it
 */
export function refuseTaken(name: CommandName, environment: NodeJS.ProcessEnv): void {
  // npm has settings of its own called these, which may stand in the user's .npmrc.
  const npms = ['json', 'yes', 'diff', 'version'];
  const { options }: Command = commands[name];
  const taken = Object.keys(options).find(
    (key) => !npms.includes(key) && environment[`npm_config_${key.replace(/-/g, '_')}`] !== undefined,
  );
  if (taken === undefined) return;
  throw new SettingError(
    `npm run ${name}`,
    `npm took --${taken} for itself; put " -- " before the options: npm run ${name} -- --${taken}`,
  );
}

/** `--cmake-arg -DX=Y` would read as two options: joined to `--cmake-arg=-DX=Y`. */
function joinDashValues(args: string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    if (joined.at(-1) === '--cmake-arg') joined.push(`${joined.pop()}=${arg}`);
    else joined.push(arg);
  }
  return joined;
}

const known = (options: Record<string, Option>) =>
  Object.keys(options)
    .map((key) => `--${key}`)
    .join(' ') || 'none';

/** Help of one command, or of all. */
export function helpText(name?: CommandName): string {
  if (!name) {
    const rows = Object.entries(commands).map(([key, { about }]) => `  npm run ${key.padEnd(9)} ${about}`);
    return ['Commands (options after --, each explained by --help):', ...rows].join('\n');
  }
  const { about, options, actions }: Command = commands[name];
  const left = (key: string, { value }: Option) => `  --${key}${value ? ` ${value}` : ''}`;
  const width = Math.max(0, ...Object.entries(options).map(([key, option]) => left(key, option).length));
  return [
    `npm run ${name} -- ${actions ? `[${actions.join('|')}] ` : ''}[options]`,
    about,
    ...Object.entries(options).map(([key, option]) => `${left(key, option).padEnd(width)}  ${option.help}`),
    ...('source' in options
      ? ['Each flag sets the named key for this run only; set a key for good in Pulumi.<stack>.yaml.']
      : []),
  ].join('\n');
}
