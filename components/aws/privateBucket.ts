/** A bucket that nobody reads or writes without being told so: no public access, no ACLs, encrypted. */
import * as aws from '@pulumi/aws/s3';
import * as awsTypes from '@pulumi/aws/types/input';
import * as pulumi from '@pulumi/pulumi';

export type LifecycleRule = awsTypes.s3.BucketLifecycleConfigurationRule;

export interface PrivateBucketArgs {
  /** The bucket's name, 3 to 63 characters, of all the world. */
  bucket: string;
  /** Old versions of an object are kept, until the lifecycle takes them. */
  isVersioned: boolean;
  /** What goes by itself, and when. */
  lifecycle: LifecycleRule[];
  /** `pulumi destroy` must not take it away. */
  isProtected: boolean;
}

/** Encrypted by S3's own keys: a CDN needs no right on a key, and no request costs more. */
export class PrivateBucket extends pulumi.ComponentResource {
  readonly bucket: aws.Bucket;
  /** Wait for these before anything is written or allowed. */
  readonly settings: pulumi.Resource[];

  constructor(name: string, args: PrivateBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:aws:PrivateBucket', name, {}, opts);
    const child = { parent: this };
    this.bucket = new aws.Bucket(
      name,
      { bucket: args.bucket, forceDestroy: false },
      { ...child, protect: args.isProtected },
    );
    const of = { bucket: this.bucket.bucket };
    const access = new aws.BucketPublicAccessBlock(
      `${name}-public-access`,
      {
        ...of,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      child,
    );
    const ownership = new aws.BucketOwnershipControls(
      `${name}-ownership`,
      { ...of, rule: { objectOwnership: 'BucketOwnerEnforced' } },
      child,
    );
    const encryption = new aws.BucketServerSideEncryptionConfiguration(
      `${name}-encryption`,
      { ...of, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }] },
      child,
    );
    const versioning = new aws.BucketVersioning(
      `${name}-versioning`,
      // A new bucket has none; `Disabled` is the only other value that S3 takes then.
      { ...of, versioningConfiguration: { status: args.isVersioned ? 'Enabled' : 'Disabled' } },
      child,
    );
    const lifecycle = new aws.BucketLifecycleConfiguration(
      `${name}-lifecycle`,
      { ...of, rules: args.lifecycle },
      // Rules about old versions want versioning.
      { ...child, dependsOn: [versioning] },
    );
    this.settings = [access, ownership, encryption, versioning, lifecycle];
    this.registerOutputs({ bucket: this.bucket.bucket });
  }
}
