// The pinned tools: where each comes from, and what counts as a good version of one that is on PATH.

/**
 * @typedef {object} Binary
 * @property {string} name file name
 * @property {string} package Go package
 * @property {string} [module] folder under tools/ of its Go module; default: the tool's
 * @property {string[]} [version] arguments that print the version; without them PATH is not searched
 * @property {[string, string]} [accept] a version on PATH is good from the first (included) to the second (excluded)
 * @property {string} [folder] where in `.local` it is linked; default: `bin`, which commands have on PATH
 * @property {string} [besides] must lie beside the real file of this other binary, and is not linked on its own
 */

/**
 * @typedef {object} Tool a Go module under tools/, whose go.mod and go.sum pin everything in it
 * @property {string} module folder under tools/
 * @property {'engine' | 'services'} lane tools of one lane are built one after the other, the lanes side by side
 * @property {string[]} variables `package.name=value`, set by the linker
 * @property {Binary[]} binaries
 * @property {{url: string, sha256: string}} [download] tarball of the official release. Used instead of a build where
 *   it can be reached; only with its checksum, as everything else is pinned by one. To enable it: put the checksum that
 *   the release page states into `sha256`.
 */

/** In build order: docker-build shares most packages with pulumi, so it is quick after it and takes minutes alone.
 * A build uses all processors but when it links, or waits for one large package.
 * @type {Tool[]} */
export const tools = [
  {
    module: 'pulumi',
    lane: 'engine',
    variables: ['github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.250.0'],
    binaries: [
      {
        name: 'pulumi',
        package: 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi',
        version: ['version'],
        accept: ['3.230.0', '4.0.0'],
      },
      {
        // Beside pulumi's real file, as in the official release: found anywhere else, every run warns.
        name: 'pulumi-language-nodejs',
        package: 'github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs',
        module: 'language-nodejs',
        besides: 'pulumi',
      },
    ],
    download: {
      url: 'https://get.pulumi.com/releases/sdk/pulumi-v3.250.0-linux-x64.tar.gz',
      sha256: '',
    },
  },
  {
    module: 'docker-build',
    lane: 'engine',
    variables: ['github.com/pulumi/pulumi-docker-build/provider.Version=0.0.22'],
    binaries: [
      {
        // On PATH it would make every run warn; tools/plugins starts it from here.
        name: 'pulumi-resource-docker-build',
        folder: 'plugins',
        package: 'github.com/pulumi/pulumi-docker-build/provider/cmd/pulumi-resource-docker-build',
      },
    ],
    download: {
      url: 'https://get.pulumi.com/releases/plugins/pulumi-resource-docker-build-v0.0.22-linux-amd64.tar.gz',
      sha256: '',
    },
  },
  {
    module: 'buildkit',
    lane: 'services',
    variables: ['github.com/moby/buildkit/version.Version=v0.34.2'],
    binaries: [
      {
        name: 'buildkitd',
        package: 'github.com/moby/buildkit/cmd/buildkitd',
        version: ['--version'],
        accept: ['0.20.0', '1.0.0'],
      },
      {
        name: 'buildctl',
        package: 'github.com/moby/buildkit/cmd/buildctl',
        version: ['--version'],
        accept: ['0.20.0', '1.0.0'],
      },
    ],
    download: {
      url: 'https://github.com/moby/buildkit/releases/download/v0.34.2/buildkit-v0.34.2.linux-amd64.tar.gz',
      sha256: '',
    },
  },
  {
    module: 'registry',
    lane: 'services',
    variables: [
      'github.com/distribution/distribution/v3/version.version=v3.1.2',
      'github.com/google/go-containerregistry/cmd/crane/cmd.Version=0.22.1',
      'main.version=2.43.4',
    ],
    binaries: [
      {
        name: 'registry',
        package: 'falco-artifacts/tools/registry/cmd/registry',
        version: ['--version'],
        accept: ['3.0.0', '4.0.0'],
      },
      {
        name: 'crane',
        package: 'github.com/google/go-containerregistry/cmd/crane',
        version: ['version'],
        accept: ['0.20.0', '1.0.0'],
      },
      {
        // Packages must have the same bytes everywhere: only patch releases of the pinned one.
        name: 'nfpm',
        package: 'github.com/goreleaser/nfpm/v2/cmd/nfpm',
        version: ['--version'],
        accept: ['2.43.4', '2.44.0'],
      },
    ],
  },
  {
    module: 'regctl',
    lane: 'services',
    variables: ['github.com/regclient/regclient/internal/version.vcsTag=v0.11.1'],
    binaries: [
      {
        name: 'regctl',
        package: 'github.com/regclient/regclient/cmd/regctl',
        version: ['version'],
        accept: ['0.11.0', '1.0.0'],
      },
    ],
  },
  {
    module: 'syft',
    lane: 'services',
    variables: ['main.version=1.57.1'],
    // What it finds is published. Our own command of its library: syft's spends a second of every start on licenses.
    binaries: [{ name: 'syft-scans', package: 'falco-artifacts/tools/syft/cmd/syft-scans' }],
  },
  {
    module: 'syft-command',
    lane: 'services',
    variables: ['main.version=1.57.1'],
    binaries: [
      {
        name: 'syft',
        module: 'syft',
        package: 'github.com/anchore/syft/cmd/syft',
        version: ['version'],
        accept: ['1.57.1', '1.58.0'],
      },
    ],
  },
  {
    module: 'cosign',
    lane: 'services',
    variables: ['sigs.k8s.io/release-utils/version.gitVersion=v3.1.3'],
    binaries: [
      {
        // Another minor may change what its flags mean, and the form of what it attaches.
        name: 'cosign',
        package: 'github.com/sigstore/cosign/v3/cmd/cosign',
        version: ['version'],
        accept: ['3.1.3', '3.2.0'],
      },
    ],
  },
  {
    module: 'versitygw',
    lane: 'services',
    variables: ['main.Version=v1.8.0'],
    binaries: [
      {
        name: 'versitygw',
        package: 'github.com/versity/versitygw/cmd/versitygw',
        version: ['--version'],
        accept: ['1.0.0', '2.0.0'],
      },
    ],
  },
  {
    module: 'actionlint',
    lane: 'services',
    variables: ['github.com/rhysd/actionlint.version=v1.7.12'],
    binaries: [
      {
        // A newer one may find more: findings are the same everywhere with patch releases of the pinned one only.
        name: 'actionlint',
        package: 'github.com/rhysd/actionlint/cmd/actionlint',
        version: ['-version'],
        accept: ['1.7.12', '1.8.0'],
      },
    ],
  },
];

/** Debian packages by need. `command` is looked for on PATH where there is no dpkg. */
export const systemPackages = {
  core: [
    { package: 'ca-certificates' },
    { package: 'git', command: 'git' },
    { package: 'gnupg', command: 'gpg' },
    { package: 'mmdebstrap', command: 'mmdebstrap' },
    { package: 'rpm', command: 'rpmsign' },
    { package: 'runc', command: 'runc' },
    { package: 'xz-utils', command: 'xz' },
  ],
  keys: [
    { package: 'ca-certificates' },
    { package: 'gnupg', command: 'gpg' },
    { package: 'gpgv', command: 'gpgv' },
  ],
  bench: [
    { package: 'apt-utils', command: 'apt-ftparchive' },
    { package: 'aptly', command: 'aptly' },
    { package: 'createrepo-c', command: 'createrepo_c' },
  ],
  test: [
    { package: 'apt-mirror', command: 'apt-mirror' },
    { package: 'apt-utils', command: 'apt-ftparchive' },
    { package: 'aptly', command: 'aptly' },
    { package: 'binutils', command: 'readelf' },
    { package: 'cmake', command: 'cmake' },
    { package: 'createrepo-c', command: 'createrepo_c' },
    { package: 'curl', command: 'curl' },
    { package: 'dnf', command: 'dnf' },
    { package: 'dnf-plugins-core' },
    { package: 'diffoscope-minimal', command: 'diffoscope' },
    { package: 'disorderfs', command: 'disorderfs' },
    { package: 'dpkg-dev', command: 'dpkg-shlibdeps' },
    { package: 'docker.io', command: 'dockerd' },
    { package: 'faketime', command: 'faketime' },
    { package: 'g++', command: 'g++' },
    { package: 'gpgv', command: 'gpgv' },
    { package: 'jq', command: 'jq' },
    { package: 'kmod', command: 'modinfo' },
    { package: 'libyaml-cpp-dev' },
    { package: 'lintian', command: 'lintian' },
    // The sources that localedef makes a locale from.
    { package: 'locales', command: 'localedef' },
    { package: 'make', command: 'make' },
    { package: 'python3-venv' },
    { package: 'rpmlint', command: 'rpmlint' },
    { package: 'shellcheck', command: 'shellcheck' },
    { package: 'skopeo', command: 'skopeo' },
    { package: 'wget', command: 'wget' },
  ],
};

const engine = ['pulumi'];
const services = ['buildkit', 'registry'];
const all = [...engine, 'docker-build', ...services, 'regctl', 'cosign'];
/** Of what builds. */
const making = [...all, 'syft'];

/** What each command needs: tools by module, system packages by group.
 * @type {Record<string, {tools: string[], system: (keyof typeof systemPackages)[]}>} */
export const needs = {
  up: { tools: making, system: ['core'] },
  preview: { tools: all, system: ['core'] },
  refresh: { tools: all, system: ['core'] },
  destroy: { tools: all, system: ['core'] },
  output: { tools: engine, system: [] },
  services: { tools: services, system: ['core'] },
  resolve: { tools: [...engine, ...services], system: ['core'] },
  propose: { tools: engine, system: ['keys'] },
  adopt: { tools: [], system: ['core'] },
  announce: { tools: engine, system: [] },
  status: { tools: ['registry', 'cosign'], system: ['keys'] },
  verify: { tools: making, system: ['core'] },
  test: { tools: [...making, 'versitygw', 'actionlint'], system: ['core', 'test'] },
  bench: { tools: [...making, 'syft-command'], system: ['core', 'bench'] },
  'docker-build': { tools: ['docker-build'], system: [] },
  mocks: { tools: [], system: [] },
  compile: { tools: [], system: [] },
};
