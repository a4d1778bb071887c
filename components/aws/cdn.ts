/**
 * CloudFront in front of a package bucket. Two ways to cache: what never changes for as long as its object says, every
 * other name asked for anew at each request. So nothing is ever invalidated, and no client meets the time in between.
 */
import * as aws from '@pulumi/aws/cloudfront';
import * as pulumi from '@pulumi/pulumi';

export interface CdnArgs {
  /** Host of the bucket, `<bucket>.s3.<region>.amazonaws.com`. */
  origin: pulumi.Input<string>;
  /** Path patterns of what never changes: `*` is any text, slashes included. */
  immutable: string[];
  /** The object that `/` stands for, there or not. Without one, `/` would be a listing of the bucket. */
  root: string;
  /** A domain of one's own, and the ARN of its ACM certificate in us-east-1. Default: CloudFront's. */
  domain?: { name: string; certificate: string };
}

/** Seconds: what S3's `Cache-Control` says is bounded by it, a year. */
const YEAR = 31_536_000;
/** Seconds for which an object counts as unchanged that does not say. */
const DAY = 86_400;

export class Cdn extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;
  readonly id: pulumi.Output<string>;
  /** CloudFront's own host, where a domain's CNAME or alias points. */
  readonly target: pulumi.Output<string>;
  /** Public URL of the bucket's root, no trailing slash. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: CdnArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:aws:Cdn', name, {}, opts);
    const access = new aws.OriginAccessControl(
      name,
      {
        name: `${pulumi.getProject()}-${name}`,
        originAccessControlOriginType: 's3',
        signingBehavior: 'always',
        signingProtocol: 'sigv4',
      },
      { parent: this },
    );
    const immutable = this.caching(`${name}-immutable`, { defaultTtl: DAY, maxTtl: YEAR });
    // Kept, but never given out without asking: with `no-cache`, S3 answers "not modified" for most.
    const revalidated = this.caching(`${name}-revalidated`, { defaultTtl: 0, maxTtl: 1 });
    const origin = 'bucket';
    const behaviour = (policy: aws.CachePolicy) => ({
      targetOriginId: origin,
      cachePolicyId: policy.id,
      viewerProtocolPolicy: 'redirect-to-https',
      allowedMethods: ['GET', 'HEAD'],
      cachedMethods: ['GET', 'HEAD'],
      // Clients compare sizes and digests: they get the store's bytes.
      compress: false,
    });
    const distribution = new aws.Distribution(
      name,
      {
        enabled: true,
        comment: `${pulumi.getProject()} ${name}`,
        httpVersion: 'http2and3',
        isIpv6Enabled: true,
        priceClass: 'PriceClass_All',
        defaultRootObject: args.root,
        aliases: args.domain ? [args.domain.name] : [],
        origins: [{ originId: origin, domainName: args.origin, originAccessControlId: access.id }],
        defaultCacheBehavior: behaviour(revalidated),
        orderedCacheBehaviors: args.immutable.map((pathPattern) => ({
          pathPattern,
          ...behaviour(immutable),
        })),
        // A file that is missing now may be published in a second.
        customErrorResponses: [403, 404].map((errorCode) => ({ errorCode, errorCachingMinTtl: 0 })),
        restrictions: { geoRestriction: { restrictionType: 'none' } },
        viewerCertificate: args.domain
          ? {
              acmCertificateArn: args.domain.certificate,
              sslSupportMethod: 'sni-only',
              minimumProtocolVersion: 'TLSv1.2_2021',
            }
          : { cloudfrontDefaultCertificate: true },
      },
      { parent: this },
    );
    this.arn = distribution.arn;
    this.id = distribution.id;
    this.target = distribution.domainName;
    this.url = pulumi.interpolate`https://${args.domain?.name ?? distribution.domainName}`;
    this.registerOutputs({ url: this.url });
  }

  /** The key is the path alone: no query, cookie or header reaches the bucket or makes another copy. */
  private caching(name: string, ttl: { defaultTtl: number; maxTtl: number }): aws.CachePolicy {
    return new aws.CachePolicy(
      name,
      {
        name: `${pulumi.getProject()}-${name}`,
        // No floor: `no-cache` of an object holds in either behaviour.
        minTtl: 0,
        ...ttl,
        parametersInCacheKeyAndForwardedToOrigin: {
          cookiesConfig: { cookieBehavior: 'none' },
          headersConfig: { headerBehavior: 'none' },
          queryStringsConfig: { queryStringBehavior: 'none' },
          enableAcceptEncodingBrotli: false,
          enableAcceptEncodingGzip: false,
        },
      },
      { parent: this },
    );
  }
}
