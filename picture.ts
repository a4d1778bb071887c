/**
 * The release as a picture, computed from the catalog: source, packages, repositories, images, tags, and which goes
 * into which. `npm run graph` draws it, and a release diff colours it. Pure: no I/O, no Pulumi.
 */
import { repositoryOf } from './components/settings';
import { Architecture, Catalog, ContextEntry, ImageRow } from './model';
import { fileNames } from './names';

export type NodeKind = 'source' | 'tree' | 'package' | 'repository' | 'image' | 'tag';

export interface PictureNode {
  /** Name of the resource that it stands for, as `release.ts` gives it. */
  resource: string;
  kind: NodeKind;
  /** Lines of its text. */
  label: string[];
}

export interface Picture {
  /** Left to right, in the catalog's order. */
  nodes: PictureNode[];
  /** Resources, from what goes into what. */
  edges: [from: string, to: string][];
}

const SOURCE = 'source';
const TREE = 'package-tree';

/**
 * Everything that a release may have, of both channels; {@link only} takes out what a stack has not.
 *
 * @param version a version, or what stands for one
 */
export function releasePicture(catalog: Catalog, architecture: Architecture, version: string): Picture {
  const { product, layout, packages, images, repositories } = catalog;
  const nodes: PictureNode[] = [
    { resource: SOURCE, kind: 'source', label: ['source'] },
    { resource: TREE, kind: 'tree', label: ['install tree'] },
  ];
  const edges: Picture['edges'] = [
    [SOURCE, TREE],
    [`image-${layout.builderImage}`, TREE],
  ];
  for (const row of packages) {
    const resource = `package-${row.key}`;
    const { fileName } = fileNames(product, row, version, architecture);
    nodes.push({ resource, kind: 'package', label: [fileName] });
    edges.push([row.from === 'source' ? SOURCE : TREE, resource]);
    edges.push([resource, `repository-${repositoryOf(row)}`]);
  }
  for (const [kind, { prefix }] of Object.entries(repositories))
    nodes.push({ resource: `repository-${kind}`, kind: 'repository', label: [kind, prefix.release] });
  for (const image of images) {
    const resource = `image-${image.name}`;
    nodes.push({ resource, kind: 'image', label: [image.name] });
    if ('image' in image.from) edges.push([`image-${image.from.image}`, resource]);
    for (const entry of image.context) edges.push([originOf(entry), resource]);
  }
  for (const image of images) {
    for (const { label, tag, resource } of tagsOf(image, version)) {
      nodes.push({ resource, kind: 'tag', label: [`${label}:${tag}`] });
      edges.push([`image-${image.name}`, resource]);
    }
  }
  return { nodes, edges };
}

function originOf(entry: ContextEntry): string {
  if ('package' in entry) return `package-${entry.package}`;
  return 'tree' in entry ? TREE : SOURCE;
}

function tagsOf({ name, aliases }: ImageRow, version: string) {
  const names = [{ repository: name, suffix: '' }, ...aliases];
  const tags = [
    { tag: version, word: 'version' },
    { tag: 'latest', word: 'latest' },
    { tag: 'master', word: 'master' },
  ];
  return names.flatMap(({ repository, suffix }) =>
    tags.map(({ tag, word }) => ({
      label: repository,
      tag: `${tag}${suffix}`,
      resource: `tag-${repository}${suffix}-${word}`,
    })),
  );
}

/** The picture without the nodes that do not pass, and without their edges. */
export function only({ nodes, edges }: Picture, isShown: (node: PictureNode) => boolean): Picture {
  const shown = nodes.filter(isShown);
  const names = new Set(shown.map(({ resource }) => resource));
  return { nodes: shown, edges: edges.filter(([from, to]) => names.has(from) && names.has(to)) };
}
