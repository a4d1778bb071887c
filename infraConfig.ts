/**
 * The only reader of configuration of the stack `infra`: namespace `infra`, and none of the release's keys. Throws
 * SettingError, whose message names the key and the remedy.
 */
import * as pulumi from '@pulumi/pulumi';
import { NAMESPACE } from './config';
import { Catalog } from './model';
import { SettingError } from './names';

export const INFRA_NAMESPACE = 'infra';

/** Where one kind of release stack publishes packages. */
export interface Place {
  /** `bucket`: name of one to make; `existingBucket`: name of one that is there, which is left as it is. */
  bucket: { name: string; isMade: boolean };
  /**
   * A CDN to make, with `domain` and `certificate` (ARN of an ACM certificate in us-east-1) or under CloudFront's own
   * host; or `url`, where one that is there serves the bucket, with `distribution`, its ARN, for a bucket that is made.
   */
  cdn:
    | { isMade: true; domain?: { name: string; certificate: string } }
    | { isMade: false; url: string; distribution?: string };
  /** `alsoServed`: prefixes of others' objects that the CDN serves too, such as `driver/`. Default none. */
  alsoServed: string[];
}

export interface InfraSettings {
  /** `infra:account`: the AWS account, 12 digits. Any other is refused before anything is made. */
  account: string;
  /** `infra:region`: of buckets and private repositories. */
  region: string;
  /** `infra:repository`: `<owner>/<name>` on GitHub, whose jobs take the roles. */
  repository: string;
  /** `infra:callers`: further `<owner>/<name>` whose jobs call the workflows of `repository`. Default none. */
  callers: string[];
  /** `infra:branch`: the branch that master builds and the drift check run on. Default `master`. */
  branch: string;
  /** `infra:oidcProvider`: ARN of the account's OIDC provider for GitHub. Default: one is made. */
  oidcProvider?: string;
  /** `infra:state`: bucket and KMS key (ARN) that keep the stacks' state. Default: it is kept elsewhere. */
  state?: { bucket: string; key: string };
  /** `infra:staging`: of release candidates and master builds. */
  staging: Place;
  /** `infra:prod`: of releases. */
  prod: Place;
  /** `infra:images`: images that get repositories. Default: all of the catalog. */
  images: string[];
  /** `infra:ecr`: repositories of staging in ECR: `make` (default), `existing`, or `none`. */
  ecr: Makes | 'none';
  /** `infra:ecrPublic`: `alias` of the registry (`public.ecr.aws/<alias>`), and `repositories`. Default: none. */
  ecrPublic?: { alias: string; repositories: Makes };
  /** `infra:github`: environments, variables and rules of the repositories. Default: they are made by hand. */
  github?: GithubSettings;
}

export interface GithubSettings {
  /** `source`: address of the product's sources, of which a tag is built. */
  source: string;
  /** `registryUsername`: who pushes images to Docker Hub. */
  registryUsername: string;
  /** `teams`, `users`: numbers of those who make release tags, and one of whom approves a release. */
  reviewers: { teams: number[]; users: number[] };
  /** `releases`: `<owner>/<name>` whose releases page gets one for each version. Default: none does. */
  releases?: string;
}

type Makes = 'make' | 'existing';

const KEYS = [
  'account',
  'region',
  'repository',
  'callers',
  'branch',
  'oidcProvider',
  'state',
  'staging',
  'prod',
  'images',
  'ecr',
  'ecrPublic',
  'github',
] as const;
type Key = (typeof KEYS)[number];

const key = (name: Key, field?: string) => `${INFRA_NAMESPACE}:${name}${field ? `.${field}` : ''}`;
/** Of the bucket that keeps a made CDN's logs. */
export const LOGS_SUFFIX = '-logs';
const BUCKET_NAME = 'a bucket of 3 to 63 of a-z, 0-9, . and -';
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const REPOSITORY = /^[\w.-]+\/[\w.-]+$/;

export function readInfraSettings(catalog: Catalog): InfraSettings {
  refuseUnknown(Object.keys(pulumi.runtime.allConfig()));
  const config = new pulumi.Config(INFRA_NAMESPACE);
  const account = matching(config, 'account', /^\d{12}$/, 'an AWS account, 12 digits in quotes');
  const region = matching(config, 'region', /^[a-z]{2}(-[a-z]+)+-\d$/, 'a region such as eu-west-1');
  const staging = place(config, 'staging', account);
  const prod = place(config, 'prod', account);
  if (staging.bucket.name === prod.bucket.name)
    throw new SettingError(
      key('prod', 'bucket'),
      'is the bucket of staging too; give releases one of their own',
    );
  return {
    account,
    region,
    repository: matching(config, 'repository', REPOSITORY, 'OWNER/NAME on GitHub'),
    callers: list(config, 'callers').map((text) =>
      check(text, key('callers'), REPOSITORY, 'OWNER/NAME on GitHub'),
    ),
    branch: check(config.get('branch') ?? 'master', key('branch'), /^[\w./-]+$/, 'a branch'),
    oidcProvider: oidcProvider(config.get('oidcProvider'), account),
    state: state(config),
    staging,
    prod,
    images: images(list(config, 'images'), catalog),
    ecr: oneOf(config.get('ecr') ?? 'make', key('ecr'), ['make', 'existing', 'none']),
    ecrPublic: ecrPublic(config),
    github: github(config),
  };
}

/** A key with a typing mistake would be as good as unset. Of the release's keys, one is for every program. */
function refuseUnknown(keys: string[]): void {
  const known = new Set<string>([...KEYS.map((name) => key(name)), `${NAMESPACE}:program`]);
  const ours = [`${INFRA_NAMESPACE}:`, `${NAMESPACE}:`];
  const unknown = keys.find((name) => ours.some((prefix) => name.startsWith(prefix)) && !known.has(name));
  if (unknown) throw new SettingError(unknown, `is no setting of this program; known: ${KEYS.join(', ')}`);
}

function check(text: string, setting: string, pattern: RegExp, what: string): string {
  if (pattern.test(text)) return text;
  throw new SettingError(setting, `"${text}" is none; give ${what}`);
}

function matching(config: pulumi.Config, name: Key, pattern: RegExp, what: string): string {
  const text = config.get(name);
  if (text === undefined) throw new SettingError(key(name), `is missing; give ${what}`);
  return check(text, key(name), pattern, what);
}

function oneOf<T extends string>(text: string, setting: string, known: readonly T[]): T {
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw new SettingError(setting, `"${text}" is unknown; give ${known.join(', ')}`);
}

function structured(config: pulumi.Config, name: Key): unknown {
  try {
    return config.getObject<unknown>(name);
  } catch {
    throw new SettingError(key(name), 'is no JSON; set it with pulumi config set --path');
  }
}

function list(config: pulumi.Config, name: Key): string[] {
  return texts(structured(config, name), key(name));
}

function texts(value: unknown, setting: string): string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new SettingError(setting, 'must be a list of texts');
}

/** A table; a field that is not known is refused. */
function table<F extends string>(
  config: pulumi.Config,
  name: Key,
  fields: readonly F[],
): Partial<Record<F, unknown>> | undefined {
  const value = structured(config, name);
  if (value === undefined) return undefined;
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new SettingError(key(name), `must be a table of ${fields.join(', ')}`);
  const unknown = Object.keys(value).find((field) => !(fields as readonly string[]).includes(field));
  if (unknown !== undefined)
    throw new SettingError(key(name, unknown), `is no setting; known: ${fields.join(', ')}`);
  return value;
}

/** A field that is a text. */
function text(value: unknown, setting: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new SettingError(setting, 'must be a text');
}

function needed(value: unknown, setting: string, what: string): string {
  const found = text(value, setting);
  if (found !== undefined) return found;
  throw new SettingError(setting, `is missing; give ${what}`);
}

const PLACE = [
  'bucket',
  'existingBucket',
  'domain',
  'certificate',
  'url',
  'distribution',
  'alsoServed',
] as const;

function place(config: pulumi.Config, name: 'staging' | 'prod', account: string): Place {
  const given = table(config, name, PLACE) ?? {};
  const field = (which: (typeof PLACE)[number]) => text(given[which], key(name, which));
  const [made, existing] = [field('bucket'), field('existingBucket')];
  if ((made === undefined) === (existing === undefined))
    throw new SettingError(
      key(name),
      'give either bucket, the name of one to make, or existingBucket, the name of one that is there',
    );
  const setting = key(name, made === undefined ? 'existingBucket' : 'bucket');
  const bucketName = check(made ?? existing ?? '', setting, BUCKET, BUCKET_NAME);
  const front = cdn(field, (which) => key(name, which), account);
  if (front.isMade && bucketName.length + LOGS_SUFFIX.length > 63)
    throw new SettingError(setting, 'is too long: 58 characters leave room for the bucket of the logs');
  const alsoServed = texts(given.alsoServed, key(name, 'alsoServed')).map((prefix) =>
    check(prefix, key(name, 'alsoServed'), /^[\w.-]+(\/[\w.-]+)*\/$/, 'a prefix with a slash at its end'),
  );
  return {
    bucket: { name: bucketName, isMade: made !== undefined },
    cdn: front,
    alsoServed,
  };
}

function cdn(
  field: (which: 'domain' | 'certificate' | 'url' | 'distribution') => string | undefined,
  setting: (which: 'domain' | 'certificate' | 'url' | 'distribution') => string,
  account: string,
): Place['cdn'] {
  const [domain, certificate] = [field('domain'), field('certificate')];
  const [url, distribution] = [field('url'), field('distribution')];
  if (url !== undefined) {
    if (domain !== undefined || certificate !== undefined)
      throw new SettingError(
        setting('url'),
        'is of a CDN that is there; domain and certificate are of one that is made',
      );
    check(url, setting('url'), /^https:\/\/[\w.-]+(\/[\w./-]*[\w-])?$/, 'https://HOST, no slash at its end');
    const arn = new RegExp(`^arn:aws:cloudfront::${account}:distribution/[A-Z0-9]+$`);
    if (distribution !== undefined)
      check(
        distribution,
        setting('distribution'),
        arn,
        `the ARN of a distribution of the account ${account}`,
      );
    return { isMade: false, url, ...(distribution && { distribution }) };
  }
  if (distribution !== undefined)
    throw new SettingError(setting('distribution'), 'is of a CDN that is there; give its url too');
  if ((domain === undefined) !== (certificate === undefined))
    throw new SettingError(
      setting(domain === undefined ? 'domain' : 'certificate'),
      'is missing; a domain and its certificate go together',
    );
  if (domain === undefined || certificate === undefined) return { isMade: true };
  check(domain, setting('domain'), /^([a-z0-9-]+\.)+[a-z]+$/, 'a domain such as download.example.org');
  const arn = new RegExp(`^arn:aws:acm:us-east-1:${account}:certificate/[\\w-]+$`);
  check(
    certificate,
    setting('certificate'),
    arn,
    `the ARN of an ACM certificate of the account ${account} in us-east-1, the only region that CloudFront takes them from`,
  );
  return { isMade: true, domain: { name: domain, certificate } };
}

function oidcProvider(given: string | undefined, account: string): string | undefined {
  if (given === undefined) return undefined;
  const wanted = `arn:aws:iam::${account}:oidc-provider/token.actions.githubusercontent.com`;
  if (given === wanted) return given;
  throw new SettingError(
    key('oidcProvider'),
    `"${given}" is not the account's provider for GitHub; give ${wanted}`,
  );
}

function state(config: pulumi.Config): InfraSettings['state'] {
  const given = table(config, 'state', ['bucket', 'key'] as const);
  if (!given) return undefined;
  const what = { bucket: 'the name of the bucket of the state', key: 'the ARN of the KMS key' };
  return {
    bucket: check(
      needed(given.bucket, key('state', 'bucket'), what.bucket),
      key('state', 'bucket'),
      BUCKET,
      what.bucket,
    ),
    key: check(
      needed(given.key, key('state', 'key'), what.key),
      key('state', 'key'),
      /^arn:aws:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/,
      `${what.key}, no alias: rights are given on keys`,
    ),
  };
}

function images(given: string[], catalog: Catalog): string[] {
  const known = catalog.images.map(({ name }) => name);
  const unknown = given.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new SettingError(key('images'), `there is no image "${unknown}"; known: ${known.join(', ')}`);
  return given.length > 0 ? given : known;
}

function ecrPublic(config: pulumi.Config): InfraSettings['ecrPublic'] {
  const given = table(config, 'ecrPublic', ['alias', 'repositories'] as const);
  if (!given) return undefined;
  const alias = needed(given.alias, key('ecrPublic', 'alias'), 'the alias of the registry');
  const repositories = text(given.repositories, key('ecrPublic', 'repositories')) ?? 'make';
  return {
    alias: check(
      alias,
      key('ecrPublic', 'alias'),
      /^[a-z][a-z0-9-]+$/,
      'the alias, as in public.ecr.aws/ALIAS',
    ),
    repositories: oneOf(repositories, key('ecrPublic', 'repositories'), ['make', 'existing']),
  };
}

function github(config: pulumi.Config): GithubSettings | undefined {
  const given = table(config, 'github', [
    'source',
    'registryUsername',
    'teams',
    'users',
    'releases',
  ] as const);
  if (!given) return undefined;
  const [teams, users] = [numbers(given.teams, 'teams'), numbers(given.users, 'users')];
  if (teams.length + users.length === 0)
    throw new SettingError(
      key('github'),
      'names nobody who approves releases; give teams or users by number',
    );
  const releases = text(given.releases, key('github', 'releases'));
  return {
    source: needed(given.source, key('github', 'source'), 'the address of the sources'),
    registryUsername: needed(given.registryUsername, key('github', 'registryUsername'), 'a user'),
    reviewers: { teams, users },
    ...(releases !== undefined && {
      releases: check(releases, key('github', 'releases'), REPOSITORY, 'OWNER/NAME on GitHub'),
    }),
  };
}

function numbers(value: unknown, field: string): number[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => Number.isInteger(item))) return value as number[];
  throw new SettingError(key('github', field), 'must be a list of numbers');
}
