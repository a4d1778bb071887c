/** What all announcements say: what is new, old names and new ones, who has to do what, how to verify. Pure. */
import { Catalog, PackageRow } from '../model';
import { fill, publicNames } from '../names';
import { Block } from './document';
import { fileOf, freshNames, renamedNames, retiredNames, servedImages } from './names';
import { Released } from './release';

/** Name that a format's client installs, and the one with the other driver. */
export function installNames({ packages, product }: Catalog, format: PackageRow['format']) {
  const named = (driver: string) =>
    fill(packages.find((one) => one.format === format && one.driver === driver)?.package ?? '', {
      name: product.name,
    });
  return { module: named('module'), bpf: named('bpf') };
}

export function newSection(catalog: Catalog, { version }: Released): Block[] {
  const fresh = freshNames(catalog, version).map(({ name, about }) => `\`${name}\`: ${about}`);
  if (fresh.length === 0) return [];
  return [{ heading: 'New' }, { list: fresh }];
}

export function namesSection(catalog: Catalog, { version }: Released): Block[] {
  const renamed = renamedNames(catalog, version);
  const ended = retiredNames(catalog);
  const what = (kind: string, works: boolean) =>
    !works ? 'is gone' : kind === 'variable' ? 'is still read' : 'goes on working, same bytes';
  return [
    { heading: 'Old names and new ones' },
    ...(renamed.length > 0
      ? [
          {
            text: renamed.every(({ works }) => works)
              ? 'The old names below go on working.'
              : 'Some go on working.',
          },
          { names: renamed.map(({ was, now, kind, works }) => [was, now, what(kind, works)]) } as Block,
        ]
      : []),
    ...(ended.length > 0
      ? [
          { text: 'These are no longer made:' },
          { list: ended.map(({ was, instead }) => `\`${was}\`: take \`${instead}\``) },
        ]
      : []),
    { text: 'What is not listed is called as before.' },
  ];
}

/** One paragraph and commands for the users of each client. */
export function usersSection(catalog: Catalog, released: Released): Block[] {
  const { version } = released;
  const deb = installNames(catalog, 'deb');
  const rpm = installNames(catalog, 'rpm');
  const nothing = [
    `who installs \`${deb.module}\` with apt or dnf: the package keeps its name, and \`${deb.module}=${version}\` can be pinned as ever`,
    'who downloads a file, pulls an image or sets a variable by a name that goes on working',
  ];
  return [
    { heading: 'When nothing is to be done' },
    { list: nothing },
    { heading: 'What to do' },
    { text: `apt: upgrade as ever. The last command takes the BPF probe in place of the kernel module.` },
    {
      commands: [
        'apt-get update',
        `apt-get install --only-upgrade ${deb.module}`,
        `apt-get install ${deb.bpf}`,
      ],
    },
    { text: 'dnf: the same.' },
    { commands: [`dnf upgrade ${rpm.module}`, `dnf swap ${rpm.module} ${rpm.bpf}`] },
    ...tarballBlocks(catalog, released),
    ...imageBlocks(catalog, released),
    {
      text: `Helm: an issue at https://github.com/${catalog.announcement.chart.repository} has the values with which the chart takes these images.`,
    },
  ];
}

function tarball({ packages }: Catalog): PackageRow {
  const row = packages.find(({ gate }) => gate === 'install');
  if (!row) throw new Error('catalog: no tarball installs the product');
  return row;
}

function tarballBlocks(catalog: Catalog, { version, url }: Released): Block[] {
  const file = fileOf(catalog, tarball(catalog), version);
  return [
    { text: 'Tarball: it has an `INSTALL` file and a `Makefile` now.' },
    {
      commands: [
        `curl -fsSLO ${url}/${catalog.repositories.downloads.prefix.release}/${file}`,
        `tar -xzf ${file}`,
        `make -C ${file.replace(/\.tar\.gz$/, '')} install`,
      ],
    },
  ];
}

function imageBlocks(catalog: Catalog, { version }: Released): Block[] {
  const { images, product } = catalog;
  const variables = images.flatMap((image) =>
    (image.variables ?? []).map((one) => ({ ...one, image: image.name })),
  );
  const set = variables.map(
    ({ was, now, image }) =>
      `In \`${product.imageNamespace}/${image}\` set \`${now}\` in place of \`${was}\`.`,
  );
  return [
    { text: ['Docker: pull by the new names. Each image answers `usage`.', ...set].join(' ') },
    {
      commands: images.map(({ name }) => `docker pull ${product.imageNamespace}/${name}:${version}`),
    },
  ];
}

export function verifySection(catalog: Catalog, { url, version, digests }: Released): Block[] {
  const { product, repositories } = catalog;
  const key = `${url}/${publicNames(product).publicKey}`;
  const file = fileOf(catalog, tarball(catalog), version);
  const rpm = catalog.packages.find(({ format }) => format === 'rpm');
  const downloads = `${url}/${repositories.downloads.prefix.release}`;
  const served = servedImages(catalog, version).filter((name) => digests[name] !== undefined);
  return [
    { heading: 'How to verify' },
    {
      text: 'apt and dnf do it by themselves: the repository is signed, and its key comes with its description. Beside each file lies its signature, and `SHA256SUMS.asc` lists all of a folder.',
    },
    {
      commands: [
        `curl -fsSL ${key} | gpg --import`,
        `curl -fsSLO ${downloads}/${file}`,
        `curl -fsSLO ${downloads}/${file}.asc`,
        `gpg --verify ${file}.asc ${file}`,
      ],
    },
    ...(rpm
      ? [
          { text: 'An rpm that was downloaded by hand:' },
          { commands: [`rpm --import ${key}`, `rpm -K ${fileOf(catalog, rpm, version)}`] },
        ]
      : []),
    ...(served.length > 0
      ? [{ text: 'Images by digest:' }, { list: served.map((name) => `\`${name}\` is \`${digests[name]}\``) }]
      : []),
  ];
}
