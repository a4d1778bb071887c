/** A stack as the scripts use it: its configuration for one run, the engine's environment, its state on this machine. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parse, stringify } from 'yaml';
import { SettingError } from '../names';
import { Overrides } from './validate';

export interface Stack {
  root: string;
  name: string;
  /** Configuration of this run: the stack's file with the flags merged in. Ignored by git. */
  configFile: string;
  /** The merged `config:` part. */
  config: Record<string, unknown>;
  env: NodeJS.ProcessEnv;
  /** The stack's checkpoint in the file backend. */
  checkpoint: string;
  /** Its state is elsewhere (PULUMI_BACKEND_URL): the stack is made and locks are looked after there. */
  isRemote: boolean;
  /** Its state never leaves this machine: it has the local stacks' salt. */
  isOfThisMachine: boolean;
  /** What a person should know before the run. */
  remarks: string[];
}

interface StackFile {
  encryptionsalt?: string;
  config?: Record<string, unknown>;
}

/** As in Pulumi.yaml. */
export const PROJECT = 'falco-artifacts';
const NAMESPACE = 'falco';
const MASTER = '-master';

/** Writes the configuration of one run and says where all of it is. No tracked file is touched. */
export function openStack(root: string, name: string, overrides: Overrides): Stack {
  const remarks: string[] = [];
  const own = path.join(root, `Pulumi.${name}.yaml`);
  const template = path.join(root, `Pulumi.local${name.endsWith(MASTER) ? MASTER : ''}.yaml`);
  const isOwn = fs.existsSync(own);
  const file = readStackFile(isOwn ? own : template);
  const base = name.endsWith(MASTER) ? name.slice(0, -MASTER.length) : name;
  // Beside the stack local, not on top of it: two stacks in one place would publish over each other.
  const publishes = file.config?.[`${NAMESPACE}:program`] !== 'infra';
  if (isOwn && publishes && base !== 'local' && file.config?.[`${NAMESPACE}:registry`] === undefined) {
    file.config = { ...file.config, [`${NAMESPACE}:registry`]: `/${pathOf(base)}` };
    remarks.push(`Pulumi.${name}.yaml names no falco:registry: its images go below /${pathOf(base)}`);
  }
  if (!isOwn) {
    file.config = {
      ...file.config,
      [`${NAMESPACE}:bucket`]: `.local/bucket-${base}`,
      [`${NAMESPACE}:registry`]: `/${pathOf(base)}`,
    };
    remarks.push(
      `the stack ${name} has no ${path.basename(own)}: it takes the settings of ${path.basename(template)}, with a bucket and a registry path of its own`,
    );
  }
  const config = { ...file.config };
  for (const [key, value] of Object.entries(overrides)) config[`${NAMESPACE}:${key}`] = value;
  const configFile = path.join(root, '.local', 'config', `Pulumi.${name}.yaml`);
  fs.mkdirSync(path.dirname(configFile), { recursive: true });
  fs.writeFileSync(configFile, stringify({ ...file, config }));
  const state = path.join(root, '.local', 'state');
  fs.mkdirSync(state, { recursive: true });
  withoutEngineLogs(path.join(root, '.local', 'pulumi-home'));
  const isPassphraseEmpty =
    file.encryptionsalt === readStackFile(path.join(root, 'Pulumi.local.yaml')).encryptionsalt;
  // Stacks of this machine never leave it, whatever the environment is set for.
  const remote = (!isPassphraseEmpty && process.env.PULUMI_BACKEND_URL) || undefined;
  return {
    root,
    name,
    configFile,
    config,
    env: environment(root, remote ?? `file://${state}`, isPassphraseEmpty),
    checkpoint: path.join(statesOf(root), `${name}.json`),
    isRemote: remote !== undefined,
    isOfThisMachine: isPassphraseEmpty,
    remarks,
  };
}

/** @throws SettingError for a name that has neither a file nor a state on this machine, listing those that have */
export function refuseUnknownStack(root: string, name: string): void {
  const names = (folder: string, pattern: RegExp) =>
    (fs.existsSync(folder) ? fs.readdirSync(folder) : []).flatMap((file) => pattern.exec(file)?.[1] ?? []);
  const known = new Set([...names(root, /^Pulumi\.(.+)\.yaml$/), ...names(statesOf(root), /^(.+)\.json$/)]);
  if (known.has(name)) return;
  throw new SettingError(
    '--stack',
    `there is no stack ${name}, neither a Pulumi.${name}.yaml nor a state of it; there are ${[...known].sort().join(', ')}. ` +
      `A new one with the settings of local is made by: npm run up -- --stack ${name}`,
  );
}

/** Checkpoints of the file backend. */
const statesOf = (root: string) => path.join(root, '.local', 'state', '.pulumi', 'stacks', PROJECT);

/** `pulumi <args>` as a line to paste anywhere: it is not on the PATH, and has a home and a backend of its own. */
export const pulumiLine = ({ root, env }: Pick<Stack, 'root' | 'env'>, args: string): string =>
  `PULUMI_HOME=${env.PULUMI_HOME} PULUMI_BACKEND_URL='${env.PULUMI_BACKEND_URL}' ${root}/.local/bin/pulumi --cwd ${root} ${args}`;

/** A name as a path of the OCI distribution specification ("Pulling manifests") may have it. */
const pathOf = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '');

/**
 * The engine writes a debug log of every run, 0.7 MB and a tenth of a preview's time, and has no setting for it.
 * It goes on without where `logs` cannot be a folder; `--logtostderr -v=9` still gives the log.
 */
function withoutEngineLogs(home: string): void {
  fs.mkdirSync(home, { recursive: true });
  const logs = path.join(home, 'logs');
  if (!fs.existsSync(logs)) fs.writeFileSync(logs, '');
}

export function readStackFile(file: string): StackFile {
  try {
    return (parse(fs.readFileSync(file, 'utf8')) ?? {}) as StackFile;
  } catch (error) {
    throw new SettingError(path.basename(file), `cannot be read: ${(error as Error).message}`);
  }
}

/** The engine's environment: home, backend and builders of the project's own, and nothing that changes bytes. */
function environment(root: string, backend: string, isPassphraseEmpty: boolean): NodeJS.ProcessEnv {
  const local = (...names: string[]) => path.join(root, '.local', ...names);
  const { PULUMI_CONFIG_PASSPHRASE, PULUMI_CONFIG_PASSPHRASE_FILE, ...rest } = process.env;
  const passphrase = isPassphraseEmpty
    ? { PULUMI_CONFIG_PASSPHRASE: '' }
    : PULUMI_CONFIG_PASSPHRASE_FILE !== undefined && PULUMI_CONFIG_PASSPHRASE === undefined
      ? { PULUMI_CONFIG_PASSPHRASE_FILE }
      : { PULUMI_CONFIG_PASSPHRASE: PULUMI_CONFIG_PASSPHRASE ?? '' };
  return {
    ...rest,
    ...passphrase,
    PATH: [local('bin'), process.env.PATH].filter(Boolean).join(path.delimiter),
    PULUMI_HOME: local('pulumi-home'),
    PULUMI_BACKEND_URL: backend,
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    PULUMI_LANGUAGE_NODEJS_RUN_PATH: path.join(root, 'tools', 'sdk', 'run.js'),
    BUILDX_CONFIG: local('buildx'),
    TZ: 'UTC',
    LC_ALL: 'C.UTF-8',
  };
}
