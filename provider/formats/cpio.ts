/** Reads cpio archives of the kind that rpms have (cpio(5), "New ASCII Format"), as a stream. */

export const CPIO = {
  magic: '070701',
  header: 110,
  modeAt: 14,
  sizeAt: 54,
  nameSizeAt: 94,
  trailer: 'TRAILER!!!',
};

export const paddingOf = (length: number) => (4 - (length % 4)) % 4;

/** A stream's bytes in the portions that are asked for. */
export function portions(stream: AsyncIterable<Buffer>) {
  const chunks = stream[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  async function* pass(length: number) {
    for (let left = length; left > 0;) {
      if (rest.length === 0) {
        const next = await chunks.next();
        if (next.done) throw new Error('the payload of the rpm is cut off');
        rest = next.value;
      }
      const part = rest.subarray(0, left);
      rest = rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }
  return {
    /** In pieces, as they come. */
    pass,
    /** In one piece. */
    async take(length: number): Promise<Buffer> {
      const parts: Buffer[] = [];
      for await (const part of pass(length)) parts.push(part);
      return Buffer.concat(parts);
    },
    async drain(): Promise<void> {
      while (!(await chunks.next()).done);
    },
  };
}

type Archive = ReturnType<typeof portions>;

export interface CpioEntry {
  /** The header as it stands there. */
  head: Buffer;
  name: string;
  /** Type and permissions, as in stat(2). */
  mode: number;
  /** Bytes of what follows. */
  size: number;
}

/** The next entry's header, the trailer's at last; its data and padding are still to be taken. */
export async function cpioEntry(archive: Archive): Promise<CpioEntry> {
  const head = await archive.take(CPIO.header);
  if (head.toString('latin1', 0, 6) !== CPIO.magic) throw new Error('the payload of the rpm is no newc cpio');
  const field = (offset: number) => parseInt(head.toString('latin1', offset, offset + 8), 16);
  const nameSize = field(CPIO.nameSizeAt);
  const name = (await archive.take(nameSize)).toString('utf8', 0, nameSize - 1);
  await archive.take(paddingOf(head.length + nameSize));
  return { head, name, mode: field(CPIO.modeAt), size: field(CPIO.sizeAt) };
}
