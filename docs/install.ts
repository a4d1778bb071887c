/** `npm run docs`: writes docs/install/ from the catalog. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { catalog } from '../catalog';
import { installPages, PUBLIC } from '../pages';

for (const [name, text] of Object.entries(installPages(catalog, PUBLIC))) {
  const file = path.join(__dirname, 'install', name);
  fs.writeFileSync(file, text);
  process.stdout.write(`${path.relative('.', file)}\n`);
}
