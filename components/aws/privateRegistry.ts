/** Repositories in ECR: a tag that is out keeps its image, but for those that are meant to move. */
import * as aws from '@pulumi/aws/ecr';
import * as pulumi from '@pulumi/pulumi';

export interface PrivateRegistryArgs {
  repositories: {
    /** Name below the registry's host, `<namespace>/<image>`. */
    name: string;
    /** Tags that move (`latest`, `master`, …); all others are immutable. At most five; none: no tag moves. */
    moving: string[];
    /** Nothing in it ever has a tag: what is there is named by digest, and must stay. */
    isUntagged: boolean;
  }[];
}

/**
 * Days after which an image without tag goes: one that a broken update left, or a master build long gone. What was
 * published is deleted by its publisher; this is for what nobody remembers.
 */
export const UNTAGGED_DAYS = 365;
/** ECR takes no more exclusion filters for a repository. */
const MOST_FILTERS = 5;

export class PrivateRegistry extends pulumi.ComponentResource {
  constructor(name: string, args: PrivateRegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:aws:PrivateRegistry', name, {}, opts);
    for (const { name: repository, moving, isUntagged } of args.repositories) {
      if (moving.length > MOST_FILTERS)
        throw new Error(
          `${repository} has ${moving.length} moving tags, and ECR excludes ${MOST_FILTERS} from immutability at most: ${moving.join(', ')}`,
        );
      const made = new aws.Repository(
        `${name}-${repository}`,
        {
          name: repository,
          ...(moving.length > 0
            ? {
                imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
                imageTagMutabilityExclusionFilters: moving.map((filter) => ({
                  filter,
                  filterType: 'WILDCARD',
                })),
              }
            : { imageTagMutability: 'IMMUTABLE' }),
          imageScanningConfiguration: { scanOnPush: true },
          encryptionConfigurations: [{ encryptionType: 'AES256' }],
          forceDelete: false,
        },
        { parent: this, protect: true },
      );
      if (!isUntagged)
        new aws.LifecyclePolicy(
          `${name}-${repository}`,
          { repository: made.name, policy: LIFECYCLE },
          { parent: this },
        );
    }
    this.registerOutputs({});
  }
}

const LIFECYCLE = JSON.stringify({
  rules: [
    {
      rulePriority: 1,
      description: 'images that nobody names any more',
      selection: {
        tagStatus: 'untagged',
        countType: 'sinceImagePushed',
        countUnit: 'days',
        countNumber: UNTAGGED_DAYS,
      },
      action: { type: 'expire' },
    },
  ],
});
