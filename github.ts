/** What the stack `infra` declares on GitHub, for each repository whose workflows act on the release stacks. */
import * as pulumi from '@pulumi/pulumi';
import { checkEnvironment, Environment, EnvironmentArgs } from './components/github/environment';
import { Rulesets, RulesetsArgs } from './components/github/rulesets';
import { checkVariables, Variables } from './components/github/variables';

/** One environment, without what all of a repository share. */
export type EnvironmentSettings = Omit<EnvironmentArgs, 'repository' | 'environment'>;

export interface GitHubArgs {
  /** Name of the repository, without its owner, who is the provider's (`github:owner`). */
  repository: string;
  /** Variables that all jobs read: plain values, such as region and role of the previews. docs/github.md lists them. */
  variables: Record<string, pulumi.Input<string>>;
  /**
   * By name: who must approve, which refs may use it, and its variables, such as the role that only its jobs may take.
   * docs/github.md lists the names and variables that the workflows read.
   */
  environments: Record<string, EnvironmentSettings>;
  /** What its default branch and its release tags need. Default: the repository keeps rules of its own. */
  rules?: Omit<RulesetsArgs, 'repository'>;
}

export interface GitHub {
  /** By the environment's name. */
  environments: Record<string, Environment>;
  variables: Variables;
  rulesets?: Rulesets;
}

/**
 * Declares environments, variables and rules of one repository. Its resources are named after the repository, so it
 * may be called for several.
 *
 * @param opts parent, provider and the like, for every component
 * @throws SettingError for reviewers or variables that GitHub does not take, before anything is declared
 */
export function declareGitHub(args: GitHubArgs, opts?: pulumi.ComponentResourceOptions): GitHub {
  const { repository, variables, rules } = args;
  checkVariables('the repository', Object.keys(variables));
  for (const [name, settings] of Object.entries(args.environments)) checkEnvironment(name, settings);
  const environments = Object.fromEntries(
    Object.entries(args.environments).map(([environment, settings]) => [
      environment,
      new Environment(`${repository}-${environment}`, { ...settings, repository, environment }, opts),
    ]),
  );
  return {
    environments,
    variables: new Variables(`${repository}-variables`, { repository, variables }, opts),
    ...(rules && { rulesets: new Rulesets(`${repository}-rules`, { ...rules, repository }, opts) }),
  };
}
