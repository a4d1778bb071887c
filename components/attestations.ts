/**
 * Every image of the release signed, with what is told of it, in the stack's own registry, and verified as its users do:
 * after every gate and before an index or a tag moves.
 */
import * as pulumi from '@pulumi/pulumi';
import { Attestation, CosignKey } from './resources';
import { ImageEntry } from './settings';

export interface AttestationsArgs {
  /** Where what is told of images lies. */
  bucket: string;
  key: CosignKey;
  /** By name in the catalog. */
  images: Record<string, ImageEntry>;
}

export class Attestations extends pulumi.ComponentResource {
  /** By name in the catalog. */
  readonly all: Record<string, Attestation> = {};
  /** The same images, with what belongs to them now. */
  readonly images: Record<string, ImageEntry> = {};

  constructor(
    name: string,
    { bucket, key, images }: AttestationsArgs,
    dependsOn: pulumi.Resource[],
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('artifacts:components:Attestations', name, {}, opts);
    for (const [image, entry] of Object.entries(images)) {
      const { repository, digest, attachments: carried, signer: carriedSigner, statements } = entry;
      const attestation = new Attestation(
        `${name}-${image}`,
        {
          ...{ repository, digest },
          key: pulumi
            .all([key.key, key.home])
            .apply(([file, home]) => ({ ...(file && { key: file }), home })),
          publicKey: key.publicKey,
          ...(statements && { bucket, statements }),
          ...(carried && { carried: carried.apply((digests) => digests ?? []) }),
          ...(carriedSigner && { carriedSigner }),
        },
        { parent: this, dependsOn },
      );
      this.all[image] = attestation;
      this.images[image] = {
        repository,
        digest,
        support: entry.support,
        attachments: attestation.attachments,
      };
    }
    this.registerOutputs({});
  }
}
