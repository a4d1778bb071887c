/** The rules of a repository: what a change of the default branch needs, and that a release tag stays. */
import * as github from '@pulumi/github';
import * as pulumi from '@pulumi/pulumi';

export interface RulesetsArgs {
  /** Name of the repository, without its owner, who is the provider's. */
  repository: pulumi.Input<string>;
  /** Names of check runs that must have passed on a pull request, such as that of the job that previews. */
  requiredChecks: string[];
  /** Patterns (fnmatch) of tags that may be made and neither moved nor removed, such as `[0-9]*.[0-9]*.[0-9]*`. */
  releaseTags: string[];
}

/** GitHub's own app "GitHub Actions": a check of the same name by another app does not count. */
const ACTIONS_APP = 15368;

export class Rulesets extends pulumi.ComponentResource {
  constructor(name: string, args: RulesetsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:components:GitHubRulesets', name, {}, opts);
    const { repository, requiredChecks, releaseTags } = args;
    new github.RepositoryRuleset(
      `${name}-branch`,
      {
        repository,
        name: 'default branch',
        target: 'branch',
        enforcement: 'active',
        conditions: { refName: { includes: ['~DEFAULT_BRANCH'], excludes: [] } },
        rules: {
          deletion: true,
          nonFastForward: true,
          pullRequest: {
            requiredApprovingReviewCount: 1,
            dismissStaleReviewsOnPush: true,
            requireLastPushApproval: true,
          },
          requiredStatusChecks: {
            requiredChecks: requiredChecks.map((context) => ({ context, integrationId: ACTIONS_APP })),
            // The preview is of what the merge will be, not of an older default branch.
            strictRequiredStatusChecksPolicy: true,
          },
        },
      },
      { parent: this },
    );
    new github.RepositoryRuleset(
      `${name}-tags`,
      {
        repository,
        name: 'release tags',
        target: 'tag',
        enforcement: 'active',
        conditions: {
          refName: { includes: releaseTags.map((pattern) => `refs/tags/${pattern}`), excludes: [] },
        },
        rules: { deletion: true, nonFastForward: true, update: true },
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
