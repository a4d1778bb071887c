/** What flows through a pipeline: its size and digest. */
import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';

/** Passes data on unchanged. What `size` (bytes) and `sha256()` (hex) say is right when the pipeline has ended. */
export function meter() {
  const sum = createHash('sha256');
  const found = { size: 0, sha256: () => sum.copy().digest('hex') };
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sum.update(chunk);
      found.size += chunk.length;
      done(null, chunk);
    },
  });
  return { stream, found };
}
