import assert from 'node:assert/strict';
import { foundResources, goneLines, problemLines } from '../../../cli/lostImages';

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
    assert.equal(problemLines([resource(...many)], [], 'look there').at(-1), '  and 2 more: look there');
  });

  it('is first what is gone: a tag by its name, anything else by its resource, no component', () => {
    const urn = (name: string) => `urn:pulumi:local::falco::type::${name}`;
    const gone = goneLines([
      { urn: urn('tag-falco'), type: 'artifacts:index:Tag', id: '127.0.0.1:5050/falcosecurity/falco:0.1.0' },
      { urn: urn('package-deb'), type: 'artifacts:index:Package', id: 'build/local' },
      { urn: urn('tag'), type: 'artifacts:components:Tags' },
    ]);
    assert.deepEqual(problemLines([resource('b is missing')], gone), [
      'The next up repairs:',
      '  127.0.0.1:5050/falcosecurity/falco:0.1.0 is gone',
      '  package-deb is gone',
      '  b is missing',
    ]);
  });

  it("is read from the engine's events where no state is written", () => {
    const found = resource('packages/key.asc is missing');
    const event = (of: object | null) =>
      JSON.stringify({ resOutputsEvent: { metadata: { op: 'refresh', new: of } } });
    const old = {
      urn: 'urn:pulumi:local::falco::artifacts:index:Tag::tag-a',
      type: 'artifacts:index:Tag',
      id: 'r/a:1',
    };
    const gone = JSON.stringify({ resOutputsEvent: { metadata: { op: 'delete', old, new: null } } });
    const log = [event(found), event(null), gone, '{"preludeEvent":{}}', '{"cut', ''].join('\n');
    assert.deepEqual(foundResources(log), { found: [found], gone: [old] });
  });
});
