/** Repositories in ECR Public. It knows no immutable tags: there the publisher's own check guards released names. */
import * as aws from '@pulumi/aws/ecrpublic';
import * as pulumi from '@pulumi/pulumi';

export interface PublicRegistryArgs {
  repositories: {
    /** Name below the registry's alias: `<name>` of `public.ecr.aws/<alias>/<name>`. */
    name: string;
    /** One line for the gallery. */
    description: string;
    /** What it does and how it is run, for the gallery; Markdown. */
    usage: string;
  }[];
  /** CPU architectures as the gallery spells them: `x86-64`, `ARM 64`. */
  architectures: string[];
}

/** ECR Public has its API in this region only; images are served everywhere. */
export const PUBLIC_REGION = 'us-east-1';

export class PublicRegistry extends pulumi.ComponentResource {
  constructor(name: string, args: PublicRegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:aws:PublicRegistry', name, {}, opts);
    for (const { name: repositoryName, description, usage } of args.repositories) {
      new aws.Repository(
        `${name}-${repositoryName}`,
        {
          region: PUBLIC_REGION,
          repositoryName,
          forceDestroy: false,
          catalogData: {
            description,
            usageText: usage,
            architectures: args.architectures,
            operatingSystems: ['Linux'],
          },
        },
        { parent: this, protect: true },
      );
    }
    this.registerOutputs({});
  }
}
