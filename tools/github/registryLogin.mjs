// Credentials of stacks' registries, and of those that they promote from, for crane and BuildKit: of ECR by Amazon's
// credential helper from the job's AWS role, of Docker Hub from REGISTRY_USERNAME and REGISTRY_TOKEN. A job that only
// reads is given no token, and asks Docker Hub without one.
// node tools/github/registryLogin.mjs STACK...
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { need } from './api.mjs';
import { stackSettings } from './stackFile.mjs';

const stacks = process.argv.slice(2);
/** @type {(name: string) => string[]} */
const registriesOf = (name) => {
  const { registry, mirrors = [], from } = stackSettings(name);
  return [registry, ...mirrors, ...(from ? registriesOf(from.split('/').pop()) : [])];
};
const registries = stacks.flatMap(registriesOf).filter(Boolean);
const hosts = [...new Set(registries.map((text) => text.split('/')[0] ?? ''))].sort();
/** @type {(host: string) => boolean} */
const isEcr = (host) =>
  host === 'public.ecr.aws' || /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com$/.test(host);
/** @type {(host: string) => boolean} */
const isHub = (host) => /^(index\.)?docker\.io$/.test(host);
const unknown = hosts.filter((host) => !isEcr(host) && !isHub(host));
if (unknown.length > 0)
  throw new Error(
    `falco:registry of ${stacks.join(', ')}: no credentials are known for ${unknown.join(', ')}; use ECR or docker.io, or add it here`,
  );

const hub = () => {
  const [user, token] = ['REGISTRY_USERNAME', 'REGISTRY_TOKEN'].map((name) => need(process.env, name));
  return { auth: Buffer.from(`${user}:${token}`).toString('base64') };
};
const settings = {
  credHelpers: Object.fromEntries(hosts.filter(isEcr).map((host) => [host, 'ecr-login'])),
  auths:
    hosts.some(isHub) && process.env.REGISTRY_TOKEN !== undefined
      ? { 'https://index.docker.io/v1/': hub() }
      : {},
};
const folder = process.env.DOCKER_CONFIG ?? join(homedir(), '.docker');
mkdirSync(folder, { recursive: true, mode: 0o700 });
const file = join(folder, 'config.json');
writeFileSync(`${file}.new`, JSON.stringify(settings, null, 2), { mode: 0o600 });
renameSync(`${file}.new`, file);
process.stderr.write(`credentials for ${hosts.join(', ')} in ${file}\n`);
