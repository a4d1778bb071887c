/**
 * The artifact set as data: the tables of `seed/falco-artifacts-scope-part-2.md`, and nothing else.
 * File names, usage texts, naming checks, docs and the tests' expectations are derived from here.
 */
import { announcement } from './announcement';
import { debian11, debian12, rhel8 } from './floors';
import { layout } from './layout';
import { Catalog, CheckRow, ImageRow, PackageRow, Part, TreeSelection } from './model';

const name = 'falco';

const configuration: TreeSelection = {
  match: '^etc/falco/(falco\\.yaml|falco_rules\\.local\\.yaml|rules\\.available/.+)$',
  config: true,
};
/** Everything but kernel code. */
const userspace: TreeSelection[] = [
  { match: '^usr/bin/' },
  { match: '^usr/share/(?!doc/)', optional: true },
  { match: '^usr/lib/', optional: true },
  configuration,
  { match: '^etc/falco/' },
  // Of programs that come along, such as falcoctl; the init scripts of old versions give way to the unit.
  { match: '^etc/(?!falco/|init\\.d/|rc)', config: true, optional: true },
];
/** Sources of the kernel module, with its dkms.conf; no probe. */
const moduleSource: TreeSelection = { match: '^usr/src/[^/]+/(?!bpf/)' };
/** The probe's sources and the headers that they include from the folder above (`../driver_config.h`). */
const bpfSource: TreeSelection = { match: '^usr/src/[^/]+/(bpf/|[^/]+\\.h$)' };
/** An rpm marks all of /etc as configuration (`falco-facts.md`, "Package metadata"). */
const rpmUserspace = userspace.map((s) => (s.match.startsWith('^etc/') ? { ...s, config: true } : s));

const runtime: Part[] = ['binary', 'rules'];
const withModule: Part[] = [...runtime, 'module', 'driver'];
const withBpf: Part[] = [...runtime, 'bpf', 'driver'];

const deb = { format: 'deb', from: 'tree', gate: 'deb' } as const;
const rpm = { format: 'rpm', from: 'tree', gate: 'rpm' } as const;
const tarball = { format: 'tar.gz', from: 'tree', gate: 'unpack' } as const;
const bpfConflict = { conflicts: ['{name}-bpf'], replaces: ['{name}-bpf'] };
const moduleConflict = { conflicts: ['{name}'], replaces: ['{name}'] };
const doc = (template: string) => ({ template, to: '/usr/share/doc/{package}/INSTALL' });
/** Where the unit has been in the packages that users have, deb and rpm. */
const unit = (driver: string) => ({
  template: `systemd/${driver}.service`,
  to: '/usr/lib/systemd/system/{name}.service',
});
const debian = [
  { template: 'deb/copyright', to: '/usr/share/doc/{package}/copyright' },
  { template: 'deb/changelog', to: '/usr/share/doc/{package}/changelog.gz' },
  { template: 'deb/lintian-overrides', to: '/usr/share/lintian/overrides/{package}' },
];

const packages: PackageRow[] = [
  {
    ...deb,
    key: 'deb-module',
    fileName: '{name}-{version}-module-{arch}.deb',
    aliases: ['{name}-{version}-{arch}.deb', '{name}-{version}-{legacy}.deb'],
    legacy: ['{name}-{version}-{legacy}.deb'],
    driver: 'module',
    package: '{name}',
    provides: ['{name}-module'],
    ...bpfConflict,
    depends: ['dkms (>= 2.1.0.0)'],
    scripts: {
      preinstall: 'deb/preinst',
      postinstall: 'deb/module.postinst',
      preremove: 'deb/module.prerm',
      postremove: 'deb/postrm',
    },
    parts: withModule,
    select: [...userspace, moduleSource],
    texts: [doc('install/deb-module'), unit('module'), ...debian],
  },
  {
    ...deb,
    key: 'deb-bpf',
    fileName: '{name}-{version}-bpf-{arch}.deb',
    aliases: [],
    driver: 'bpf',
    package: '{name}-bpf',
    provides: ['{name}'],
    ...moduleConflict,
    scripts: {
      preinstall: 'deb/preinst',
      postinstall: 'deb/bpf.postinst',
      preremove: 'deb/bpf.prerm',
      postremove: 'deb/postrm',
    },
    parts: withBpf,
    select: [...userspace, bpfSource],
    texts: [doc('install/deb-bpf'), unit('bpf'), ...debian],
  },
  {
    ...rpm,
    key: 'rpm-module',
    fileName: '{name}-{version}-module-{arch}.rpm',
    aliases: ['{name}-{version}-{arch}.rpm'],
    legacy: ['{name}-{version}-{arch}.rpm'],
    driver: 'module',
    package: '{name}',
    provides: ['{name}-module'],
    conflicts: ['{name}-bpf'],
    depends: ['dkms', 'kernel-devel', 'systemd'],
    scripts: {
      preinstall: 'rpm/pre',
      postinstall: 'rpm/post',
      preremove: 'rpm/module.preun',
      postremove: 'rpm/postun',
      posttransaction: 'rpm/module.posttrans',
    },
    parts: withModule,
    select: [...rpmUserspace, moduleSource],
    texts: [doc('install/rpm-module'), unit('module')],
  },
  {
    ...rpm,
    key: 'rpm-bpf',
    fileName: '{name}-{version}-bpf-{arch}.rpm',
    aliases: [],
    driver: 'bpf',
    package: '{name}-bpf',
    provides: ['{name}'],
    conflicts: ['{name}'],
    depends: ['systemd'],
    scripts: {
      preinstall: 'rpm/pre',
      postinstall: 'rpm/post',
      preremove: 'rpm/bpf.preun',
      postremove: 'rpm/postun',
      posttransaction: 'rpm/bpf.posttrans',
    },
    parts: withBpf,
    select: [...rpmUserspace, bpfSource],
    texts: [doc('install/rpm-bpf'), unit('bpf')],
  },
  {
    ...tarball,
    key: 'bin',
    gate: 'install',
    fileName: '{name}-bin-{version}-{arch}.tar.gz',
    aliases: ['{name}-bin-{arch}.tar.gz', '{name}-{version}-{legacy}.tar.gz'],
    legacy: ['{name}-{version}-{legacy}.tar.gz'],
    parts: [...withModule, 'bpf'],
    select: [configuration, { match: '.' }],
    texts: [
      { template: 'install/bin', to: 'INSTALL' },
      { template: 'make/bin', to: 'Makefile' },
    ],
    libraries: true,
  },
  {
    format: 'tar.gz',
    from: 'source',
    gate: 'unpack',
    key: 'src',
    fileName: '{name}-src-{version}-{arch}.tar.gz',
    aliases: ['{name}-src-{arch}.tar.gz'],
    parts: ['binary', 'rules', 'module', 'bpf', 'driver', 'recipe', 'tests', 'docs'],
    select: [{ match: '.' }],
    texts: [{ template: 'install/src', to: 'INSTALL' }],
  },
  {
    ...tarball,
    key: 'module-src',
    fileName: '{name}-module-src-{version}-{arch}.tar.gz',
    aliases: ['{name}-module-src-{arch}.tar.gz'],
    driver: 'module',
    parts: ['module', 'driver'],
    select: [
      // kbuild takes Kbuild before Makefile, so ours can be the Makefile.
      { match: '^usr/src/[^/]+/Makefile$', strip: '^usr/src/[^/]+/Makefile$', to: 'Kbuild' },
      { ...moduleSource, strip: '^usr/src/[^/]+/' },
    ],
    texts: [
      { template: 'install/module-src', to: 'INSTALL' },
      { template: 'make/module-src', to: 'Makefile' },
    ],
  },
  {
    ...tarball,
    key: 'bpf-src',
    fileName: '{name}-bpf-src-{version}-{arch}.tar.gz',
    aliases: ['{name}-bpf-src-{arch}.tar.gz'],
    driver: 'bpf',
    parts: ['bpf', 'driver'],
    select: [{ ...bpfSource, strip: '^usr/src/[^/]+/' }],
    texts: [
      { template: 'install/bpf-src', to: 'INSTALL' },
      { template: 'make/bpf-src', to: 'Makefile' },
    ],
  },
  {
    key: 'debug',
    format: 'debug',
    from: 'debug',
    gate: 'debug',
    fileName: '{name}-{version}-{arch}.debug',
    aliases: ['{name}.debug'],
    parts: ['binary'],
    select: [],
    texts: [],
  },
];

/** What needs no driver. */
const answers: CheckRow[] = [
  { run: [`/usr/bin/${name}`, '--version'], says: '{version}' },
  { run: [`/usr/bin/${name}`, '-V', `/etc/${name}/${name}_rules.yaml`] },
];
/** It starts, or says that it has no driver, as on a machine that makes releases; the words are of several versions. */
const starts: CheckRow = {
  run: [`/usr/bin/${name}`],
  lasts: 3,
  orSays:
    'Unable to load the driver|/dev/[a-z]+[0-9]|BPF probe|module is loaded|rror: .*(driver|kernel module|probe)',
};
const usage: CheckRow = { run: ['usage'], says: '{usage}' };
const noLoader = { environment: ['SKIP_DRIVER_LOADER=true'] };

const hostMounts =
  '-v /dev:/host/dev -v /proc:/host/proc:ro -v /boot:/host/boot:ro ' +
  '-v /lib/modules:/host/lib/modules:ro -v /usr:/host/usr:ro';

const images: ImageRow[] = [
  {
    name: 'falco',
    title: 'Falco',
    dockerfile: 'falco',
    from: { base: 'debian' },
    system: 'dependencies',
    context: [
      { package: 'deb-module', to: 'package.deb' },
      { tree: '^usr/src/[^/]+/bpf/', parts: ['bpf', 'driver'], to: 'probe' },
    ],
    aliases: [],
    legacy: ['falco'],
    variables: [{ was: 'SKIP_MODULE_LOAD', now: 'SKIP_DRIVER_LOADER' }],
    usage: {
      about: 'Runs the driver loader, then falco. Set SKIP_DRIVER_LOADER to anything to skip the loader.',
      run: [
        `docker run --rm -i -t --privileged -v /var/run/docker.sock:/host/var/run/docker.sock ${hostMounts} {image}`,
        `docker run --rm -i -t --privileged -e SKIP_DRIVER_LOADER=true -v /var/run/docker.sock:/host/var/run/docker.sock ${hostMounts} {image}`,
      ],
    },
    gate: [usage, ...[...answers, { ...starts, run: [] }].map((one) => ({ ...one, ...noLoader }))],
  },
  {
    name: 'falco-driver-loader',
    title: 'Falco driver loader',
    dockerfile: 'falco-driver-loader',
    from: { image: 'falco' },
    context: [],
    aliases: [],
    legacy: ['falco-driver-loader'],
    usage: {
      about:
        'Runs the driver loader with the arguments given (none: the kernel module; bpf: the probe) and exits with its status.',
      run: [
        `docker run --rm -i -t --privileged ${hostMounts} {image}`,
        `docker run --rm -i -t --privileged ${hostMounts} {image} bpf`,
      ],
    },
    gate: [usage],
  },
  {
    name: 'falco-no-driver',
    title: 'Falco without driver',
    dockerfile: 'falco-no-driver',
    from: { base: 'debian' },
    system: 'packages',
    context: [
      {
        package: 'bin',
        to: 'root',
        unpack: { match: '^(usr/bin/falco$|usr/lib/|usr/share/(?!doc/)|etc/)', parts: runtime },
      },
    ],
    aliases: [{ repository: 'falco', suffix: '-slim' }],
    legacy: ['falco:{tag}-slim'],
    usage: {
      about: 'Runs falco only (userspace); the driver must be loaded already.',
      run: [
        'docker run --rm -i -t --privileged -v /var/run/docker.sock:/host/var/run/docker.sock -v /dev:/host/dev -v /proc:/host/proc:ro {image}',
      ],
    },
    gate: [usage, ...answers, { ...starts, run: [] }],
  },
  {
    name: 'falco-tester',
    title: 'Falco tester',
    dockerfile: 'falco-tester',
    from: { base: 'debian' },
    system: 'packages',
    context: [{ source: '.', parts: ['tests'], to: 'suite' }],
    aliases: [],
    legacy: ['falco-tester'],
    usage: {
      about: 'Runs the integration suite against the packages (deb, rpm, tar.gz) found in /packages.',
      run: ['docker run --rm --privileged -v "$PWD":/packages:ro {image} test'],
    },
    gate: [usage, { run: [], says: '{usage}' }],
  },
  {
    name: 'falco-builder',
    title: 'Falco builder',
    dockerfile: 'falco-builder',
    from: { compiles: true },
    system: 'packages',
    context: [],
    aliases: [],
    legacy: ['falco-builder'],
    usage: {
      about: 'The tool chain that compiles Falco: /source holds the sources, /build the result.',
      run: [
        'docker run --rm -v "$PWD":/source:ro -v "$PWD/build":/build {image} cmake',
        'docker run --rm -v "$PWD":/source:ro -v "$PWD/build":/build {image} all',
      ],
    },
    gate: [usage, { run: [], says: '{usage}' }, { run: ['bash', '-c', 'cmake --version && c++ --version'] }],
  },
];

export const catalog: Catalog = {
  product: {
    name,
    title: 'Falco',
    vendor: 'Cloud Native Computing Foundation (CNCF) cncf.io.',
    maintainer: 'cncf-falco-dev@lists.cncf.io',
    homepage: 'https://www.falco.org',
    source: 'https://github.com/falcosecurity/falco',
    builder: 'https://github.com/falcosecurity/falco-artifacts',
    license: 'Apache-2.0',
    section: 'utils',
    summary: 'Falco - Container Native Runtime Security',
    description:
      'Watches system calls with a kernel module or a BPF probe and reports what breaks its rules.',
    imageNamespace: 'falcosecurity',
    origin: 'Falco',
    drivers: { module: 'module', bpf: 'bpf' },
  },

  architectures: [
    {
      enabled: true,
      deb: 'amd64',
      rpm: 'x86_64',
      tarball: 'x86',
      legacy: 'x86_64',
      oci: 'linux/amd64',
      elfMachine: 62,
    },
    {
      enabled: false,
      deb: 'arm64',
      rpm: 'aarch64',
      tarball: 'arm64',
      legacy: 'aarch64',
      oci: 'linux/arm64',
      elfMachine: 183,
    },
  ],

  layout,
  packages,
  images,
  announcement,

  libraries: {
    // Upstream's way: one binary for every supported distribution, from an old one and with its libraries inside.
    bundled: {
      base: 'old',
      cmakeArgs: ['-DUSE_BUNDLED_DEPS=ON'],
      floors: { deb: debian11, rpm: rhel8, 'tar.gz': rhel8 },
    },
    // Without further downloads: for the distribution that it is compiled on, and newer ones of its kind.
    distribution: {
      base: 'debian',
      cmakeArgs: ['-DUSE_BUNDLED_DEPS=OFF'],
      floors: { deb: debian12, rpm: debian12, 'tar.gz': debian12 },
    },
  },

  gates: {
    base: 'debian',
    installed: [...answers, starts],
    rpmStandIns: ['dkms', 'kernel-devel', 'systemd'],
  },

  bases: {
    debian: {
      reference:
        'docker.io/library/debian:bookworm-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251',
      rootfs: { distribution: 'debian', suite: 'bookworm', variant: 'minbase' },
    },
    old: {
      reference:
        'docker.io/library/debian:bullseye-slim@sha256:4c25ffa6ef572cf0d57da8c634769a08ae94529f7de5be5587ec8ce7b9b50f9c',
      rootfs: { distribution: 'debian', suite: 'bullseye', variant: 'minbase' },
    },
  },

  repositories: {
    apt: { prefix: { release: 'packages/deb', dev: 'packages/deb-dev' }, suite: 'stable', component: 'main' },
    yum: { prefix: { release: 'packages/rpm', dev: 'packages/rpm-dev' } },
    downloads: { prefix: { release: 'packages/bin/x86_64', dev: 'packages/bin-dev/x86_64' } },
  },
};
