/** What the stack `infra` declares on GitHub: for the repository whose workflows publish, and for those that call them. */
import type { Provider } from '@pulumi/github/provider';
import * as pulumi from '@pulumi/pulumi';
import { githubProvider } from './components/github/provider';
import { declareGitHub, EnvironmentSettings } from './github';
import type { GithubSettings, InfraSettings } from './infraConfig';
import { STACKS } from './infraJobs';

export interface InfraGithubArgs {
  settings: InfraSettings;
  github: GithubSettings;
  /** ARN of each job's role, by the job's name (`infraJobs.ts`). */
  roles: Record<string, pulumi.Output<string>>;
  /** What `npm run status` asks: URL of the releases, registries. */
  statusUrls: pulumi.Input<string>[];
}

/** A release, and a candidate, as GitHub's patterns have them. */
const RELEASE_TAGS = ['[0-9]*.[0-9]*.[0-9]*'];

/** Declares environments, variables and rules (docs/github.md lists what the workflows read). */
export function declareInfraGithub({ settings, github, roles, statusUrls }: InfraGithubArgs): void {
  const { region, state, branch, repository, callers } = settings;
  const variables = {
    AWS_REGION: region,
    ...(state && { PULUMI_BACKEND_URL: `s3://${state.bucket}?region=${region}` }),
    PREVIEW_ROLE_ARN: roles.preview,
    DRIFT_ROLE_ARN: roles.drift,
    STATUS_URLS: pulumi.all(statusUrls).apply((all) => all.join(' ')),
  };
  const building: Record<string, EnvironmentSettings> = {
    [STACKS.master]: { branches: [branch], variables: { AWS_ROLE_ARN: roles['staging-master'] } },
    [STACKS.staging]: {
      tags: RELEASE_TAGS,
      variables: { AWS_ROLE_ARN: roles.staging, SOURCE: github.source },
    },
  };
  const prod: EnvironmentSettings = {
    branches: [branch],
    reviewers: github.reviewers,
    variables: {
      AWS_ROLE_ARN: roles.release,
      REGISTRY_USERNAME: github.registryUsername,
      ...(github.releases && { RELEASES_REPOSITORY: github.releases }),
    },
  };
  const providers = new Map<string, Provider>();
  for (const one of [repository, ...callers]) {
    const [owner = '', name = ''] = one.split('/');
    const provider = providers.get(owner) ?? githubProvider(`github-${owner}`, owner);
    providers.set(owner, provider);
    const isOwn = one === repository;
    declareGitHub(
      {
        repository: name,
        variables,
        environments: isOwn ? { ...building, [STACKS.prod]: prod } : building,
        // A tag of either builds staging; what a change of a caller's branch needs is the caller's to say.
        rules: {
          ...(isOwn && { requiredChecks: ['preview'] }),
          releaseTags: RELEASE_TAGS,
          taggers: github.reviewers,
        },
      },
      { providers: [provider] },
    );
  }
}
