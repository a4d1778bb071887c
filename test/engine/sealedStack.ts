/** A stack's file with a passphrase of its own and secrets in it, as `pulumi config set --secret` writes it. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { PROJECT } from '../acceptance/imageSet';

const run = promisify(execFile);

export interface StackFile {
  encryptionsalt: string;
  config: Record<string, unknown>;
}

/**
 * @param folder made here; the engine's home and state are in it, too
 * @param secrets by the path of their key, such as `a:b[0].c`
 */
export async function sealedFile(
  folder: string,
  stack: string,
  passphrase: string,
  secrets: Record<string, string>,
): Promise<StackFile> {
  await fs.mkdir(folder);
  await fs.copyFile(path.join(PROJECT, 'Pulumi.yaml'), path.join(folder, 'Pulumi.yaml'));
  const env = {
    ...process.env,
    PULUMI_HOME: path.join(folder, 'home'),
    PULUMI_BACKEND_URL: `file://${folder}`,
    PULUMI_CONFIG_PASSPHRASE: passphrase,
  };
  const pulumi = async (input: string, ...args: string[]) => {
    const running = run('pulumi', [...args, '--non-interactive'], { cwd: folder, env });
    running.child.stdin?.end(input);
    await running;
  };
  await pulumi('', 'stack', 'init', stack);
  for (const [key, value] of Object.entries(secrets))
    await pulumi(value, 'config', 'set', '--stack', stack, '--secret', '--path', key);
  return parse(await fs.readFile(path.join(folder, `Pulumi.${stack}.yaml`), 'utf8')) as StackFile;
}
