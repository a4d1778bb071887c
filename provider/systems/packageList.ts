/** What a Debian image has installed, by its own dpkg. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { solve } from '../buildctl';

const DOCKERFILE = `FROM image AS listed
RUN --network=none mkdir /packages && dpkg-query --show \\
  --showformat '\${db:Status-Status} \${binary:Package} \${Version} \${Architecture}\\n' >/packages/list
FROM scratch
COPY --from=listed /packages/ /
`;

/**
 * @param buildkit address of buildkitd
 * @param image by digest
 * @returns `name version architecture` of each package, sorted
 */
export async function packageList(buildkit: string, image: string): Promise<string[]> {
  const work = await fs.mkdtemp(path.join(os.tmpdir(), 'artifacts-list-'));
  try {
    await fs.writeFile(path.join(work, 'Dockerfile'), DOCKERFILE);
    const out = path.join(work, 'out');
    await solve(buildkit, [
      ...['--local', `context=${work}`, '--local', `dockerfile=${work}`],
      ...['--opt', `context:image=docker-image://${image}`, '--output', `type=local,dest=${out}`],
    ]);
    return listed(await fs.readFile(path.join(out, 'list'), 'utf8'));
  } finally {
    await fs.rm(work, { recursive: true, force: true });
  }
}

/** Sorted lines of what is installed. Pure. */
export function listed(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line) => (line.startsWith('installed ') ? [line.slice('installed '.length)] : []))
    .sort();
}
