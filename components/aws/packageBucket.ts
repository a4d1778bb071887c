/** The bucket of packages and repositories: versioned, and its lifecycle takes only what no publisher knows any more. */
import * as pulumi from '@pulumi/pulumi';
import { LifecycleRule, PrivateBucket } from './privateBucket';

export interface PackageBucketArgs {
  /** The bucket's name. */
  bucket: string;
  /** Prefixes of master builds and candidates, with a trailing slash: their old versions go sooner. */
  devPrefixes: string[];
  /** Prefixes of what master builds were made of, with a trailing slash: objects themselves go after `DEV_INPUTS`. */
  devInputPrefixes: string[];
}

/** Days for which a deleted or replaced object of a release can still be brought back. */
export const OLD_VERSIONS = 90;
/** The same for master builds, which are many. */
export const OLD_DEV_VERSIONS = 14;
/** Days after which sources and trees of master builds go. Long: a stack that rests must still find its newest ones. */
export const DEV_INPUTS = 180;
/** Days after which the parts of an upload that never ended go. */
const BROKEN_UPLOADS = 7;

export class PackageBucket extends pulumi.ComponentResource {
  readonly name: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  /** Host that a CDN asks. */
  readonly domain: pulumi.Output<string>;
  /** Wait for these before anybody is let in. */
  readonly settings: pulumi.Resource[];

  constructor(name: string, args: PackageBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:aws:PackageBucket', name, {}, opts);
    const made = new PrivateBucket(
      name,
      { bucket: args.bucket, isVersioned: true, lifecycle: lifecycle(args), isProtected: true },
      { parent: this },
    );
    this.name = made.bucket.bucket;
    this.arn = made.bucket.arn;
    this.domain = made.bucket.bucketRegionalDomainName;
    this.settings = made.settings;
    this.registerOutputs({ name: this.name });
  }
}

/** What is published is deleted by its publisher alone: no rule of these touches a current object of a repository. */
function lifecycle({ devPrefixes, devInputPrefixes }: PackageBucketArgs): LifecycleRule[] {
  const rule = (id: string, prefix: string, what: Partial<LifecycleRule>): LifecycleRule => ({
    id,
    status: 'Enabled',
    filter: { prefix },
    ...what,
  });
  return [
    rule('broken-uploads', '', { abortIncompleteMultipartUpload: { daysAfterInitiation: BROKEN_UPLOADS } }),
    rule('old-versions', '', {
      noncurrentVersionExpiration: { noncurrentDays: OLD_VERSIONS },
      expiration: { expiredObjectDeleteMarker: true },
    }),
    ...devPrefixes.map((prefix) =>
      rule(`old-versions-of-${idOf(prefix)}`, prefix, {
        noncurrentVersionExpiration: { noncurrentDays: OLD_DEV_VERSIONS },
      }),
    ),
    ...devInputPrefixes.map((prefix) =>
      rule(`inputs-of-${idOf(prefix)}`, prefix, {
        expiration: { days: DEV_INPUTS },
        noncurrentVersionExpiration: { noncurrentDays: OLD_DEV_VERSIONS },
      }),
    ),
  ];
}

const idOf = (prefix: string) => prefix.replace(/\/$/, '').replace(/\//g, '-');
