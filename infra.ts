/** What the release stacks use: buckets, CDNs, registries, and a role for each job. They have no rights beyond use. */
import { Provider } from '@pulumi/aws/provider';
import * as pulumi from '@pulumi/pulumi';
import { bucketKeys, buildPrefix } from './bucketKeys';
import { accessPolicy, BucketAccess } from './components/aws/bucketAccess';
import { Cdn } from './components/aws/cdn';
import { CdnLogs } from './components/aws/cdnLogs';
import { GithubIdentity } from './components/aws/githubIdentity';
import { JobRole } from './components/aws/jobRole';
import { PackageBucket } from './components/aws/packageBucket';
import { PrivateRegistry } from './components/aws/privateRegistry';
import { PublicRegistry } from './components/aws/publicRegistry';
import { InfraSettings, LOGS_SUFFIX, Place } from './infraConfig';
import { declareInfraGithub } from './infraGithub';
import { jobs, STACKS } from './infraJobs';
import { Catalog, ImageRow } from './model';
import { BASE_REPOSITORY, usageText } from './names';

/** Declares what the stacks need and returns the values that stand in their files (`Pulumi.<stack>.yaml`). */
export function declareInfra(catalog: Catalog, settings: InfraSettings) {
  const { account, region } = settings;
  const project = pulumi.getProject();
  const keys = bucketKeys(catalog);
  const aws = new Provider('aws', {
    region,
    allowedAccountIds: [account],
    defaultTags: { tags: { project, stack: pulumi.getStack() } },
  });
  const opts = { providers: [aws] };
  const at = (name: 'staging' | 'prod') => declarePlace(name, settings[name], { catalog, settings, opts });
  const places = { staging: at('staging'), prod: at('prod') };

  const rows = catalog.images.filter(({ name }) => settings.images.includes(name));
  const publicRepositories = repositoriesOf(rows);
  if (settings.ecr === 'make')
    new PrivateRegistry('ecr', { repositories: privateRepositories(catalog, rows) }, opts);
  if (settings.ecrPublic?.repositories === 'make') {
    const architectures = catalog.architectures.filter(({ enabled }) => enabled);
    new PublicRegistry(
      'ecr-public',
      {
        repositories: publicRepositories.map((name) => galleryOf(catalog, name)),
        architectures: architectures.map(({ oci }) => GALLERY[oci] ?? oci),
      },
      opts,
    );
  }

  const identity = settings.oidcProvider ?? new GithubIdentity('github', {}, opts).arn;
  const roles = jobs({ settings, project, keys, publicRepositories }).map((job) => {
    const { name, ...rest } = job;
    const role = new JobRole(`role-${name}`, { ...rest, role: `${project}-${name}`, identity }, opts);
    return [name, role.arn] as const;
  });

  const mirror = settings.ecrPublic && `public.ecr.aws/${settings.ecrPublic.alias}`;
  if (settings.github)
    declareInfraGithub({
      settings,
      github: settings.github,
      roles: Object.fromEntries(roles),
      statusUrls: [
        places.prod.url,
        `docker.io/${catalog.product.imageNamespace}`,
        ...(mirror ? [mirror] : []),
      ],
    });

  const host = `${account}.dkr.ecr.${region}.amazonaws.com`;
  return {
    account,
    region,
    staging: {
      ...places.staging,
      ...(settings.ecr !== 'none' && {
        registry: `${host}/${STACKS.staging}`,
        masterRegistry: `${host}/${STACKS.master}`,
      }),
    },
    prod: {
      ...places.prod,
      ...(mirror && { mirror }),
    },
    roles: Object.fromEntries(roles),
  };
}

/** A bucket and what is in front of it, each made or given. Returns what the stacks are told of it. */
function declarePlace(
  name: 'staging' | 'prod',
  place: Place,
  {
    catalog,
    settings: { account, region },
    opts,
  }: { catalog: Catalog; settings: InfraSettings; opts: pulumi.ComponentResourceOptions },
) {
  const keys = bucketKeys(catalog);
  const { bucket } = place;
  const made = bucket.isMade
    ? new PackageBucket(
        `${name}-packages`,
        {
          bucket: bucket.name,
          devPrefixes: keys.dev,
          devInputPrefixes: name === 'staging' ? [buildPrefix(STACKS.master)] : [],
        },
        opts,
      )
    : undefined;
  const origin = made?.domain ?? `${bucket.name}.s3.${region}.amazonaws.com`;
  const cdn = place.cdn.isMade
    ? new Cdn(
        `${name}-cdn`,
        { origin, immutable: keys.immutable, root: 'index.html', domain: place.cdn.domain },
        opts,
      )
    : undefined;
  const logs = `${bucket.name}${LOGS_SUFFIX}`;
  if (cdn) new CdnLogs(`${name}-logs`, { bucket: logs, distribution: cdn.arn, account }, opts);
  const access = {
    bucket: bucket.name,
    distribution: cdn?.arn ?? (place.cdn.isMade ? undefined : place.cdn.distribution),
    served: [...keys.served, ...place.alsoServed],
  };
  if (made) new BucketAccess(`${name}-access`, access, { ...opts, dependsOn: made.settings });
  return {
    bucket: `s3://${bucket.name}?region=${region}`,
    url: cdn ? cdn.url : place.cdn.isMade ? '' : place.cdn.url,
    ...(cdn && { cdn: cdn.target }),
    // Others made the bucket: its policy is theirs, and this has to be in it.
    ...(!made && cdn && { bucketPolicy: accessPolicy(access) }),
  };
}

/** The images' own repositories and those of their legacy names, each once. */
function repositoriesOf(rows: ImageRow[]): string[] {
  return [...new Set(rows.flatMap(({ name, aliases }) => [name, ...aliases.map((one) => one.repository)]))];
}

/** One set for each stack that builds, below its namespace, and the bases that images start from. */
function privateRepositories({ product }: Catalog, rows: ImageRow[]) {
  const named = repositoriesOf(rows).map((name) => ({
    name,
    moving: movingTags(rows, name),
    isUntagged: false,
  }));
  const base = { name: BASE_REPOSITORY, moving: [], isUntagged: true };
  return [STACKS.staging, STACKS.master].flatMap((stack) =>
    [...named, base].map((one) => ({ ...one, name: `${stack}/${product.imageNamespace}/${one.name}` })),
  );
}

/** `latest` and `master`, with the suffixes that legacy names have in this repository. */
function movingTags(rows: ImageRow[], repository: string): string[] {
  const legacy = rows.flatMap(({ aliases }) => aliases.filter((one) => one.repository === repository));
  const suffixes = ['', ...legacy.map(({ suffix }) => suffix)];
  return ['latest', 'master'].flatMap((tag) => suffixes.map((suffix) => `${tag}${suffix}`));
}

/** How ECR Public's gallery spells architectures (API reference, RepositoryCatalogDataInput). */
const GALLERY: Record<string, string> = { 'linux/amd64': 'x86-64', 'linux/arm64': 'ARM 64' };

function galleryOf({ product, images }: Catalog, name: string) {
  const row = images.find((image) => image.name === name);
  if (!row) return { name, description: product.summary, usage: product.homepage };
  return {
    name,
    description: row.title,
    usage: `${usageText(product, row, 'latest')}\n\n${product.homepage}`,
  };
}
