import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const root = join(import.meta.dirname, '../../..');

describe('a command of npm', () => {
  it('goes on to its end where nobody reads on', async () => {
    const child = spawn('node', ['tools/run.mjs', 'help'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    assert.equal(said, '');
    assert.equal(status, 0);
  }).timeout(60_000);
});
