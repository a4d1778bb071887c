/** What is seen of processes while a test runs: the arguments of each, and the environment of those in containers. */
import * as fs from 'node:fs';
import * as path from 'node:path';

/** Milliseconds. */
const EVERY = 10;
/** A process is looked at for so long: between fork and exec it still has its parent's arguments. */
const YOUNG = 300;

const read = (file: string) => {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};
const link = (file: string) => {
  try {
    return fs.readlinkSync(file);
  } catch {
    return undefined;
  }
};

/** Programs of the system that end before anybody looks. */
const SHORT = ['git', 'gpg', 'gpg-agent', 'gpg-connect-agent', 'rpmsign'];

/**
 * Puts programs of those names into a folder, for PATH: each notes its arguments and becomes the real one.
 *
 * @param notes file that gets a line for each start
 */
export async function notedPrograms(folder: string, notes: string): Promise<void> {
  await fs.promises.mkdir(folder, { recursive: true });
  for (const name of SHORT) {
    const script = `#!/bin/sh\nprintf '%s\\n' "${name} $*" >> '${notes}'\nexec '/usr/bin/${name}' "$@"\n`;
    await fs.promises.writeFile(path.join(folder, name), script, { mode: 0o755 });
  }
}

const mounts = link('/proc/self/ns/mnt');
/** A chroot, or mounts of its own. */
function isContained(pid: string): boolean {
  const [root, own] = [link(`/proc/${pid}/root`), link(`/proc/${pid}/ns/mnt`)];
  return root !== undefined && own !== undefined && (root !== '/' || own !== mounts);
}

export class Processes {
  /** Arguments, separated by spaces. */
  readonly commands = new Set<string>();
  /** Of processes in a chroot or container: the steps of builds, and what a root file system is made with. */
  readonly environments = new Set<string>();
  private readonly born = new Map<string, number>();
  private readonly timer = setInterval(() => this.look(), EVERY);

  stop(): void {
    clearInterval(this.timer);
  }

  /** Both as files of these names. */
  async write(folder: string): Promise<void> {
    const { commands, environments } = this;
    for (const [name, seen] of Object.entries({ commands, environments }))
      await fs.promises.writeFile(path.join(folder, name), [...seen].join('\n'));
  }

  private look(): void {
    const now = Date.now();
    const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    const running = new Set(pids);
    for (const pid of this.born.keys()) if (!running.has(pid)) this.born.delete(pid);
    for (const pid of pids) {
      const since = this.born.get(pid) ?? now;
      this.born.set(pid, since);
      if (now - since > YOUNG) continue;
      const command = read(`/proc/${pid}/cmdline`);
      if (command !== '') this.commands.add(command.replaceAll('\0', ' ').trim());
      if (isContained(pid)) this.environments.add(read(`/proc/${pid}/environ`));
    }
  }
}
