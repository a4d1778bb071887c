/** What the job of a stack needs to do its work, and nothing else. Pure. */
import { bucketArn, Statement } from './policy';

export interface BucketRights {
  /** The bucket's name. */
  bucket: string;
  /** Prefixes, with a trailing slash, or whole keys. */
  keys: string[];
}

const objects = ({ bucket, keys }: BucketRights) =>
  keys.map((key) => `${bucketArn(bucket)}/${key}${key.endsWith('/') ? '*' : ''}`);

/** A listing makes S3 say 404 for what is not there, which the publisher tells from a refusal. */
export function readBucket(sid: string, rights: BucketRights): Statement[] {
  return [
    {
      Sid: `${sid}List`,
      Effect: 'Allow',
      Action: ['s3:GetBucketLocation', 's3:ListBucket'],
      Resource: [bucketArn(rights.bucket)],
    },
    { Sid: `${sid}Read`, Effect: 'Allow', Action: ['s3:GetObject'], Resource: objects(rights) },
  ];
}

/** Without `DeleteObjectVersion`: what is replaced or deleted stays in the versions. */
export function writeBucket(sid: string, rights: BucketRights): Statement[] {
  const Action = [
    's3:AbortMultipartUpload',
    's3:DeleteObject',
    's3:ListMultipartUploadParts',
    's3:PutObject',
  ];
  return [{ Sid: `${sid}Write`, Effect: 'Allow', Action, Resource: objects(rights) }];
}

/** Where stacks keep their state, with the key that their secrets are sealed with. */
export interface StateStore {
  /** Name of the bucket. */
  bucket: string;
  /** ARN of the KMS key. */
  key: string;
  /** Name of the Pulumi project. */
  project: string;
}

/** Reads stacks, as previews and stack references do. Keys are those of Pulumi's own backend on a bucket. */
export function readState({ bucket, key, project }: StateStore, stacks: string[]): Statement[] {
  const keys = stacks.flatMap((stack) => [
    `.pulumi/stacks/${project}/${stack}.json`,
    `.pulumi/stacks/${project}/${stack}.pulumi-tags`,
    `.pulumi/locks/organization/${project}/${stack}/`,
  ]);
  return [
    ...readBucket('State', { bucket, keys: ['.pulumi/meta.yaml', ...keys] }),
    { Sid: 'StateSecrets', Effect: 'Allow', Action: ['kms:Decrypt'], Resource: [key] },
  ];
}

/** Writes one stack: its state, lock, history and backups. */
export function writeState({ bucket, project }: StateStore, stack: string): Statement[] {
  const file = `.pulumi/stacks/${project}/${stack}.json`;
  const keys = [
    file,
    `${file}.bak`,
    `.pulumi/stacks/${project}/${stack}.pulumi-tags`,
    `.pulumi/locks/organization/${project}/${stack}/`,
    `.pulumi/history/${project}/${stack}/`,
    `.pulumi/backups/${project}/${stack}/`,
  ];
  return writeBucket('State', { bucket, keys });
}

export interface EcrPlace {
  account: string;
  region: string;
  /** First part of the repositories' names, with a trailing slash. */
  namespaces: string[];
}

const ecrArns = ({ account, region, namespaces }: EcrPlace) =>
  namespaces.map((one) => `arn:aws:ecr:${region}:${account}:repository/${one}*`);

const login: Statement = {
  Sid: 'EcrLogin',
  Effect: 'Allow',
  Action: ['ecr:GetAuthorizationToken'],
  // ECR takes no resource here.
  Resource: ['*'],
};

/** Reads images by tag and digest. */
export function pullEcr(place: EcrPlace): Statement[] {
  const Action = [
    'ecr:BatchCheckLayerAvailability',
    'ecr:BatchGetImage',
    'ecr:DescribeImages',
    'ecr:GetDownloadUrlForLayer',
    'ecr:ListImages',
  ];
  return [login, { Sid: 'EcrRead', Effect: 'Allow', Action, Resource: ecrArns(place) }];
}

/** Pushes images and takes its own away; repositories are not its to make or change. */
export function pushEcr(place: EcrPlace): Statement[] {
  const Action = [
    'ecr:BatchDeleteImage',
    'ecr:CompleteLayerUpload',
    'ecr:InitiateLayerUpload',
    'ecr:PutImage',
    'ecr:UploadLayerPart',
  ];
  return [{ Sid: 'EcrWrite', Effect: 'Allow', Action, Resource: ecrArns(place) }];
}

/** Pushes to repositories of ECR Public; reading it takes no right. A released image is nobody's to delete. */
export function pushEcrPublic(account: string, repositories: string[]): Statement[] {
  const arns = repositories.map((name) => `arn:aws:ecr-public::${account}:repository/${name}`);
  const Action = [
    'ecr-public:BatchCheckLayerAvailability',
    'ecr-public:CompleteLayerUpload',
    'ecr-public:DescribeImages',
    'ecr-public:InitiateLayerUpload',
    'ecr-public:PutImage',
    'ecr-public:UploadLayerPart',
  ];
  return [
    {
      Sid: 'EcrPublicLogin',
      Effect: 'Allow',
      Action: ['ecr-public:GetAuthorizationToken', 'sts:GetServiceBearerToken'],
      Resource: ['*'],
    },
    { Sid: 'EcrPublicWrite', Effect: 'Allow', Action, Resource: arns },
  ];
}
