import assert from 'node:assert/strict';
import { code, prose } from '../../../../cli/releaseDiff/escape';

describe('text of others in Markdown', () => {
  it('is code as it is where nothing in it can end code, a cell or a line', () => {
    for (const text of [
      'falco-0.2.0-module-amd64.deb',
      '../falco',
      'https://git.example.org/falco#0.24.0',
      '<b>&amp;',
    ])
      assert.equal(code(text), `\`${text}\``);
  });

  it('is code in entities where it has a pipe, a backtick, a backslash or a line end', () => {
    assert.equal(code('a|b'), '<code>a&#124;b</code>');
    assert.equal(code('a`b'), '<code>a&#96;b</code>');
    assert.equal(code('a\\|b'), '<code>a&#92;&#124;b</code>');
    assert.equal(code('a\n\n## b'), '`a ## b`');
    assert.equal(
      code('``` </code><img src=x onerror=y>|@team'),
      '<code>&#96;&#96;&#96; &#60;&#47;code&#62;&#60;img src&#61;x onerror&#61;y&#62;&#124;&#64;team</code>',
    );
    assert.equal(code('ü|'), '<code>&#252;&#124;</code>');
    assert.equal(code(''), '<code></code>');
  });

  it('is a sentence in which no HTML, emphasis, link, mention or cell begins', () => {
    assert.equal(
      prose('The key expires: extend it (gpg --quick-set-expire).'),
      'The key expires: extend it (gpg --quick-set-expire).',
    );
    assert.equal(
      prose('<b> *a* _b_ [c](d) @e #1 `f` |'),
      '&#60;b&#62; &#42;a&#42; &#95;b&#95; &#91;c&#93;(d) &#64;e &#35;1 &#96;f&#96; &#124;',
    );
    assert.equal(prose('see https://x.org, www.x.org'), 'see https&#58;//x.org, www&#46;x.org');
    assert.equal(prose('a-x86_64.rpm __init__'), 'a-x86_64.rpm &#95;&#95;init&#95;&#95;');
    assert.equal(prose('a\r\n- b'), 'a - b');
  });

  it('shows characters that nobody sees, or that turn the line round, as what they are not', () => {
    assert.equal(code('a\u202eb\u0007'), '<code>a&#65533;b&#65533;</code>');
  });

  it('is cut in the middle where it is long', () => {
    const text = code('x'.repeat(1000));
    assert.equal(text, `<code>${'x'.repeat(149)} &#8230; ${'x'.repeat(149)}</code>`);
  });
});
