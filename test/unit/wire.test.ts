import assert from 'node:assert/strict';
import { changed, changedIfKnown } from '../../provider/resource';
import { decode, encode, hasUnknown, UNKNOWN } from '../../provider/wire';

const UNKNOWN_ON_THE_WIRE = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
const SIGNATURE = '4dabf18193072939515e22adb298388d';

describe('wire', () => {
  it('unwraps secrets and outputs, also inside lists and tables', () => {
    const secret = { [SIGNATURE]: '1b47061264138c4ac30d75fd1eb44270', value: { a: 1 } };
    const output = { [SIGNATURE]: 'd0e6a833031e9bbcd3f4e8bde6ca49a4', value: 'x', dependencies: [] };
    const unknownOutput = { [SIGNATURE]: 'd0e6a833031e9bbcd3f4e8bde6ca49a4', dependencies: [] };
    assert.deepEqual(decode({ list: [secret, output], unknownOutput }), {
      list: [{ a: 1 }, 'x'],
      unknownOutput: UNKNOWN,
    });
  });

  it('turns unknowns into a symbol and back', () => {
    assert.deepEqual(decode({ a: UNKNOWN_ON_THE_WIRE }), { a: UNKNOWN });
    assert.deepEqual(encode({ a: UNKNOWN, b: [UNKNOWN] }), {
      a: UNKNOWN_ON_THE_WIRE,
      b: [UNKNOWN_ON_THE_WIRE],
    });
    assert.equal(hasUnknown({ a: [{ b: UNKNOWN }] }), true);
    assert.equal(hasUnknown({ a: [{ b: '' }] }), false);
  });

  it('drops undefined properties, which the engine refuses', () => {
    assert.deepEqual(encode({ a: undefined, b: { c: undefined, d: null } }), { b: { d: null } });
  });
});

describe('field by field', () => {
  it('counts an unknown as changed, except where a hash speaks for it', () => {
    const olds = { a: 1, b: { c: [2] }, d: 'x' };
    assert.deepEqual(changed(olds, { a: 1, b: { c: [UNKNOWN] }, d: 'y' }, ['a', 'b', 'd']), ['b', 'd']);
    assert.deepEqual(changedIfKnown(olds, { a: 1, b: { c: [UNKNOWN] }, d: 'y' }, ['a', 'b', 'd']), ['d']);
    assert.deepEqual(changed(olds, { a: 1, b: { c: [2] }, d: 'x' }, ['a', 'b', 'd']), []);
  });
});
