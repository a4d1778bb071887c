/** The release set as an SVG, with no version and of no stack. */
import { instance } from '@viz-js/viz';
import { Catalog } from '../model';
import { only, releasePicture } from '../picture';
import { pictureDot } from './dot';

/** The same bytes wherever it runs: Graphviz takes the widths of letters from a table of its own, not from fonts. */
export async function releaseSvg(catalog: Catalog): Promise<string> {
  const architecture = catalog.architectures.find(({ enabled }) => enabled);
  if (!architecture) throw new Error('The catalog has no enabled architecture.');
  const all = releasePicture(catalog, architecture, 'x.y.z');
  const release = only(all, ({ kind, resource }) => kind !== 'tag' || !resource.endsWith('-master'));
  const graphviz = await instance();
  return graphviz.renderString(pictureDot(release), { format: 'svg', engine: 'dot' });
}
