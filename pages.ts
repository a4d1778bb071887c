/**
 * The install pages, from the catalog: what a user types, as shell blocks that a test runs as they stand
 * (`test/acceptance/installPages.test.ts`). Pure. `docs/install/` has them for the public addresses.
 */
import { Catalog, ImageRow, PackageRow } from './model';
import { fill, publicNames } from './names';

export interface Addresses {
  /** URL of the bucket's root. */
  url: string;
  /** Tag of the images. */
  tag: string;
  /** Registry and namespace that they are pulled from. Default: the namespace, which is Docker Hub's. */
  images?: string;
}

/** Where released packages are. */
export const PUBLIC: Addresses = { url: 'https://download.falco.org', tag: 'latest' };

const shell = (...lines: string[]) => ['```sh', ...lines, '```'].join('\n');

function page(title: string, ...parts: string[]): string {
  const generated = '<!-- Generated from catalog.ts by `npm run docs`. -->';
  return `${[generated, `# ${title}`, ...parts].join('\n\n')}\n`;
}

/** Package names of a format: the one with the module, which is also what the product is called, and the probe's. */
function packageNames({ packages, product }: Catalog, format: PackageRow['format']) {
  const named = (driver: string) => {
    const row = packages.find((one) => one.format === format && one.driver === driver);
    return fill(row?.package ?? '', { name: product.name });
  };
  return { module: named('module'), bpf: named('bpf') };
}

function aptPage(catalog: Catalog, { url }: Addresses): string {
  const { product, repositories } = catalog;
  const { module, bpf } = packageNames(catalog, 'deb');
  const { apt } = repositories;
  const names = publicNames(product);
  const repository = `${url}/${apt.prefix.release}`;
  const list = `/etc/apt/sources.list.d/${product.name}.list`;
  const keyring = `/usr/share/keyrings/${names.keyring.split('/').pop()}`;
  const install = (name: string) => `apt-get install -y --no-install-recommends ${name}`;
  return page(
    `${product.title} with apt`,
    'As root. The repository, with its key in the file (apt 2.3.10 and later: Debian 12, Ubuntu 22.04):',
    shell(
      'apt-get update',
      install('ca-certificates curl'),
      `curl -fsSL ${repository}/${names.aptSources} -o /etc/apt/sources.list.d/${names.aptSources}`,
      'apt-get update',
    ),
    'With an older apt, this instead:',
    shell(
      `rm -f /etc/apt/sources.list.d/${names.aptSources}`,
      `curl -fsSL ${url}/${names.keyring} -o ${keyring}`,
      `echo "deb [signed-by=${keyring}] ${repository} ${apt.suite} ${apt.component}" >${list}`,
      'apt-get update',
    ),
    `${product.title} with its kernel module, which dkms compiles; it takes the kernel's headers (\`linux-headers-$(uname -r)\`):`,
    shell(install(module), `${product.name} --version`),
    'With the BPF probe instead. The configuration stays, and the service goes on:',
    shell(install(bpf)),
    'And back:',
    shell(install(module)),
    'A newer version:',
    shell('apt-get update', `apt-get install -y --only-upgrade ${module}`),
    'Without a trace:',
    shell(
      `apt-get purge -y ${module} ${bpf}`,
      `rm -f /etc/apt/sources.list.d/${names.aptSources} ${list} ${keyring}`,
      'apt-get update',
    ),
  );
}

function dnfPage(catalog: Catalog, { url }: Addresses): string {
  const { product, repositories } = catalog;
  const { module, bpf } = packageNames(catalog, 'rpm');
  const { yumRepo } = publicNames(product);
  return page(
    `${product.title} with dnf`,
    'As root. The repository; dnf asks for the key once:',
    shell(`curl -fsSL ${url}/${repositories.yum.prefix.release}/${yumRepo} -o /etc/yum.repos.d/${yumRepo}`),
    `${product.title} with its kernel module, which dkms compiles; it takes the kernel's headers (\`kernel-devel-$(uname -r)\`), and dkms from EPEL:`,
    shell(`dnf install -y ${module}`, `${product.name} --version`),
    'With the BPF probe instead. The configuration stays, and the service goes on:',
    shell(`dnf swap -y ${module} ${bpf}`),
    'And back:',
    shell(`dnf swap -y ${bpf} ${module}`),
    'A newer version:',
    shell(`dnf upgrade -y ${module}`),
    'Away. Edited configuration stays as `.rpmsave`:',
    shell(`dnf remove -y ${module}`),
  );
}

function tarballPage(catalog: Catalog, { url }: Addresses): string {
  const { product, repositories, packages, architectures } = catalog;
  const row = packages.find(({ gate }) => gate === 'install');
  const arch = architectures.find(({ enabled }) => enabled)?.tarball ?? '';
  const alias = row?.aliases.find((name) => !name.includes('{version}')) ?? '';
  const file = fill(alias, { name: product.name, arch });
  const folder = fill(row?.fileName ?? '', { name: product.name, arch, version: '*' });
  const downloads = `${url}/${repositories.downloads.prefix.release}`;
  return page(
    `${product.title} from a tarball`,
    'As root, with make. Download the newest release, and look whether it is ours and whole:',
    shell(
      `curl -fsSLO ${downloads}/${file}`,
      `curl -fsSLO ${downloads}/${file}.asc`,
      `curl -fsSLO ${downloads}/SHA256SUMS.asc`,
      `curl -fsSL ${url}/${publicNames(product).publicKey} | gpg --import`,
      `gpg --verify ${file}.asc ${file}`,
      'gpg --yes --output SHA256SUMS --decrypt SHA256SUMS.asc && sha256sum --check --ignore-missing SHA256SUMS',
    ),
    'What is in it and how it was made lies beside it: [who made a package](../verify-packages.md).',
    'Install; INSTALL in the folder says more:',
    shell(
      `tar -xzf ${file}`,
      `cd ${folder.replace(/\.tar\.gz$/, '')}/`,
      'make install',
      `${product.name} --version`,
    ),
    'Without a trace:',
    shell('make uninstall'),
  );
}

function imagePage({ product }: Catalog, image: ImageRow, { tag, images }: Addresses): string {
  const reference = `${images ?? product.imageNamespace}/${image.name}:${tag}`;
  return page(
    `The image ${product.imageNamespace}/${image.name}`,
    image.usage.about,
    ...image.usage.run.map((line) => shell(fill(line, { image: reference }))),
    'What it says of itself:',
    shell(`docker run --rm ${reference} usage`),
    'Whether it is ours: [cosign verify](../verify-images.md).',
  );
}

/** File name to Markdown. */
export function installPages(catalog: Catalog, addresses: Addresses): Record<string, string> {
  return {
    'apt.md': aptPage(catalog, addresses),
    'dnf.md': dnfPage(catalog, addresses),
    'tarball.md': tarballPage(catalog, addresses),
    ...Object.fromEntries(
      catalog.images.map((image) => [`image-${image.name}.md`, imagePage(catalog, image, addresses)]),
    ),
  };
}

/** The shell blocks of a page, in their order. */
export function shellBlocks(markdown: string): string[] {
  return [...markdown.matchAll(/^```sh\n([^]*?)\n```$/gm)].map(([, block]) => block);
}
