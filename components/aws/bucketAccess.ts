/** The policy of a package bucket: TLS only, and one CDN that reads what is for the public. */
import * as aws from '@pulumi/aws/s3';
import * as pulumi from '@pulumi/pulumi';
import { bucketArn, policyText, Statement, tlsOnly } from './policy';

export interface BucketAccessArgs {
  /** The bucket's name. */
  bucket: string;
  /** ARN of the distribution that reads it; without one, nobody but the account's roles does. */
  distribution?: pulumi.Input<string>;
  /** Prefixes that the distribution reads, with a trailing slash. */
  served: string[];
}

export class BucketAccess extends pulumi.ComponentResource {
  /** `opts.dependsOn`: the bucket's settings. */
  constructor(name: string, args: BucketAccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:aws:BucketAccess', name, {}, opts);
    new aws.BucketPolicy(
      name,
      { bucket: args.bucket, policy: accessPolicy(args) },
      { parent: this, dependsOn: opts?.dependsOn },
    );
    this.registerOutputs({});
  }
}

/** The policy's text; what is to be merged into the policy of a bucket that others made. */
export function accessPolicy({ bucket, distribution, served }: BucketAccessArgs): pulumi.Output<string> {
  return pulumi
    .output(distribution)
    .apply((arn) => policyText([tlsOnly(bucket), ...(arn ? reading(bucket, arn, served) : [])]));
}

function reading(bucket: string, distribution: string, served: string[]): Statement[] {
  const common = {
    Effect: 'Allow' as const,
    Principal: { Service: 'cloudfront.amazonaws.com' },
    Condition: { ArnEquals: { 'aws:SourceArn': distribution } },
  };
  return [
    {
      ...common,
      Sid: 'CdnReads',
      Action: ['s3:GetObject'],
      Resource: served.map((prefix) => `${bucketArn(bucket)}/${prefix}*`),
    },
    // Without it S3 says 403 where it means 404, and apt and dnf take that for something else.
    { ...common, Sid: 'CdnTells404', Action: ['s3:ListBucket'], Resource: [bucketArn(bucket)] },
  ];
}
