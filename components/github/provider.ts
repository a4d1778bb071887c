/** The provider of GitHub, which takes its token from the environment of its own process. */
import { Provider } from '@pulumi/github/provider';

/**
 * A token that the program sees would be an input, and so stand in the state: the SDK takes it for a default. The
 * plugin finds it by itself.
 *
 * @param owner of the repositories
 */
export function githubProvider(name: string, owner: string): Provider {
  const { GITHUB_TOKEN: token } = process.env;
  delete process.env.GITHUB_TOKEN;
  try {
    return new Provider(name, { owner });
  } finally {
    if (token !== undefined) process.env.GITHUB_TOKEN = token;
  }
}
