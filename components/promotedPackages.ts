/** The packages of a release that another stack published, in this stack's bucket. */
import * as pulumi from '@pulumi/pulumi';
import { fileNames, fill } from '../names';
import { PromotedPackage, Promotion, SigningKey } from './resources';
import { PackageEntry, PublishSettings } from './settings';

export interface PromotedPackagesArgs {
  settings: PublishSettings;
  promotion: Promotion;
  /** Stack that it comes from. */
  from: string;
  /** Version of the release. */
  version: string;
  /** Keys of the catalog's packages that the release has. */
  keys: string[];
  /** Fingerprint of the key that must have signed them. */
  expectedKey: string;
  /** Signs the rpms anew. */
  key: SigningKey;
}

export class PromotedPackages extends pulumi.ComponentResource {
  readonly all: (PackageEntry & { resource: PromotedPackage })[];

  constructor(name: string, args: PromotedPackagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super('artifacts:components:PromotedPackages', name, {}, opts);
    const { settings, promotion, from, version, keys, expectedKey, key } = args;
    const { catalog, architecture, stack, channel, bucket } = settings;
    const { record } = promotion;
    this.all = catalog.packages
      .filter((row) => keys.includes(row.key))
      .map((row) => {
        const names = fileNames(catalog.product, row, version, architecture);
        const resource = new PromotedPackage(
          `${name}-${row.key}`,
          {
            ...{ bucket, channel, stack },
            prefix: `build/${stack}/package/${row.key}`,
            fileName: names.fileName,
            version,
            epoch: record.epoch,
            from: { bucket: record.bucket, publicKey: record.publicKey, stack: from },
            source: record.packages.apply((all) => all[row.key]),
            expectedKey,
            signing:
              row.format === 'rpm'
                ? { home: key.home, fingerprint: key.fingerprint, setting: key.setting }
                : undefined,
          },
          { parent: this },
        );
        const named = row.package ? fill(row.package, { name: catalog.product.name }) : undefined;
        const { statements } = resource;
        return { row: { ...row, package: named }, names: pulumi.output(names), resource, statements };
      });
    this.registerOutputs({});
  }
}
