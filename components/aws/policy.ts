/** Policies of AWS as data (IAM User Guide, "IAM JSON policy elements reference"). */

export interface Statement {
  /** Letters and digits, told once in a policy. */
  Sid: string;
  Effect: 'Allow' | 'Deny';
  /** Of a resource's policy or a role's trust: whom it is about. */
  Principal?: '*' | Record<string, string>;
  Action: string[];
  Resource?: string[];
  /** Operator, then key, then values; all have to hold. */
  Condition?: Record<string, Record<string, string | string[]>>;
}

/** The policy's text: the same statements give the same bytes. */
export function policyText(statements: Statement[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

/** ARN of a bucket; a bucket's name is of the whole partition, so that it needs no account. */
export const bucketArn = (bucket: string) => `arn:aws:s3:::${bucket}`;

/** Refuses every request that does not come by TLS. */
export function tlsOnly(bucket: string): Statement {
  return {
    Sid: 'TlsOnly',
    Effect: 'Deny',
    Principal: '*',
    Action: ['s3:*'],
    Resource: [bucketArn(bucket), `${bucketArn(bucket)}/*`],
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  };
}
