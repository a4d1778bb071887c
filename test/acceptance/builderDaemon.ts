/** Further buildkitd on TCP, each with a store of its own, as if they were other machines. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { connectArguments } from '../../provider/buildctl';
import { answers } from '../../services/buildkit';
import { until } from '../../services/daemon';
import { freePort } from '../unit/freePort';
import { run } from '../unit/packaging/fixture';

export interface BuilderDaemon {
  /** As `falco:buildkit` takes it. */
  address: string;
  /** How many records its store has: layers, contexts, mounts. */
  records(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * @param folder for its store
 * @param certificates folder of `makeCertificates`: clients must show theirs
 */
export async function startBuilder(folder: string, certificates?: string): Promise<BuilderDaemon> {
  const host = `127.0.0.1:${await freePort()}`;
  const file = (name: string) => path.join(certificates ?? '', name);
  const tls = [
    ...['--tlscacert', file('ca.pem'), '--tlscert', file('server.pem'), '--tlskey', file('server-key.pem')],
  ];
  const args = [
    '--addr',
    `tcp://${host}`,
    '--root',
    folder,
    '--oci-worker=true',
    '--containerd-worker=false',
  ];
  const child = spawn('buildkitd', certificates ? [...args, ...tls] : args, { stdio: 'ignore' });
  const address = `tcp://${host}${certificates ? `?tls=${certificates}` : ''}`;
  const stop = async () => {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.kill()) await ended;
    await fs.rm(folder, { recursive: true, force: true });
  };
  if (!(await until(() => answers(address), 30_000))) {
    await stop();
    throw new Error(`buildkitd does not answer at ${address}`);
  }
  const records = async () => {
    const { stdout } = await run('buildctl', [...connectArguments(address), 'du', '--format={{json .}}']);
    return ((JSON.parse(stdout) as unknown[] | null) ?? []).length;
  };
  return { address, records, stop };
}

/** An authority, and certificates of it for a server on loopback (`server*.pem`) and for clients (`cert.pem`, `key.pem`). */
export async function makeCertificates(folder: string): Promise<string> {
  await fs.mkdir(folder, { recursive: true });
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  await openssl('req', '-x509', ...key, '-subj', '/CN=authority', '-keyout', 'ca-key.pem', '-out', 'ca.pem');
  const by = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const leaf = (name: string, keyFile: string, file: string) =>
    openssl('req', '-x509', ...key, ...by, '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', file);
  await leaf('builder', 'server-key.pem', 'server.pem');
  await leaf('client', 'key.pem', 'cert.pem');
  return folder;
}
