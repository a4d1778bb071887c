/**
 * How the product's sources and its install tree are laid out, and which of their paths make up which part of the
 * artifacts: data of the catalog, as `falco-facts.md` and the sources of several versions have it.
 */
import { Layout } from './model';

export const layout: Layout = {
  sourceParts: [
    { part: 'tests', match: '^test/' },
    {
      part: 'docs',
      match: '^(docs|proposals|audits|brand|\\.github|\\.circleci)/|\\.md$|^(OWNERS|COPYING|LICENSE)$',
    },
    { part: 'bpf', match: '(^|/)driver/bpf/(?!CMakeLists\\.txt$)' },
    { part: 'module', match: '(^|/)driver/(Makefile|dkms\\.conf)(\\.in)?$' },
    // Userspace compiles the event tables and includes the headers, so these count for everything.
    { part: 'driver', match: '(^|/)driver/[^/]*(\\.h|\\.h\\.in|_tables?\\.c)$' },
    { part: 'recipe', match: '(^|/)CMakeLists\\.txt$|\\.(cmake|in)$|^cmake/' },
    // A probe that is compiled into the binary lives below driver/, but not in driver/ itself.
    { part: 'module', match: '(^|/)driver/[^/]+$' },
    { part: 'rules', match: '^rules/' },
  ],
  treeParts: [
    { part: 'rules', match: '^etc/falco/.*rules' },
    { part: 'bpf', match: '^usr/src/[^/]+/bpf/' },
    { part: 'driver', match: '^usr/src/[^/]+/[^/]+\\.h$' },
    { part: 'module', match: '^usr/src/' },
  ],
  sourceShape: [
    { what: 'a CMakeLists.txt at its top', match: '^CMakeLists\\.txt$' },
    { what: 'the userspace sources (userspace/falco/)', match: '^userspace/falco/' },
    { what: 'the default configuration (falco.yaml)', match: '(^|/)falco\\.yaml(\\.in)?$' },
  ],
  treeShape: [
    { what: 'the falco binary (usr/bin/falco)', match: '^usr/bin/falco$', parts: ['binary'] },
    {
      what: 'the driver loader (usr/bin/falco-driver-loader)',
      match: '^usr/bin/falco-driver-loader$',
      parts: ['binary'],
    },
    {
      what: 'the configuration (etc/falco/falco.yaml)',
      match: '^etc/falco/falco\\.yaml$',
      parts: ['binary'],
    },
    {
      what: 'the rules (etc/falco/falco_rules.yaml)',
      match: '^etc/falco/falco_rules\\.yaml$',
      parts: ['rules'],
    },
    {
      what: "the module's dkms.conf (usr/src/*/dkms.conf)",
      match: '^usr/src/[^/]+/dkms\\.conf$',
      parts: ['module'],
    },
    {
      what: "the module's Makefile (usr/src/*/Makefile)",
      match: '^usr/src/[^/]+/Makefile$',
      parts: ['module'],
    },
    {
      what: "the module's sources (usr/src/*/*.c)",
      match: '^usr/src/[^/]+/[^/]+\\.c$',
      parts: ['module'],
    },
    {
      what: "the probe's source (usr/src/*/bpf/probe.c)",
      match: '^usr/src/[^/]+/bpf/probe\\.c$',
      parts: ['bpf'],
    },
    {
      what: "the probe's Makefile (usr/src/*/bpf/Makefile)",
      match: '^usr/src/[^/]+/bpf/Makefile$',
      parts: ['bpf'],
    },
  ],
  treeRoots: '^(usr|etc|lib|var|opt)/',
  treeIgnore: '^usr/include/|^usr/lib/(.*/)?(pkgconfig|cmake)/|^usr/lib/.*\\.(a|la|pc)$',
  builderImage: 'falco-builder',
  binary: 'usr/bin/falco',
  versionVariable: 'FALCO_VERSION',
  cmakeArgs: [
    '-DCMAKE_BUILD_TYPE=RelWithDebInfo',
    '-DBUILD_DRIVER=OFF',
    '-DBUILD_BPF=OFF',
    '-DFALCO_ETC_DIR=/etc/falco',
  ],
  extraSourceVariables: { libs: ['FALCOSECURITY_LIBS_SOURCE_DIR', 'DRIVER_SOURCE_DIR'] },
};
