/** The rules of a repository: what a change of the default branch needs, who makes a release tag, and that it stays. */
import * as github from '@pulumi/github';
import * as pulumi from '@pulumi/pulumi';
import type { Reviewers } from './environment';

export interface RulesetsArgs {
  /** Name of the repository, without its owner, who is the provider's. */
  repository: pulumi.Input<string>;
  /**
   * Names of check runs that must have passed on a pull request, such as that of the job that previews. Default: the
   * rules of the default branch are the repository's own.
   */
  requiredChecks?: string[];
  /** Patterns (fnmatch) of tags that are neither moved nor removed once they are made, such as `[0-9]*.[0-9]*.[0-9]*`. */
  releaseTags: string[];
  /** Who makes such a tag, and nobody else: an administrator neither. */
  taggers: Reviewers;
}

/** GitHub's own app "GitHub Actions": a check of the same name by another app does not count. */
const ACTIONS_APP = 15368;

export class Rulesets extends pulumi.ComponentResource {
  constructor(name: string, args: RulesetsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:components:GitHubRulesets', name, {}, opts);
    const { repository, requiredChecks, releaseTags, taggers } = args;
    const rules = (key: string, rest: Omit<github.RepositoryRulesetArgs, 'repository' | 'enforcement'>) =>
      new github.RepositoryRuleset(
        `${name}-${key}`,
        { repository, enforcement: 'active', ...rest },
        { parent: this },
      );
    if (requiredChecks)
      rules('branch', {
        name: 'default branch',
        target: 'branch',
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
      });
    const tags = {
      target: 'tag',
      conditions: {
        refName: { includes: releaseTags.map((pattern) => `refs/tags/${pattern}`), excludes: [] },
      },
    };
    rules('tags', {
      name: 'release tags',
      ...tags,
      rules: { deletion: true, nonFastForward: true, update: true },
    });
    // A ruleset of its own: whoever may pass one may pass all of its rules.
    rules('new-tags', {
      name: 'new release tags',
      ...tags,
      rules: { creation: true },
      bypassActors: bypassActors(taggers),
    });
    this.registerOutputs({});
  }
}

function bypassActors({ teams = [], users = [] }: Reviewers) {
  const actors = (actorType: string, numbers: number[]) =>
    numbers.map((actorId) => ({ actorId, actorType, bypassMode: 'always' }));
  return [...actors('Team', teams), ...actors('User', users)];
}
