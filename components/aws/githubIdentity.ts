/** GitHub's jobs as identities that AWS knows: no key is kept anywhere. */
import * as aws from '@pulumi/aws/iam';
import * as pulumi from '@pulumi/pulumi';

/** Who signs the tokens of GitHub's jobs. */
export const ISSUER = 'token.actions.githubusercontent.com';
/** For whom they are meant: what the action that takes a role asks for. */
export const AUDIENCE = 'sts.amazonaws.com';

/** An account has one of these at most. */
export class GithubIdentity extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: Record<string, never>, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:aws:GithubIdentity', name, args, opts);
    const made = new aws.OpenIdConnectProvider(
      name,
      // Without thumbprints: AWS trusts GitHub's certificate by its own list of authorities.
      { url: `https://${ISSUER}`, clientIdLists: [AUDIENCE] },
      { parent: this },
    );
    this.arn = made.arn;
    this.registerOutputs({ arn: this.arn });
  }
}
