/** An environment of a repository: which refs may use it, who must approve, and the variables of its jobs. */
import * as github from '@pulumi/github';
import * as pulumi from '@pulumi/pulumi';
import { SettingError } from '../../names';
import { checkVariables } from './variables';

export interface Reviewers {
  /** Numbers of teams, as GitHub's API gives them. */
  teams?: number[];
  /** Numbers of users, likewise. */
  users?: number[];
}

export interface EnvironmentArgs {
  /** Name of the repository, without its owner, who is the provider's. */
  repository: pulumi.Input<string>;
  /** Name of the environment; jobs say it as `environment:`, and the OIDC token's subject ends with it. */
  environment: string;
  /** One of them must approve each job, not the one who started it, nor may an administrator pass. Default: nobody. */
  reviewers?: Reviewers;
  /** Branches whose jobs may use it, patterns of fnmatch. With neither branches nor tags: any ref. */
  branches?: string[];
  /** Tags whose jobs may use it, likewise. */
  tags?: string[];
  /** What its jobs read as `vars.NAME`. No secrets: everyone who reads the repository can read them. */
  variables: Record<string, pulumi.Input<string>>;
}

/** How many reviewers GitHub takes, teams and users together. */
const MOST_REVIEWERS = 6;

export class Environment extends pulumi.ComponentResource {
  readonly environment: pulumi.Output<string>;

  /** @throws SettingError for reviewers or variables that GitHub does not take, naming the environment */
  constructor(name: string, args: EnvironmentArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:components:GitHubEnvironment', name, {}, opts);
    const { repository, reviewers, branches = [], tags = [], variables } = args;
    const isLimited = branches.length + tags.length > 0;
    checkEnvironment(args.environment, args);
    const { environment } = new github.RepositoryEnvironment(
      `${name}-environment`,
      {
        repository,
        environment: args.environment,
        canAdminsBypass: reviewers === undefined,
        preventSelfReview: reviewers !== undefined,
        ...(reviewers && {
          reviewers: [{ teams: reviewers.teams ?? [], users: reviewers.users ?? [] }],
        }),
        ...(isLimited && {
          deploymentBranchPolicy: { protectedBranches: false, customBranchPolicies: true },
        }),
      },
      { parent: this },
    );
    this.environment = environment;
    const policy = (kind: 'branch' | 'tag', pattern: string) =>
      new github.RepositoryEnvironmentDeploymentPolicy(
        `${name}-${kind}-${pattern}`,
        {
          repository,
          environment,
          ...(kind === 'branch' ? { branchPattern: pattern } : { tagPattern: pattern }),
        },
        { parent: this },
      );
    for (const pattern of branches) policy('branch', pattern);
    for (const pattern of tags) policy('tag', pattern);
    for (const [variableName, value] of Object.entries(variables))
      new github.ActionsEnvironmentVariable(
        `${name}-${variableName}`,
        { repository, environment, variableName, value },
        { parent: this },
      );
    this.registerOutputs({});
  }
}

/** @throws SettingError for reviewers or variables that GitHub does not take, naming the environment */
export function checkEnvironment(
  environment: string,
  { reviewers, variables }: Pick<EnvironmentArgs, 'reviewers' | 'variables'>,
): void {
  if (reviewers) checkReviewers(environment, reviewers);
  checkVariables(environment, Object.keys(variables));
}

function checkReviewers(environment: string, { teams = [], users = [] }: Reviewers): void {
  const count = teams.length + users.length;
  if (count === 0)
    throw new SettingError(`reviewers of ${environment}`, 'are none; name a team or a user by its number');
  if (count > MOST_REVIEWERS)
    throw new SettingError(
      `reviewers of ${environment}`,
      `are ${count}, and GitHub takes ${MOST_REVIEWERS}; name a team`,
    );
}
