/** The resources of the `artifacts` provider, as the program sees them. Fields are described in `provider/resources/`. */
import * as pulumi from '@pulumi/pulumi';
import type { AttestationInputs, AttestationOutputs } from '../provider/resources/attestation';
import type { BaseInputs, BaseOutputs } from '../provider/resources/base';
import type { ContextImageInputs, ContextImageOutputs } from '../provider/resources/contextImage';
import type { CosignKeyInputs, CosignKeyOutputs } from '../provider/resources/cosignKey';
import type { CosignKeyFileInputs } from '../provider/resources/cosignKeyFile';
import type { GateInputs } from '../provider/gates/gate';
import type { ImageCopyInputs } from '../provider/resources/imageCopy';
import type { ImageStatementsInputs, ImageStatementsOutputs } from '../provider/resources/imageStatements';
import type { ImageStepsInputs } from '../provider/resources/imageSteps';
import type { InstallTreeInputs, InstallTreeOutputs } from '../provider/resources/installTree';
import type { PackageInputs, PackageOutputs } from '../provider/resources/package';
import type {
  PackageStatementsInputs,
  PackageStatementsOutputs,
} from '../provider/resources/packageStatements';
import type { PromotedPackageInputs, PromotedPackageOutputs } from '../provider/resources/promotedPackage';
import type { PromotionInputs } from '../provider/resources/promotion';
import type { ReleaseRecord } from '../provider/promotion/record';
import type { RecordFileInputs } from '../provider/resources/recordFile';
import type { ReleasedNamesInputs } from '../provider/resources/releasedNames';
import type { ReleaseInputs } from '../provider/resources/release';
import type { RepositoryInputs, RepositoryOutputs } from '../provider/resources/repository';
import type { SigningKeyInputs } from '../provider/resources/signingKey';
import type { SystemInputs, SystemOutputs } from '../provider/resources/system';
import type { SourceInputs, SourceOutputs } from '../provider/resources/source';
import type { TagInputs } from '../provider/resources/tag';

/** Each property as the program may give it: plain, or another resource's output. */
type Args<T> = {
  [K in keyof T]: pulumi.Input<T[K]> | pulumi.Input<{ [L in keyof T[K]]: pulumi.Input<T[K][L]> }>;
};

/** Declares the state's properties, so that each is an output of the resource. */
function outputs(names: string[], args: object): pulumi.Inputs {
  return { ...Object.fromEntries(names.map((name) => [name, undefined])), ...args };
}

export class Source extends pulumi.CustomResource {
  declare readonly version: pulumi.Output<string>;
  declare readonly epoch: pulumi.Output<number>;
  declare readonly revision: pulumi.Output<string>;
  declare readonly isEdited: pulumi.Output<boolean>;
  declare readonly parts: pulumi.Output<SourceInputs['parts']>;
  declare readonly treeParts: pulumi.Output<SourceInputs['treeParts']>;
  declare readonly sourceArchive: pulumi.Output<SourceOutputs['sourceArchive']>;
  declare readonly extraArchives: pulumi.Output<SourceOutputs['extraArchives']>;
  declare readonly patchesArchive: pulumi.Output<SourceOutputs['patchesArchive']>;
  declare readonly treeArchive: pulumi.Output<SourceOutputs['treeArchive']>;

  constructor(name: string, args: Args<SourceInputs>, opts?: pulumi.CustomResourceOptions) {
    const state = [
      'revision',
      'isEdited',
      'parts',
      'treeParts',
      'sourceArchive',
      'extraArchives',
      'patchesArchive',
      'treeArchive',
    ];
    super('artifacts:index:Source', name, outputs(state, args), opts);
  }
}

export class SigningKey extends pulumi.CustomResource {
  declare readonly home: pulumi.Output<string>;
  declare readonly setting: pulumi.Output<string>;
  declare readonly fingerprint: pulumi.Output<string>;
  declare readonly indexKeys: pulumi.Output<string[]>;
  declare readonly publishedKeys: pulumi.Output<string[]>;

  constructor(name: string, args: Args<SigningKeyInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:SigningKey', name, outputs(['fingerprint'], args), opts);
  }
}

export class CosignKey extends pulumi.CustomResource {
  /** Absent where the stack made it. */
  declare readonly key: pulumi.Output<string | undefined>;
  declare readonly home: pulumi.Output<string>;
  declare readonly publicKey: pulumi.Output<CosignKeyOutputs['publicKey']>;
  declare readonly fingerprint: pulumi.Output<CosignKeyOutputs['fingerprint']>;

  constructor(name: string, args: Args<CosignKeyInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:CosignKey', name, outputs(['key', 'publicKey', 'fingerprint'], args), opts);
  }
}

export class CosignKeyFile extends pulumi.CustomResource {
  constructor(name: string, args: Args<CosignKeyFileInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:CosignKeyFile', name, args, opts);
  }
}

export class Attestation extends pulumi.CustomResource {
  declare readonly repository: pulumi.Output<string>;
  declare readonly digest: pulumi.Output<string>;
  declare readonly attachments: pulumi.Output<AttestationOutputs['attachments']>;

  constructor(name: string, args: Args<AttestationInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:Attestation', name, outputs(['attachments'], args), opts);
  }
}

export class Base extends pulumi.CustomResource {
  declare readonly took: pulumi.Output<BaseInputs['took']>;
  declare readonly repository: pulumi.Output<string>;
  declare readonly digest: pulumi.Output<BaseOutputs['digest']>;
  declare readonly recipe: pulumi.Output<string>;
  declare readonly ref: pulumi.Output<BaseOutputs['ref']>;

  constructor(name: string, args: Args<BaseInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:Base', name, outputs(['took', 'recipe', 'ref', 'digest', 'packages'], args), opts);
  }
}

export class System extends pulumi.CustomResource {
  declare readonly repository: pulumi.Output<string>;
  declare readonly digest: pulumi.Output<SystemOutputs['digest']>;
  declare readonly recipe: pulumi.Output<string>;
  declare readonly ref: pulumi.Output<SystemOutputs['ref']>;

  constructor(name: string, args: Args<SystemInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:System', name, outputs(['recipe', 'ref', 'digest', 'packages'], args), opts);
  }
}

export class ContextImage extends pulumi.CustomResource {
  declare readonly ref: pulumi.Output<ContextImageOutputs['ref']>;

  constructor(name: string, args: Args<ContextImageInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:ContextImage', name, outputs(['ref', 'digest'], args), opts);
  }
}

export class InstallTree extends pulumi.CustomResource {
  declare readonly key: pulumi.Output<InstallTreeOutputs['key']>;
  declare readonly sha256: pulumi.Output<InstallTreeOutputs['sha256']>;
  declare readonly size: pulumi.Output<InstallTreeOutputs['size']>;
  declare readonly contents: pulumi.Output<InstallTreeOutputs['contents']>;
  declare readonly facts: pulumi.Output<InstallTreeOutputs['facts']>;
  declare readonly parts: pulumi.Output<NonNullable<InstallTreeInputs['parts']>>;

  constructor(name: string, args: Args<InstallTreeInputs>, opts?: pulumi.CustomResourceOptions) {
    super(
      'artifacts:index:InstallTree',
      name,
      outputs(['parts', 'key', 'sha256', 'size', 'contents', 'facts'], args),
      opts,
    );
  }
}

export class Package extends pulumi.CustomResource {
  declare readonly fileName: pulumi.Output<string>;
  declare readonly version: pulumi.Output<string>;
  declare readonly key: pulumi.Output<PackageOutputs['key']>;
  declare readonly identity: pulumi.Output<PackageOutputs['identity']>;
  declare readonly sha256: pulumi.Output<PackageOutputs['sha256']>;
  declare readonly size: pulumi.Output<PackageOutputs['size']>;
  declare readonly zlib: pulumi.Output<PackageOutputs['zlib']>;

  constructor(name: string, args: Args<PackageInputs>, opts?: pulumi.CustomResourceOptions) {
    super(
      'artifacts:index:Package',
      name,
      outputs(['key', 'sha256', 'size', 'unsigned', 'identity', 'recipe', 'zlib'], args),
      opts,
    );
  }
}

export class PackageStatements extends pulumi.CustomResource {
  declare readonly statements: pulumi.Output<PackageStatementsOutputs['statements']>;

  constructor(name: string, args: Args<PackageStatementsInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:PackageStatements', name, outputs(['statements'], args), opts);
  }
}

export class ImageCopy extends pulumi.CustomResource {
  declare readonly repository: pulumi.Output<string>;
  declare readonly digest: pulumi.Output<string>;
  declare readonly attachments: pulumi.Output<string[] | undefined>;

  constructor(name: string, args: Args<ImageCopyInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:ImageCopy', name, outputs(['attachments'], args), opts);
  }
}

export class ImageStatements extends pulumi.CustomResource {
  declare readonly statements: pulumi.Output<ImageStatementsOutputs['statements']>;

  constructor(name: string, args: Args<ImageStatementsInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:ImageStatements', name, outputs(['statements'], args), opts);
  }
}

export class ImageSteps extends pulumi.CustomResource {
  constructor(name: string, args: Args<ImageStepsInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:ImageSteps', name, outputs(['recipe'], args), opts);
  }
}

export class Promotion extends pulumi.CustomResource {
  declare readonly record: pulumi.Output<ReleaseRecord>;

  constructor(name: string, args: Args<PromotionInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:Promotion', name, args, opts);
  }
}

export class PromotedPackage extends pulumi.CustomResource {
  declare readonly version: pulumi.Output<string>;
  declare readonly key: pulumi.Output<PromotedPackageOutputs['key']>;
  declare readonly identity: pulumi.Output<PromotedPackageOutputs['identity']>;
  declare readonly sha256: pulumi.Output<PromotedPackageOutputs['sha256']>;
  declare readonly size: pulumi.Output<PromotedPackageOutputs['size']>;
  declare readonly statements: pulumi.Output<PromotedPackageOutputs['statements']>;

  constructor(name: string, args: Args<PromotedPackageInputs>, opts?: pulumi.CustomResourceOptions) {
    const made = outputs(['key', 'sha256', 'size', 'identity', 'statements'], args);
    super('artifacts:index:PromotedPackage', name, made, opts);
  }
}

export class Gate extends pulumi.CustomResource {
  /** What its last run took. */
  declare readonly seconds: pulumi.Output<number>;

  constructor(
    name: string,
    args: { [K in keyof GateInputs]?: pulumi.Input<unknown> },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super('artifacts:index:Gate', name, outputs(['seconds', 'previous', 'script'], args), opts);
  }
}

export class ReleasedNames extends pulumi.CustomResource {
  constructor(name: string, args: Args<ReleasedNamesInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:ReleasedNames', name, args, opts);
  }
}

export type RepositoryKind = 'AptRepository' | 'YumRepository' | 'Downloads';

export class Repository extends pulumi.CustomResource {
  declare readonly files: pulumi.Output<RepositoryOutputs['files']>;

  constructor(
    kind: RepositoryKind,
    name: string,
    args: Args<RepositoryInputs>,
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(`artifacts:index:${kind}`, name, outputs(['files', 'latest', 'expired', 'rebuilt'], args), opts);
  }
}

export class Release extends pulumi.CustomResource {
  constructor(name: string, args: Args<ReleaseInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:Release', name, outputs(['expired'], args), opts);
  }
}

export class RecordFile extends pulumi.CustomResource {
  constructor(name: string, args: Args<RecordFileInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:RecordFile', name, args, opts);
  }
}

export class Tag extends pulumi.CustomResource {
  declare readonly repository: pulumi.Output<string>;
  declare readonly tag: pulumi.Output<string>;
  declare readonly target: pulumi.Output<string>;
  /** Version of the release that it stands for. */
  declare readonly targetVersion: pulumi.Output<string>;

  constructor(name: string, args: Args<TagInputs>, opts?: pulumi.CustomResourceOptions) {
    super('artifacts:index:Tag', name, outputs(['target', 'targetVersion'], args), opts);
  }
}
