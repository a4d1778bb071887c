/** Looks at what the options name, before tools are made or the engine starts. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isGitUrl, withoutSecret } from '../location';
import { checkVersion, SettingError } from '../names';
import { Given, inputOptions } from './options';
import type { Stack } from './stack';

/** Config keys without their namespace, to values as Pulumi.<stack>.yaml holds them. */
export type Overrides = Record<string, unknown>;

const flag = (option: string, key: string) => `--${option} (falco:${key})`;

/**
 * @param started folder that relative paths start from
 * @param root the project's folder; a path inside it is kept relative to it, so that it equals the one in a stack file
 * @throws SettingError naming the option, what is wrong with it, and the remedy
 */
export function overridesOf(given: Given, started: string, root: string): Overrides {
  const { strings, lists } = given;
  const found: Overrides = {};
  const place = (text: string) => {
    const absolute = path.resolve(started, text);
    const inside = path.relative(root, absolute);
    return inside !== '' && !inside.startsWith('..') && !path.isAbsolute(inside) ? inside : absolute;
  };
  const folder = (text: string, setting: string, what: string) => {
    checkFolder(path.resolve(started, text), setting, what);
    return place(text);
  };
  if (strings.source !== undefined) {
    const setting = flag('source', 'source');
    found.source = isGitUrl(strings.source)
      ? checkUrl(strings.source, setting)
      : folder(strings.source, setting, 'a folder with the sources, or a git URL with #REF');
  }
  if (strings.tree !== undefined) {
    checkTree(path.resolve(started, strings.tree), flag('tree', 'tree'));
    found.tree = place(strings.tree);
    // Alone: the stack's source is not what this tree was made of.
    if (strings.source === undefined) found.source = '';
  }
  if (strings.version !== undefined)
    found.version = checkVersion(strings.version, flag('version', 'version'));
  if (strings.patches !== undefined)
    found.patches = folder(strings.patches, flag('patches', 'patches'), 'a folder with *.patch files');
  if (lists.extra) {
    found.extra = Object.fromEntries(
      lists.extra.map((text) => {
        const setting = flag('extra', 'extra');
        const match = /^([A-Za-z0-9][\w.-]*)=(.+)$/.exec(text);
        if (!match?.[1] || !match[2])
          throw new SettingError(setting, `"${text}" is not NAME=DIR; give it as in libs=../libs`);
        const what = 'a folder with that source, or a git URL with #REF';
        const location = isGitUrl(match[2]) ? checkUrl(match[2], setting) : folder(match[2], setting, what);
        return [match[1], location];
      }),
    );
  }
  if (lists['cmake-arg']) found.cmakeArgs = lists['cmake-arg'];
  return found;
}

/** @throws SettingError for an option that says what is built, where the stack builds nothing */
export function refuseBuildOptions(
  command: string,
  { strings, lists }: Given,
  { name, config }: Pick<Stack, 'name' | 'config'>,
): void {
  const program = config['falco:program'];
  const option = Object.keys(inputOptions).find(
    (key) => strings[key] !== undefined || lists[key] !== undefined,
  );
  if (option === undefined || (program !== 'promotion' && program !== 'infra')) return;
  const remedy =
    program === 'infra'
      ? 'leave it out'
      : `what it publishes is agreed to in Pulumi.${name}.yaml: npm run propose -- --stack ${name} --version X.Y.Z`;
  throw new SettingError(
    `npm run ${command}`,
    `--${option} is for a stack that builds, and ${name} is falco:program: ${program}; ${remedy}`,
  );
}

function checkUrl(text: string, setting: string): string {
  if (/#.+/.test(withoutSecret(text, setting))) return text;
  throw new SettingError(
    setting,
    `"${text}" names no ref; add #REF, a branch, tag or commit, such as ${text}#0.24.0`,
  );
}

function checkFolder(absolute: string, setting: string, what: string): void {
  const remedy = `give ${what}`;
  if (!fs.existsSync(absolute)) {
    const [repository = '', ref] = absolute.split('#');
    const isRef = ref !== undefined && fs.existsSync(repository);
    const hint = isRef ? `for a ref of a repository here, give file://${repository}#${ref}` : remedy;
    throw new SettingError(setting, `${absolute} does not exist; ${hint}`);
  }
  if (!fs.statSync(absolute).isDirectory())
    throw new SettingError(setting, `${absolute} is no folder; ${remedy}`);
  if (fs.readdirSync(absolute).length === 0)
    throw new SettingError(setting, `${absolute} is empty; ${remedy}`);
}

function checkTree(absolute: string, setting: string): void {
  const remedy = "give an installed tree (what CMake's install makes), as a folder or a .tar.gz";
  if (!fs.existsSync(absolute)) throw new SettingError(setting, `${absolute} does not exist; ${remedy}`);
  if (fs.statSync(absolute).isDirectory())
    return checkFolder(absolute, setting, remedy.slice('give '.length));
  const file = fs.openSync(absolute, 'r');
  const magic = Buffer.alloc(2);
  fs.readSync(file, magic, 0, 2, 0);
  fs.closeSync(file);
  if (magic.toString('hex') !== '1f8b')
    throw new SettingError(setting, `${absolute} is no gzip file; ${remedy}`);
}

/**
 * The stack to work on: `--channel master` means the sibling `<stack>-master`.
 *
 * @throws SettingError for an unknown channel, a stack name that the engine would refuse, or a stack of the other channel
 */
export function stackName(given: Given): string {
  const { stack = 'local', channel } = given.strings;
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(stack))
    throw new SettingError('--stack', `"${stack}" is no stack name; use letters, digits, "-", "_" and "."`);
  if (channel === undefined) return stack;
  const isMaster = stack.endsWith('-master');
  if (channel === 'master') return isMaster ? stack : `${stack}-master`;
  if (channel !== 'release')
    throw new SettingError('--channel', `"${channel}" is no channel; give release or master`);
  if (isMaster)
    throw new SettingError(
      '--channel',
      `the stack ${stack} is of the master channel; leave --channel out, or give --stack ${stack.slice(0, -'-master'.length)}`,
    );
  return stack;
}
