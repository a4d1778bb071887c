import assert from 'node:assert/strict';
import { foundResources, problemLines } from '../../../cli/lostImages';

describe('what a refresh found', () => {
  const resource = (...problems: string[]) => ({ inputs: { problems } });

  it('is each problem once, 20 lines, and what shows the rest', () => {
    assert.deepEqual(problemLines([resource(), {}]), []);
    assert.deepEqual(problemLines([resource('a is missing', 'b is missing'), resource('a is missing')]), [
      'The next up repairs:',
      '  a is missing',
      '  b is missing',
    ]);
    const many = Array.from({ length: 22 }, (_, index) => `${index} is missing`);
    assert.equal(problemLines([resource(...many)]).at(-1), '  and 2 more: npm run preview -- --diff');
    assert.equal(problemLines([resource(...many)], 'look there').at(-1), '  and 2 more: look there');
  });

  it("is read from the engine's events where no state is written", () => {
    const found = resource('packages/key.asc is missing');
    const event = (of: object | null) =>
      JSON.stringify({ resOutputsEvent: { metadata: { op: 'refresh', new: of } } });
    const log = [event(found), event(null), '{"preludeEvent":{}}', '{"cut', ''].join('\n');
    assert.deepEqual(foundResources(log), [found]);
  });
});
