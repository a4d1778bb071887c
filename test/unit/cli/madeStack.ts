/** A project's folder with a stack that has outputs, as a real engine reads them. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { parse, stringify } from 'yaml';
import { ensureStack } from '../../../cli/engine';
import { openStack, Stack } from '../../../cli/stack';
import { Overrides } from '../../../cli/validate';

const project = path.resolve(__dirname, '../../..');
// Its state never leaves this machine.
const { encryptionsalt } = parse(fs.readFileSync(path.join(project, 'Pulumi.local.yaml'), 'utf8')) as {
  encryptionsalt: string;
};

/** A new folder with the project's file and tools; the caller removes it. */
export function makeRoot(prefix: string): string {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), prefix));
  fs.copyFileSync(path.join(project, 'Pulumi.yaml'), path.join(root, 'Pulumi.yaml'));
  fs.mkdirSync(path.join(root, '.local'));
  fs.symlinkSync(path.join(project, '.local/bin'), path.join(root, '.local/bin'));
  return root;
}

/** The stack `local` of this configuration and with these outputs. */
export async function makeStack(
  root: string,
  config: object,
  outputs: object,
  overrides: Overrides = {},
): Promise<Stack> {
  fs.writeFileSync(path.join(root, 'Pulumi.local.yaml'), stringify({ encryptionsalt, config }));
  const stack = openStack(root, 'local', overrides);
  await ensureStack(stack);
  const state = JSON.parse(fs.readFileSync(stack.checkpoint, 'utf8')) as {
    checkpoint: { latest: Record<string, unknown> };
  };
  const urn = 'urn:pulumi:local::falco-artifacts::pulumi:pulumi:Stack::falco-artifacts-local';
  state.checkpoint.latest.resources = [{ urn, custom: false, type: 'pulumi:pulumi:Stack', outputs }];
  fs.writeFileSync(stack.checkpoint, JSON.stringify(state));
  return stack;
}
