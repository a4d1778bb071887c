/**
 * The texts of docs/previews, as tests make them. `WRITE_PREVIEWS=1 npm test -- test/engine/FILE.test.ts` writes those
 * of the test.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { PROJECT } from '../acceptance/imageSet';

/** The text is that of docs/previews/<name>.md. */
export async function expectText(name: string, text: string): Promise<void> {
  const file = path.join(PROJECT, 'docs/previews', `${name}.md`);
  if (process.env.WRITE_PREVIEWS) await fs.writeFile(file, text);
  assert.equal(text, await fs.readFile(file, 'utf8'));
}

/** What differs between machines: base images and compilers, keys, free ports. Equal values stay equal. */
export function comparable(text: string, { OLD, NEW }: Record<'OLD' | 'NEW', string>): string {
  const numbers = new Map<string, number>();
  const numberOf = (digest: string) => numbers.get(digest) ?? numbers.set(digest, numbers.size + 1).size;
  return text
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:5050')
    .replaceAll(OLD, 'A'.repeat(40))
    .replaceAll(NEW, 'B'.repeat(40))
    .replace(/\b[0-9a-f]{12}\b/g, (digest) => String(numberOf(digest)).padStart(12, '0'));
}
