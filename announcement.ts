/**
 * What a release tells users of before, as data of the catalog: what each package is, which names end, and where the
 * website and the Helm chart are. Old names that go on working stand in the rows of `catalog.ts` (`legacy`).
 */
import { Announcement } from './model';

const loader = 'driver.loader.initContainer.image';

export const announcement: Announcement = {
  // A row that is added or renamed later has its own.
  since: '0.24.0',
  packages: {
    'deb-module': 'Falco and its kernel module, for Debian and its like',
    'deb-bpf': 'Falco and its BPF probe, for Debian and its like',
    'rpm-module': 'Falco and its kernel module, for Red Hat and its like',
    'rpm-bpf': 'Falco and its BPF probe, for Red Hat and its like',
    bin: 'Falco, the driver loader and the sources of the drivers, with INSTALL and a Makefile',
    src: 'all sources, with INSTALL',
    'module-src': 'the sources of the kernel module, with INSTALL and a Makefile',
    'bpf-src': 'the sources of the BPF probe, with INSTALL and a Makefile',
    debug: 'debug symbols of the binary',
  },
  // docker/README.md of falcosecurity/falco 0.22.0 lists them, that of 0.23.0 no longer does.
  retired: [
    { name: '{namespace}/{name}:*-minimal', instead: '{namespace}/{name}-no-driver' },
    { name: '{namespace}/{name}-event-generator', instead: '{namespace}/event-generator' },
  ],
  website: {
    repository: 'falcosecurity/falco-website',
    folder: 'content/en/docs/setup/artifacts',
    url: 'https://falco.org/docs/setup/artifacts/',
  },
  chart: {
    repository: 'falcosecurity/charts',
    // falcosecurity/charts of today, falcosecurity/falco (whence it is synchronized), falcosecurity/charts until 2022.
    folders: ['charts/falco', 'chart/falco', 'falco'],
    images: [
      // A chart whose init container loads the driver needs no second loader; one of 2020 has none.
      { at: 'image', when: loader, image: 'falco-no-driver' },
      { at: 'image', image: 'falco' },
      { at: loader, image: 'falco-driver-loader' },
    ],
    managed: '.github/managed-charts.yaml',
  },
};
