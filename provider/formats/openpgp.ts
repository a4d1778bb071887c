/** OpenPGP's outer forms (RFC 4880): armor, and what a signature packet says of its maker. No cryptography. */

/** Armored text (one or more blocks, RFC 4880 section 6.2) as bytes; binary input is returned as it is. */
export function dearmor(text: Buffer): Buffer {
  const blocks = text.toString('latin1').match(/-----BEGIN PGP [^\n]*-----[\s\S]*?-----END PGP [^\n]*-----/g);
  if (!blocks) return text;
  const bodies = blocks.map((block) => {
    const lines = block.split(/\r?\n/).slice(1, -1);
    // Header lines end at the first empty line; a line with `=` in front is the checksum.
    const data = lines.slice(lines.indexOf('') + 1).filter((line) => !line.startsWith('='));
    return Buffer.from(data.join(''), 'base64');
  });
  return Buffer.concat(bodies);
}

/** CRC-24 of RFC 4880 section 6.1. */
function crc24(bytes: Buffer): number {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if (crc & 0x1000000) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}

/** Public keys in one ASCII-armored block (RFC 4880 section 6.2), however many there are. */
export function armorKeys(keyring: Buffer): string {
  const lines = keyring.toString('base64').match(/.{1,64}/g) ?? [];
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc24(keyring));
  const kind = 'PGP PUBLIC KEY BLOCK';
  return [
    `-----BEGIN ${kind}-----`,
    '',
    ...lines,
    `=${crc.subarray(1).toString('base64')}`,
    `-----END ${kind}-----`,
    '',
  ].join('\n');
}

/** Subpackets of RFC 4880 section 5.2.3.1 and of RFC 9580 section 5.2.3.35 (issuer fingerprint). */
const ISSUER_KEY_ID = 16;
const ISSUER_FINGERPRINT = 33;

function* subpackets(area: Buffer): Generator<{ type: number; body: Buffer }> {
  for (let at = 0; at < area.length;) {
    const first = area[at];
    const [length, width] =
      first < 192
        ? [first, 1]
        : first < 255
          ? [((first - 192) << 8) + area[at + 1] + 192, 2]
          : [area.readUInt32BE(at + 1), 5];
    const body = area.subarray(at + width, at + width + length);
    yield { type: body[0] & 0x7f, body: body.subarray(1) };
    at += width + length;
  }
}

/** Bytes of a packet's header (RFC 4880 section 4.2), old and new format. */
function packetHeader(packet: Buffer): number {
  if (packet[0] & 0x40) return packet[1] < 192 ? 2 : packet[1] < 255 ? 3 : 6;
  return 1 + [1, 2, 4, 0][packet[0] & 3];
}

/**
 * Who made a version 4 signature packet: a fingerprint of 40 hex digits, or where there is none the key id, its last
 * 16. Upper case; undefined when the packet is none or says nothing.
 */
export function issuerOf(packet: Buffer): string | undefined {
  const at = packetHeader(packet);
  if (packet[at] !== 4) return undefined;
  const hashed = packet.readUInt16BE(at + 4);
  const unhashedAt = at + 6 + hashed;
  const unhashed = packet.readUInt16BE(unhashedAt);
  const found = [
    ...subpackets(packet.subarray(at + 6, unhashedAt)),
    ...subpackets(packet.subarray(unhashedAt + 2, unhashedAt + 2 + unhashed)),
  ];
  const fingerprint = found.find(({ type, body }) => type === ISSUER_FINGERPRINT && body[0] === 4);
  const keyId = found.find(({ type }) => type === ISSUER_KEY_ID);
  return (fingerprint?.body.subarray(1) ?? keyId?.body)?.toString('hex').toUpperCase();
}
