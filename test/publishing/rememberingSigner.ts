/**
 * A real signer that is asked once for each text: the cases of a table sign the same ones over and over, and a start of
 * gpg costs more than the rest of a case.
 */
import * as fs from 'node:fs/promises';
import { Signer } from '../../provider/gpg';
import { sha256 } from '../../provider/formats/compress';

export function remembering(signer: Signer): Signer {
  const made = new Map<string, Promise<Buffer>>();
  const once = (how: string, data: Buffer, sign: () => Promise<Buffer>) => {
    const id = `${how} ${sha256(data)}`;
    const signature = made.get(id) ?? sign();
    made.set(id, signature);
    return signature;
  };
  return {
    ...signer,
    clearSign: (document) => once('clear-sign', document, () => signer.clearSign(document)),
    detachIndex: (document) => once('index', document, () => signer.detachIndex(document)),
    detach: async (data) => {
      const body = Buffer.isBuffer(data) ? data : await fs.readFile(data.file);
      return once('detach', body, () => signer.detach(body));
    },
  };
}
