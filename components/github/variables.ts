/** Variables of a repository, which the jobs of every workflow read, in an environment or not. */
import * as github from '@pulumi/github';
import * as pulumi from '@pulumi/pulumi';
import { SettingError } from '../../names';

export interface VariablesArgs {
  /** Name of the repository, without its owner, who is the provider's. */
  repository: pulumi.Input<string>;
  /** What jobs read as `vars.NAME`. No secrets: everyone who reads the repository can read them. */
  variables: Record<string, pulumi.Input<string>>;
}

export class Variables extends pulumi.ComponentResource {
  /** @throws SettingError for a name that GitHub does not take */
  constructor(name: string, args: VariablesArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:components:GitHubVariables', name, {}, opts);
    const { repository, variables } = args;
    checkVariables('the repository', Object.keys(variables));
    for (const [variableName, value] of Object.entries(variables))
      new github.ActionsVariable(
        `${name}-${variableName}`,
        { repository, variableName, value },
        { parent: this },
      );
    this.registerOutputs({});
  }
}

/**
 * Letters, digits and `_`, a letter first, and not `GITHUB_` (GitHub, "Variables reference").
 *
 * @throws SettingError naming the variable and whose it is
 */
export function checkVariables(whose: string, names: string[]): void {
  const bad = names.find((name) => !/^(?!GITHUB_)[A-Z][A-Z0-9_]*$/.test(name));
  if (bad !== undefined)
    throw new SettingError(
      `variable ${bad} of ${whose}`,
      'is no name of a variable; use A-Z, 0-9 and "_", a letter first, and not GITHUB_',
    );
}
