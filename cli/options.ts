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
/** Options that say what is built. */
export const inputOptions: Record<string, Option> = {
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
  /** What may follow the command instead, for the help text. */
  words?: string;
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
      published: {
        kind: 'flag',
        help: 'with the version and the commit that the stack has published last [falco:version, falco:source]',
      },
      'expect-no-changes': { kind: 'flag', help: 'fail when anything would change' },
      mocks: {
        kind: 'flag',
        help: "list the resources of the stack's program, without engine, plugins, credentials or network",
      },
      ...json('the plan as JSON'),
      markdown: { kind: 'flag', help: 'a release diff in Markdown on stdout, as for a pull request' },
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
    about: 'Takes away every release that the stack published.',
    options: {
      ...stackOption,
      ...json("the engine's events as JSON"),
      yes: { kind: 'flag', help: 'also where falco:immutable is set; else implied' },
    },
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
  resolve: {
    about:
      "Pins what a stack's images take from their distribution, with the packages of today, in systems/NAME.yaml (docs/systems.md); with `keep`, what the stack has.",
    actions: ['anew', 'keep'],
    options: { ...stackOption },
  },
  propose: {
    about: 'Writes what another stack has published into a stack that promotes, by digest, for a reviewer.',
    options: {
      stack: { kind: 'string', value: 'NAME', help: 'the stack that promotes: Pulumi.NAME.yaml is written' },
      from: { kind: 'string', value: 'NAME', help: 'the stack that has published the release [falco:from]' },
      version: {
        kind: 'string',
        value: 'X.Y.Z',
        help: 'a release that it has published before; default: its last one',
      },
    },
  },
  adopt: {
    about: "Shows the repositories of others in the bucket; with `apply`, makes them the stack's.",
    actions: ['show', 'apply'],
    options: { ...stackOption },
  },
  announce: {
    about:
      'Writes what users are told of a release; with --open, opens it at GitHub, once (docs/announce.md).',
    options: {
      version: { kind: 'string', value: 'X.Y.Z', help: 'the released version' },
      previous: { kind: 'string', value: 'A.B.C', help: 'the release before, which users have' },
      latest: {
        kind: 'string',
        value: 'D.E.F',
        help: 'the newest release, where X.Y.Z is a back-port beside it; with --stack the bucket says',
      },
      stack: {
        kind: 'string',
        value: 'NAME',
        help: 'the stack that published it, for its addresses and digests; default: the public addresses',
      },
      out: { kind: 'string', value: 'DIR', help: 'where the texts go; default: .local/announce/X.Y.Z' },
      changelog: {
        kind: 'string',
        value: 'FILE',
        help: "the project's changelog, whose section of X.Y.Z goes into mail and issue; default: the stack's falco:changelog",
      },
      chart: {
        kind: 'string',
        value: 'DIR',
        help: "a checkout of the Helm chart, to see the patch of its values.yaml; --open takes the repository's",
      },
      website: { kind: 'string', value: 'OWNER/REPO', help: "the website's repository, or a fork of it" },
      charts: { kind: 'string', value: 'OWNER/REPO', help: "the chart's repository, or a fork of it" },
      'sign-off': {
        kind: 'string',
        value: '"NAME <MAIL>"',
        help: 'whom commits are by, with a Signed-off-by line; default: whom the token is of, without',
      },
      open: {
        kind: 'flag',
        help: 'open the pull requests and the issue, with GITHUB_TOKEN (and GITHUB_API_URL); default: show them',
      },
    },
  },
  status: {
    about: 'Asks repositories and registries from outside, as their clients do; fails on any gap.',
    words: 'URL|REGISTRY/NAMESPACE...',
    options: {
      version: {
        kind: 'string',
        value: 'X.Y.Z',
        help: 'what should be the current release; default: the newest that any place offers',
      },
      channel: {
        kind: 'string',
        value: 'release|master',
        help: 'master: the -dev repositories and the tag master; default: release',
      },
      key: {
        kind: 'list',
        value: 'FINGERPRINT',
        help: 'a key whose signature every index must have; repeatable; default: any of the published key file',
      },
      deep: { kind: 'flag', help: 'read whole files and check their digests' },
      ...json('the report as one JSON object on stdout, and nothing else there'),
    },
  },
  verify: {
    about: 'Makes a published release again and compares: fails on any difference (docs/reproducible.md).',
    words: 'STACK|URL',
    options: {
      version: {
        kind: 'string',
        value: 'X.Y.Z',
        help: 'the release; default: the newest that is recorded there',
      },
      stack: {
        kind: 'string',
        value: 'NAME',
        help: 'with a URL: the stack that published it; default: the only one that has records there',
      },
      key: {
        kind: 'string',
        value: 'FINGERPRINT',
        help: 'the key that must have signed its record; default: any of the published key file',
      },
      ...json('the comparison as one JSON object on stdout, and nothing else there'),
    },
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

/** Two options of one command that exclude each other, and why. */
const CLASHES = [
  ['markdown', 'json', 'are two forms of one preview'],
  ['markdown', 'diff', 'are two forms of one preview'],
  ['latest', 'stack', 'both say the newest release'],
  ['published', 'version', 'both say the version'],
  ['published', 'source', 'both say the source'],
  ['published', 'mocks', 'exclude each other: mocks look at no state'],
  ['mocks', 'markdown', 'exclude each other: mocks know no changes'],
  ['mocks', 'diff', 'exclude each other: mocks know no changes'],
  ['mocks', 'expect-no-changes', 'exclude each other: mocks know no changes'],
  ['mocks', 'json', 'exclude each other: mocks print one table'],
] as const;

/** @throws SettingError naming the option that is unknown, lacks its value, is given twice or excludes another */
export function readOptions(name: CommandName, args: string[]): Given {
  const { options, actions, words }: Command = commands[name];
  const takesWords = actions !== undefined || words !== undefined || name === 'test' || name === 'bench';
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
  const isGiven = (key: string) => given.flags.has(key) || given.strings[key] !== undefined;
  const clash = CLASHES.find(([one, other]) => isGiven(one) && isGiven(other));
  if (clash !== undefined)
    throw new SettingError(`npm run ${name}`, `--${clash[0]} and --${clash[1]} ${clash[2]}; give one`);
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
  const npms = ['json', 'yes', 'diff', 'version', 'key'];
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
  const { about, options, actions, words }: Command = commands[name];
  const left = (key: string, { value }: Option) => `  --${key}${value ? ` ${value}` : ''}`;
  const width = Math.max(0, ...Object.entries(options).map(([key, option]) => left(key, option).length));
  return [
    `npm run ${name} -- ${actions ? `[${actions.join('|')}] ` : ''}${words ? `${words} ` : ''}[options]`,
    about,
    ...Object.entries(options).map(([key, option]) => `${left(key, option).padEnd(width)}  ${option.help}`),
    ...('source' in options
      ? ['Each flag sets the named key for this run only; set a key for good in Pulumi.<stack>.yaml.']
      : []),
  ].join('\n');
}
