/** What the user is to read beside the engine's own lines. The engine keeps a plugin's standard error to itself. */

type Tell = (text: string) => Promise<void>;

let tell: Tell = (text) => {
  process.stderr.write(`warning: ${text}\n`);
  return Promise.resolve();
};

/** Where warnings go from now on: to standard error without this, as in the command line, which loads no SDK. */
export function warnBy(other: Tell): void {
  tell = other;
}

/** A warning of the run. */
export function warn(text: string): Promise<void> {
  return tell(text);
}
