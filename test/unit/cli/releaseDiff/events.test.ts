import assert from 'node:assert/strict';
import { foldEvents, parseEvent } from '../../../../cli/releaseDiff/events';
import { UNKNOWN as NOT_KNOWN } from '../../../../cli/releaseDiff/values';
import { done, seen, step, UNKNOWN } from './previewed';

describe('events of a preview', () => {
  it('are read line by line; what is no event is none', () => {
    assert.deepEqual(parseEvent('{"sequence":1,"summaryEvent":{"result":"failed"}}'), {
      sequence: 1,
      summaryEvent: { result: 'failed' },
    });
    assert.equal(parseEvent('warning: {'), undefined);
    assert.equal(parseEvent('{"cut'), undefined);
  });

  it('give one row per resource, in the same order whatever theirs', () => {
    const steps = [
      step('Tag::b', { op: 'create', new: {} }),
      step('Tag::a', { op: 'delete', old: { tag: 'x' } }),
      step('Package::z', { op: 'same', old: {}, new: {} }),
    ];
    const rows = foldEvents([...steps, done]).resources.map(({ name, operation }) => [name, operation]);
    assert.deepEqual(rows, [
      ['z', 'same'],
      ['a', 'delete'],
      ['b', 'create'],
    ]);
    assert.deepEqual(foldEvents([...steps].reverse()).resources, foldEvents(steps).resources);
  });

  it('of a replacement are one row, with what was and what will be', () => {
    const urn = 'Package::a';
    const { resources } = foldEvents([
      step(urn, { op: 'create-replacement', old: { v: 1 }, new: { v: 2 }, diffs: ['v'] }),
      step(urn, { op: 'replace', old: { v: 1 }, new: { v: 2 } }),
      step(urn, { op: 'delete-replaced', old: { v: 1 } }),
    ]);
    assert.deepEqual(resources, [
      {
        name: 'a',
        type: 'artifacts:index:Package',
        operation: 'replace',
        old: { v: 1 },
        new: { v: 2 },
        differs: ['v'],
      },
    ]);
  });

  it('keep what is unknown unknown, wherever it is, and never show a secret', () => {
    const secret = {
      '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270',
      plaintext: '"p"',
    };
    const [row] = seen({
      'Tag::a': { op: 'create', new: { a: UNKNOWN, b: [`x@${UNKNOWN}`, 'y'], c: { d: UNKNOWN }, e: secret } },
    });
    assert.deepEqual(row?.new, { a: NOT_KNOWN, b: [NOT_KNOWN, 'y'], c: { d: NOT_KNOWN }, e: '[secret]' });
  });

  it('hold outputs of what stays, and of what changes only the new inputs', () => {
    const metadata = (op: string) => ({
      resourcePreEvent: {
        metadata: {
          op,
          urn: 'urn:pulumi:s::p::t::n',
          type: 't',
          old: null,
          new: { inputs: { version: '2' }, outputs: { version: '1', sha256: 'a' } },
        },
      },
    });
    assert.deepEqual(foldEvents([metadata('same')]).resources[0]?.new, { version: '2', sha256: 'a' });
    assert.deepEqual(foldEvents([metadata('update')]).resources[0]?.new, { version: '2' });
  });

  it('tell warnings and errors once, without marks of colour, and whether the engine came to its end', () => {
    const say = (severity: string, message: string) => ({ diagnosticEvent: { severity, message } });
    const warned = foldEvents([
      say('warning', '<{%fg 3%}>old key<{%reset%}>\n'),
      say('warning', 'old key'),
      say('info', 'x'),
      done,
    ]);
    assert.deepEqual([warned.warnings, warned.errors, warned.isComplete], [['old key'], [], true]);
    assert.equal(foldEvents([say('error', 'no'), done]).isComplete, false);
    assert.equal(foldEvents([{ summaryEvent: { result: 'failed' } }]).isComplete, false);
    assert.equal(foldEvents([]).isComplete, false);
  });
});
