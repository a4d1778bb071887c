import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { needs } from '../../../tools/bootstrap/pins.mjs';

const folder = join(import.meta.dirname, '../../../.github/workflows');

describe('the set-up of a workflow', () => {
  it('makes ready what a command of the project needs', () => {
    const jobs = readdirSync(folder).flatMap((name) =>
      Object.values(parse(readFileSync(join(folder, name), 'utf8')).jobs),
    );
    const commands = jobs
      .flatMap(({ steps }) => steps)
      .filter(({ uses }) => uses === './.github/actions/setup')
      .map((step) => step.with.command);
    assert.deepEqual([...new Set(commands)].sort(), ['mocks', 'preview', 'refresh', 'status', 'up']);
    for (const command of commands) assert.ok(Object.hasOwn(needs, command), command);
  });
});
