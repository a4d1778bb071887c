// Credentials of a stack's registries, for crane and BuildKit: those of ECR from the job's AWS role by Amazon's
// credential helper, that of Docker Hub from REGISTRY_USERNAME and REGISTRY_TOKEN. Nothing is printed.
// node tools/github/registryLogin.mjs STACK
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { need } from './api.mjs';

const [stack = ''] = process.argv.slice(2);
const files = process.env.STACK_FILES ?? process.cwd();
const { config = {} } = parse(readFileSync(join(files, `Pulumi.${stack}.yaml`), 'utf8'));
/** @type {string[]} */
const registries = [config['falco:registry'], ...(config['falco:mirrors'] ?? [])].filter(Boolean);
const hosts = [...new Set(registries.map((text) => text.split('/')[0]))].sort();
const isEcr = (/** @type {string} */ host) =>
  host === 'public.ecr.aws' || /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com$/.test(host);
const isHub = (/** @type {string} */ host) => /^(index\.)?docker\.io$/.test(host);
const unknown = hosts.filter((host) => !isEcr(host) && !isHub(host));
if (unknown.length > 0)
  throw new Error(
    `Pulumi.${stack}.yaml: no credentials are known for ${unknown.join(', ')}; use ECR or docker.io, or add it here`,
  );
const folder = process.env.DOCKER_CONFIG ?? join(homedir(), '.docker');
const hub = () =>
  Buffer.from(`${need(process.env, 'REGISTRY_USERNAME')}:${need(process.env, 'REGISTRY_TOKEN')}`).toString(
    'base64',
  );
const settings = {
  credHelpers: Object.fromEntries(hosts.filter(isEcr).map((host) => [host, 'ecr-login'])),
  auths: hosts.some(isHub) ? { 'https://index.docker.io/v1/': { auth: hub() } } : {},
};
mkdirSync(folder, { recursive: true, mode: 0o700 });
const file = join(folder, 'config.json');
writeFileSync(`${file}.new`, JSON.stringify(settings, null, 2), { mode: 0o600 });
renameSync(`${file}.new`, file);
process.stderr.write(`credentials for ${hosts.join(', ')} in ${file}\n`);
