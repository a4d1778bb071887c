/** `npm run graph`: writes docs/release.svg from the catalog. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { catalog } from '../catalog';
import { releaseSvg } from './releaseSvg';

const file = path.join(__dirname, 'release.svg');
void releaseSvg(catalog).then((svg) => {
  fs.writeFileSync(file, svg);
  process.stdout.write(`${path.relative('.', file)}\n`);
});
