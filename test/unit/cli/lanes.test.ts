/** Lanes of tests, as programs of their own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { RESULTS, runLanes } from '../../../cli/lanes';

/** What each lane prints, in parts with a moment between them, and its status. */
async function run(lanes: Record<string, { parts: string[]; status: number }>) {
  const written: string[] = [];
  const start = ([name = '']: string[]) => {
    const { parts, status } = lanes[name] ?? { parts: [], status: 9 };
    const program = `
      const parts = ${JSON.stringify(parts)};
      const next = () => {
        const part = parts.shift();
        if (part === undefined) process.exitCode = ${status};
        else process.stdout.write(part, () => setTimeout(next, 20));
      };
      next();`;
    return spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'pipe'] });
  };
  const names = Object.keys(lanes).map((name) => [name]);
  const status = await runLanes(names, start, (text) => written.push(text));
  return { status, text: written.join('') };
}

describe('lanes of tests', () => {
  const results = (passed: number, failed: number, more = '') =>
    `\n${RESULTS}\n${more}${passed} passed, ${failed} failed\n`;

  it('print what belongs together in one piece, and the results at the end, with a sum as the last line', async () => {
    const one = ['  one\n', '    ✔ a\n', '    ✔ b\n\n', '  two\n    ✔ c\n', results(3, 0, '  3 passing\n\n')];
    const other = ['  other\n', '    ✔ d\n', '\n', results(1, 0)];
    const { status, text } = await run({
      one: { parts: one, status: 0 },
      other: { parts: other, status: 0 },
    });
    assert.equal(status, 0);
    for (const piece of ['  one\n    ✔ a\n    ✔ b\n\n', '  two\n    ✔ c\n', '  other\n    ✔ d\n\n'])
      assert.ok(text.includes(piece), text);
    const end = [
      `\n${RESULTS} of one: 3 passing\n\n3 passed, 0 failed\n`,
      `\n${RESULTS} of other: 1 passed, 0 failed\n`,
      '4 passed, 0 failed\n',
    ];
    assert.ok(text.endsWith(end.join('')), text);
  });

  it('fail with the one that fails, and all of them are run to their end', async () => {
    const { status, text } = await run({
      one: { parts: [results(1, 2)], status: 2 },
      other: { parts: ['  other\n', results(5, 0)], status: 0 },
    });
    assert.equal(status, 2);
    assert.match(text, /\n6 passed, 2 failed\n$/);
  });

  it('fail where one ends without results, and what it had printed is there', async () => {
    const { status, text } = await run({
      one: { parts: ['  one\n    ✔ a'], status: 0 },
      other: { parts: [results(5, 0)], status: 0 },
    });
    assert.equal(status, 1);
    assert.match(text, / {2}one\n {4}✔ a/);
    assert.match(text, /results of one: ended with status 1 before it had any\n/);
    assert.match(text, /\n5 passed, 0 failed\n$/);
  });
});
