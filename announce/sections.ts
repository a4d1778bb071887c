/** What all announcements say: what is new, old names and new ones, who has to do what, how to verify. Pure. */
import { Catalog, PackageRow } from '../model';
import { fill, publicNames } from '../names';
import { Block } from './document';
import { fileOf, freshNames, news, Renamed, renamedNames, retiredNames, servedImages } from './names';
import { imageRoot, Released } from './release';

/** Name that a format's client installs, and the one with the other driver. */
export function installNames({ packages, product }: Catalog, format: PackageRow['format']) {
  const named = (driver: string) =>
    fill(packages.find((one) => one.format === format && one.driver === driver)?.package ?? '', {
      name: product.name,
    });
  return { module: named('module'), bpf: named('bpf') };
}

export function newSection(catalog: Catalog, released: Released): Block[] {
  const fresh = news(freshNames(catalog, released.version), released).map(
    ({ name, about }) => `\`${name}\`: ${about}`,
  );
  if (fresh.length === 0) return [];
  return [{ heading: 'New' }, { list: fresh }];
}

/** What the project says of it. */
export function changelogBlocks({ changelog }: Released): Block[] {
  return changelog === undefined ? [] : [{ heading: 'Changes' }, { markdown: changelog }];
}

/** What changed since the release before. */
export function namesSection(catalog: Catalog, released: Released): Block[] {
  const renamed = news(renamedNames(catalog, released.version), released);
  const ended = news(retiredNames(catalog), released);
  if (renamed.length + ended.length > 0) return namesBlocks(renamed, ended);
  const before = released.previous ?? 'the release before';
  return [
    { heading: 'Names' },
    { text: `What ${before} has is called as there, and old names that work there go on working.` },
  ];
}

/** What ever changed. */
export function allNamesSection(catalog: Catalog, { version }: Released): Block[] {
  return namesBlocks(renamedNames(catalog, version), retiredNames(catalog));
}

function namesBlocks(renamed: Renamed[], ended: ReturnType<typeof retiredNames>): Block[] {
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
  const nothing = [
    `who installs \`${deb.module}\` with apt or dnf: the package keeps its name, and \`${deb.module}=${version}\` can be pinned as ever`,
    'who downloads a file, pulls an image or sets a variable by a name that goes on working',
  ];
  return [
    { heading: 'When nothing is to be done' },
    { list: nothing },
    { heading: 'What to do' },
    ...packageBlocks(catalog, released),
    ...tarballBlocks(catalog, released),
    ...imageBlocks(catalog, released),
    {
      text: `Helm: an issue at https://github.com/${catalog.announcement.chart.repository} has the values with which the chart takes these images.`,
    },
  ];
}

/** Each block can be run as a whole: none both upgrades and changes the driver. */
function packageBlocks(catalog: Catalog, { version, newest }: Released): Block[] {
  const deb = installNames(catalog, 'deb');
  const rpm = installNames(catalog, 'rpm');
  const others = (bpf: string) => `With the BPF probe installed, the package is \`${bpf}\`.`;
  const swap = 'Only who wants the BPF probe in place of the kernel module:';
  if (newest !== undefined)
    return [
      {
        text: `apt: by its number, since a plain upgrade takes ${newest}, also later (\`apt-mark hold ${deb.module}\` keeps this one). ${others(deb.bpf)}`,
      },
      { commands: ['apt-get update', `apt-get install ${deb.module}=${version}`] },
      { text: swap },
      { commands: [`apt-get install ${deb.bpf}=${version}`] },
      { text: `dnf: by its number, too. ${others(rpm.bpf)}` },
      { commands: [`dnf install ${rpm.module}-${version}`] },
      { text: swap },
      { commands: [`dnf swap ${rpm.module} ${rpm.bpf}-${version}`] },
    ];
  return [
    { text: `apt: upgrade as ever. ${others(deb.bpf)}` },
    { commands: ['apt-get update', `apt-get install --only-upgrade ${deb.module}`] },
    { text: swap },
    { commands: [`apt-get install ${deb.bpf}`] },
    { text: `dnf: the same. ${others(rpm.bpf)}` },
    { commands: [`dnf upgrade ${rpm.module}`] },
    { text: swap },
    { commands: [`dnf swap ${rpm.module} ${rpm.bpf}`] },
  ];
}

function tarball({ packages }: Catalog): PackageRow {
  const row = packages.find(({ gate }) => gate === 'install');
  if (!row) throw new Error('catalog: no tarball installs the product');
  return row;
}

function tarballBlocks(catalog: Catalog, released: Released): Block[] {
  const { version, url } = released;
  const row = tarball(catalog);
  const file = fileOf(catalog, row, version);
  const isNews = news([{ since: row.since ?? catalog.announcement.since }], released).length > 0;
  return [
    { text: isNews ? 'Tarball: it has an `INSTALL` file and a `Makefile` now.' : 'Tarball:' },
    {
      commands: [
        `curl -fsSLO ${url}/${catalog.repositories.downloads.prefix.release}/${file}`,
        `tar -xzf ${file}`,
        `make -C ${file.replace(/\.tar\.gz$/, '')} install`,
      ],
    },
  ];
}

function imageBlocks(catalog: Catalog, released: Released): Block[] {
  const { images, product, announcement } = catalog;
  const { version } = released;
  const root = imageRoot(product, released);
  const variables = images.flatMap((image) =>
    (image.variables ?? []).map((one) => ({ since: announcement.since, ...one, image: image.name })),
  );
  const isRenamed = news(renamedNames(catalog, version), released).some(({ kind }) => kind === 'image');
  const set = news(variables, released).map(
    ({ was, now, image }) =>
      `In \`${product.imageNamespace}/${image}\` set \`${now}\` in place of \`${was}\`.`,
  );
  return [
    {
      text: [
        `Docker: ${isRenamed ? 'pull by the new names. E' : 'e'}ach image answers \`usage\`.`,
        ...set,
      ].join(' '),
    },
    {
      commands: images.map(({ name }) => `docker pull ${root}/${name}:${version}`),
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
