/** What the user is to read beside the engine's own lines. The engine keeps a plugin's standard error to itself. */
import * as log from '@pulumi/pulumi/log';
import { getEngine, resetOptions } from '@pulumi/pulumi/runtime/settings';

/** @param engine the engine's address, as it gives it to a plugin */
export function connect(engine: string | undefined): void {
  if (engine) resetOptions('', '', -1, engine, '', false, '');
}

/** A warning of the run; on standard error where there is no engine. */
export async function warn(text: string): Promise<void> {
  if (getEngine()) await log.warn(text);
  else process.stderr.write(`warning: ${text}\n`);
}
