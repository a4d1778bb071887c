/** The role of one job of GitHub's: who may take it, and all that it may do. */
import * as aws from '@pulumi/aws/iam';
import * as pulumi from '@pulumi/pulumi';
import { AUDIENCE, ISSUER } from './githubIdentity';
import { policyText, Statement } from './policy';

export interface JobRoleArgs {
  /** The role's name in the account. */
  role: string;
  /** What it is for, one line. */
  description: string;
  /** ARN of the account's OIDC provider for GitHub. */
  identity: pulumi.Input<string>;
  /**
   * Subjects of the tokens that may take it, each word for word: `repo:<owner>/<name>:environment:<name>`,
   * `…:ref:refs/heads/<branch>` or `…:pull_request` (GitHub, "OpenID Connect reference").
   */
  subjects: string[];
  /** All of its rights. */
  rights: Statement[];
  /** Seconds that a job may hold it, 3600 to 43200. */
  maxSeconds: number;
}

export class JobRole extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: JobRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:aws:JobRole', name, {}, opts);
    const role = new aws.Role(
      name,
      {
        name: args.role,
        description: args.description,
        maxSessionDuration: args.maxSeconds,
        assumeRolePolicy: pulumi.output(args.identity).apply((identity) => trust(identity, args.subjects)),
      },
      { parent: this },
    );
    new aws.RolePolicy(
      name,
      { name: 'rights', role: role.name, policy: policyText(args.rights) },
      { parent: this },
    );
    this.arn = role.arn;
    this.registerOutputs({ arn: this.arn });
  }
}

function trust(identity: string, subjects: string[]): string {
  return policyText([
    {
      Sid: 'GithubJob',
      Effect: 'Allow',
      Principal: { Federated: identity },
      Action: ['sts:AssumeRoleWithWebIdentity'],
      Condition: { StringEquals: { [`${ISSUER}:aud`]: AUDIENCE, [`${ISSUER}:sub`]: subjects } },
    },
  ]);
}
