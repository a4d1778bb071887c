/**
 * Access logs of a CDN in a bucket of their own (CloudFront's "standard logging v2"): delivered by CloudWatch, which
 * needs no ACL on the bucket, as the older way would.
 */
import * as logs from '@pulumi/aws/cloudwatch';
import * as s3 from '@pulumi/aws/s3';
import * as pulumi from '@pulumi/pulumi';
import { bucketArn, policyText, tlsOnly } from './policy';
import { PrivateBucket } from './privateBucket';

export interface CdnLogsArgs {
  /** Name of the logs' bucket. */
  bucket: string;
  /** ARN of the distribution. */
  distribution: pulumi.Input<string>;
  /** Account that both are in, 12 digits. */
  account: string;
}

/** Days for which logs are kept: they hold addresses of people. */
export const LOG_DAYS = 30;
/** CloudFront belongs to no region; its deliveries are declared here. */
const REGION = 'us-east-1';

export class CdnLogs extends pulumi.ComponentResource {
  constructor(name: string, args: CdnLogsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:aws:CdnLogs', name, {}, opts);
    const child = { parent: this };
    const lifecycle = [
      { id: 'old-logs', status: 'Enabled', filter: { prefix: '' }, expiration: { days: LOG_DAYS } },
    ];
    const made = new PrivateBucket(
      name,
      { bucket: args.bucket, isVersioned: false, lifecycle, isProtected: false },
      child,
    );
    const delivery = `${pulumi.getProject()}-${name}`;
    const policy = new s3.BucketPolicy(
      name,
      { bucket: args.bucket, policy: policyText([tlsOnly(args.bucket), writing(args, delivery)]) },
      { ...child, dependsOn: [made.bucket, ...made.settings] },
    );
    const source = new logs.LogDeliverySource(
      name,
      { name: delivery, logType: 'ACCESS_LOGS', resourceArn: args.distribution, region: REGION },
      child,
    );
    const destination = new logs.LogDeliveryDestination(
      name,
      {
        name: delivery,
        outputFormat: 'json',
        deliveryDestinationConfiguration: { destinationResourceArn: made.bucket.arn },
        region: REGION,
      },
      { ...child, dependsOn: [policy] },
    );
    new logs.LogDelivery(
      name,
      { deliverySourceName: source.name, deliveryDestinationArn: destination.arn, region: REGION },
      child,
    );
    this.registerOutputs({});
  }
}

const writing = ({ bucket, account }: CdnLogsArgs, delivery: string) => ({
  Sid: 'LogsArrive',
  Effect: 'Allow' as const,
  Principal: { Service: 'delivery.logs.amazonaws.com' },
  Action: ['s3:PutObject'],
  Resource: [`${bucketArn(bucket)}/*`],
  Condition: {
    StringEquals: { 's3:x-amz-acl': 'bucket-owner-full-control', 'aws:SourceAccount': account },
    ArnLike: { 'aws:SourceArn': `arn:aws:logs:${REGION}:${account}:delivery-source:${delivery}` },
  },
});
