/** Reads the published keys, in both forms. */
import type { Catalog } from '../../model';
import { publicNames } from '../../names';
import { keysIn } from '../../provider/gpgKeys';
import { Asker, SMALL } from './ask';
import { KeysFacts, mapped } from './facts';
import type { Means } from './files';

export async function readKeys(
  asker: Asker,
  catalog: Catalog,
  bucket: string,
): Promise<{ facts: KeysFacts; keys: Means['keys'] }> {
  const names = publicNames(catalog.product);
  const [armored, binary] = await Promise.all(
    [names.publicKey, names.keyring].map((name) => asker.document(`${bucket}/${name}`, SMALL)),
  );
  const [ofArmored, ofBinary] = await Promise.all(
    [armored, binary].map((document) => mapped(document, ({ body }) => keysIn(body))),
  );
  const forms = [
    { document: armored, known: ofArmored },
    { document: binary, known: ofBinary },
  ];
  // Either will do to check signatures; that they differ is a gap of its own.
  const keys = forms.flatMap(({ document, known }) =>
    document.kind === 'there' && known.kind === 'there' && known.value.length > 0
      ? [{ keyring: document.value.body, known: known.value }]
      : [],
  )[0];
  return { facts: { armored: ofArmored, binary: ofBinary }, keys };
}
