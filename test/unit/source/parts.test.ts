import assert from 'node:assert/strict';
import { catalog } from '../../../catalog';
import { hashOf, hashParts, partOf, PARTS } from '../../../provider/source/parts';

const { sourceParts, treeParts } = catalog.layout;
const file = (path: string, sha256 = '0') => ({ path, type: 'file' as const, mode: 0o644, sha256 });

describe('parts of a source', () => {
  const expected: Record<string, string> = {
    'driver/bpf/probe.c': 'bpf',
    'driver/bpf/Makefile': 'bpf',
    'driver/main.c': 'module',
    'driver/Makefile.in': 'module',
    'driver/dkms.conf.in': 'module',
    'driver/driver_config.h.in': 'driver',
    'driver/ppm_events_public.h': 'driver',
    'driver/event_table.c': 'driver',
    'driver/CMakeLists.txt': 'recipe',
    'driver/bpf/CMakeLists.txt': 'recipe',
    'driver/modern_bpf/programs/open.bpf.c': 'binary',
    'rules/falco_rules.yaml': 'rules',
    'rules/CMakeLists.txt': 'recipe',
    'cmake/modules/driver.cmake': 'recipe',
    'CMakeLists.txt': 'recipe',
    'userspace/falco/falco.cpp': 'binary',
    'falco.yaml': 'binary',
    'test/falco_test.py': 'tests',
    'docs/readme.txt': 'docs',
    'README.md': 'docs',
    'something/new': 'binary',
  };
  for (const [path, part] of Object.entries(expected)) {
    it(`counts ${path} as ${part}`, () => assert.equal(partOf(path, sourceParts), part));
  }
});

describe('parts of an install tree', () => {
  const expected: Record<string, string> = {
    'usr/bin/falco': 'binary',
    'etc/falco/falco.yaml': 'binary',
    'etc/falco/falco_rules.yaml': 'rules',
    'etc/falco/k8s_audit_rules.yaml': 'rules',
    'etc/falco/rules.available/application_rules.yaml': 'rules',
    'usr/src/falco-abc/main.c': 'module',
    'usr/src/falco-abc/dkms.conf': 'module',
    'usr/src/falco-abc/ppm.h': 'driver',
    'usr/src/falco-abc/bpf/maps.h': 'bpf',
    'usr/share/falco/lua/rule_loader.lua': 'binary',
    'usr/share/falco/plugins/libk8saudit.so': 'binary',
  };
  for (const [path, part] of Object.entries(expected)) {
    it(`counts ${path} as ${part}`, () => assert.equal(partOf(path, treeParts), part));
  }
});

describe('part hashes', () => {
  const before = hashParts(
    [{ prefix: '', files: [file('driver/bpf/probe.c'), file('rules/a.yaml')] }],
    sourceParts,
  );

  it('change for the part that a changed file belongs to, and no other', () => {
    const after = hashParts(
      [{ prefix: '', files: [file('driver/bpf/probe.c', '1'), file('rules/a.yaml')] }],
      sourceParts,
    );
    assert.deepEqual(
      PARTS.filter((part) => before[part] !== after[part]),
      ['bpf'],
    );
  });

  it('change with a mode, and tell the same path of two sources apart', () => {
    const executable = { ...file('rules/a.yaml'), mode: 0o755 };
    const after = hashParts([{ prefix: '', files: [file('driver/bpf/probe.c'), executable] }], sourceParts);
    assert.deepEqual(
      PARTS.filter((part) => before[part] !== after[part]),
      ['rules'],
    );
    const extra = hashParts([{ prefix: 'libs/', files: [file('rules/a.yaml')] }], sourceParts);
    assert.notEqual(
      extra.rules,
      hashParts([{ prefix: '', files: [file('rules/a.yaml')] }], sourceParts).rules,
    );
  });

  it('do not depend on the order of keys', () => {
    assert.equal(hashOf({ a: 1, b: { c: 2, d: 3 } }), hashOf({ b: { d: 3, c: 2 }, a: 1 }));
  });
});
