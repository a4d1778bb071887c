/** The page of a version among a repository's releases. */
import * as github from '@pulumi/github';
import * as pulumi from '@pulumi/pulumi';
import { isPrerelease } from '../../names';
import { releaseBody, ReleaseBodyInputs } from './releaseBody';

export interface GitHubReleaseArgs {
  /** Name of the repository, without its owner, who is the provider's. */
  repository: pulumi.Input<string>;
  /** x.y.z or x.y.z-pre: the tag and the name of the page. One with `-` is a pre-release. */
  version: pulumi.Input<string>;
  /** Source commit, 40 hex digits. GitHub puts the tag on it where there is none yet. */
  commit: pulumi.Input<string>;
  /** By file name: address, SHA-256 in hex, size in bytes, and for an alias the name of the file that it is. */
  packages: pulumi.Input<ReleaseBodyInputs['packages']>;
  /** `<namespace>/<name>:<tag>` to the reference by digest. */
  images: pulumi.Input<ReleaseBodyInputs['images']>;
  /** Markdown, such as `changelogSection` gives. */
  notes: pulumi.Input<string>;
  /**
   * Whether no newer release is out. The page of another one says so. GitHub's label "Latest" is not among the
   * inputs of the provider's resource: `tools/github/latestRelease.mjs` puts it where it belongs after an update.
   */
  isLatest: pulumi.Input<boolean>;
  /** Whether it was withdrawn; the page says so. */
  isWithdrawn: pulumi.Input<boolean>;
}

export class GitHubRelease extends pulumi.ComponentResource {
  /** Address of the page. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: GitHubReleaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:components:GitHubRelease', name, {}, opts);
    const { repository, version, commit, packages, images, notes, isLatest, isWithdrawn } = args;
    const body = pulumi
      .all([version, commit, packages, images, notes, isLatest, isWithdrawn])
      .apply(([text, source, files, tags, section, latest, withdrawn]) =>
        releaseBody({
          version: text,
          commit: source,
          packages: files,
          images: tags,
          notes: section,
          isLatest: latest,
          isWithdrawn: withdrawn,
        }),
      );
    const release = new github.Release(
      `${name}-page`,
      {
        repository,
        tagName: version,
        name: version,
        targetCommitish: commit,
        body,
        prerelease: pulumi.output(version).apply(isPrerelease),
        draft: false,
        generateReleaseNotes: false,
      },
      // The next version replaces it in this stack; the page of this version stays where users find it.
      { parent: this, retainOnDelete: true },
    );
    this.url = release.htmlUrl;
    this.registerOutputs({});
  }
}
