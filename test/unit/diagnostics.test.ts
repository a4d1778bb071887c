import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mock } from 'node:test';
import { during, progress, progressBy } from '../../provider/diagnostics';

describe('progress of long work', () => {
  let now = 0;
  let shown: [urn: string, line: string][];
  before(() => {
    mock.method(Date, 'now', () => now);
    progressBy((line, urn) => shown.push([urn, line]));
  });
  beforeEach(() => (shown = []));
  after(() => {
    mock.restoreAll();
    progressBy((line) => process.stderr.write(`${line}\n`));
  });
  const at = (seconds: number, line: string) => {
    now = seconds * 1000;
    progress(line);
  };

  it('says nothing for ten seconds, and then a line every ten seconds', () => {
    now = 0;
    during('a', () => {
      for (const second of [0, 5, 9.9, 10, 11, 19.9, 20, 35, 36]) at(second, `line ${second}`);
    });
    assert.deepEqual(shown, [
      ['a', 'line 10'],
      ['a', 'line 20'],
      ['a', 'line 35'],
    ]);
  });

  it('is told of the resource that is made, also where several are, and from the output of a program', async () => {
    now = 0;
    const printing = (text: string) => async () => {
      const child = spawn('sh', ['-c', `sleep 0.1; echo ${text}`]);
      child.stdout.setEncoding('utf8').on('data', progress);
      await once(child, 'close');
    };
    const both = [during('a', printing('of a')), during('b', printing('of b'))];
    now = 60_000;
    await Promise.all(both);
    assert.deepEqual(shown.sort(), [
      ['a', 'of a'],
      ['b', 'of b'],
    ]);
  });

  it('is one short line without control characters; an empty one is none', () => {
    now = 0;
    during('a', () => {
      at(10, ' \r\n');
      at(11, '\u001b[32m[ 5%]\u001b[0m\tBuilding\r');
      at(30, 'ä'.repeat(101));
    });
    assert.deepEqual(shown, [
      ['a', '[ 5%] Building'],
      ['a', `${'ä'.repeat(99)}…`],
    ]);
  });
});
