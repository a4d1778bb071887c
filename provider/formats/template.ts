/**
 * The texts of `packaging/`: maintainer scripts, unit files, INSTALL and Makefiles.
 * A variable is `@NAME@` (capitals, digits, `_`): nothing that shell, make, systemd or a mail address uses.
 * A line `@include <file>@` is replaced by that file of `packaging/`, so that scripts share shell functions
 * and each package still carries all of the code it runs.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';

const VARIABLE = /@([A-Z][A-Z0-9_]*)@/g;
/** By path, read once by a process: packages share them, and an update builds what its check has hashed. */
const texts = new Map<string, Promise<string>>();
const INCLUDE = /^@include ([a-z0-9/._-]+)@\n/gm;

/** Text of a template with its includes. An included file includes nothing itself. Throws for one that is missing. */
export async function readTemplate(directory: string, template: string): Promise<string> {
  const text = await read(directory, template, template);
  const included = new Map<string, string>();
  for (const [, name] of text.matchAll(INCLUDE)) included.set(name, await read(directory, name, template));
  return text.replace(INCLUDE, (_line, name: string) => included.get(name) as string);
}

async function read(directory: string, name: string, template: string): Promise<string> {
  const file = path.join(directory, name);
  const text = texts.get(file) ?? fs.readFile(file, 'utf8');
  texts.set(file, text);
  try {
    return await text;
  } catch (error) {
    const by = name === template ? 'named in the catalog' : `included by ${template}`;
    throw new Error(`${file} (${by}) cannot be read: ${(error as Error).message}`);
  }
}

/**
 * Fills in the variables. A variable that is unknown, or has no value in this package, is an error that names
 * it and `where`, so that no package ships an `@NAME@`.
 */
export function render(text: string, variables: Record<string, string | undefined>, where: string): string {
  const unfilled = new Set<string>();
  const rendered = text.replace(VARIABLE, (whole, name: string) => {
    const value = variables[name];
    if (value === undefined) unfilled.add(whole);
    return value ?? whole;
  });
  const include = /^@include .*/m.exec(text)?.[0];
  if (include) throw new Error(`${where}: "${include}" was not resolved; read templates with readTemplate`);
  if (unfilled.size > 0) {
    const known = Object.keys(variables).filter((name) => variables[name] !== undefined);
    throw new Error(
      `${where}: no value for ${[...unfilled].sort().join(', ')}; this package has ${known.sort().join(', ')}`,
    );
  }
  return rendered;
}
