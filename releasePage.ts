/** The page of a promoted version on GitHub, after everything else of the release. */
import * as fs from 'node:fs/promises';
import * as pulumi from '@pulumi/pulumi';
import { changelogSection } from './components/github/changelog';
import { GitHubRelease, GitHubReleaseArgs } from './components/github/githubRelease';
import { githubProvider } from './components/github/provider';

export interface ReleasePageArgs extends Pick<
  GitHubReleaseArgs,
  'commit' | 'packages' | 'images' | 'isLatest' | 'isWithdrawn'
> {
  version: string;
  /** `<owner>/<name>`. */
  repository: string;
  /** Markdown file with a section of the version; absent: the page has the tables only. */
  changelog?: string;
  /** Configuration key of that file, for messages. */
  setting: string;
}

/** @returns the address of the page */
export async function declareReleasePage(
  { repository, changelog, setting, version, ...page }: ReleasePageArgs,
  dependsOn: pulumi.Resource[],
): Promise<pulumi.Output<string>> {
  const [owner = '', name = ''] = repository.split('/');
  const notes =
    changelog === undefined
      ? ''
      : changelogSection(await fs.readFile(changelog, 'utf8'), version, `${setting} (${changelog})`);
  const release = new GitHubRelease(
    'release',
    { ...page, version, repository: name, notes },
    { providers: [githubProvider('github', owner)], dependsOn },
  );
  return release.url;
}
