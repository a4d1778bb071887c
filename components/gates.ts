/** The checks by real clients that every package and image must pass before anything is published. */
import * as pulumi from '@pulumi/pulumi';
import { CheckRow, ImageRow } from '../model';
import { fill, flavourOf, packageVersion, publicNames, usageText } from '../names';
import type { GateInputs } from '../provider/gates/gate';
import { Images } from './images';
import { BuiltPackage, Packages } from './packages';
import { ReleaseImage } from './releaseImage';
import { Base, Gate, SigningKey, Source } from './resources';
import { ReleaseSettings, repositoryOf } from './settings';

export interface GatesArgs {
  settings: ReleaseSettings;
  source: Source;
  packages: Packages;
  images: Images;
  /** Root file systems by their name in the catalog. */
  bases: Record<string, Base>;
  /** The tool-chain image: it has what reads binaries, and what the rpm client runs on. */
  builder: ReleaseImage;
  /** Signs the rpms. */
  key: SigningKey;
}

type Inputs = { [K in keyof GateInputs]?: pulumi.Input<unknown> };

export class Gates extends pulumi.ComponentResource {
  /** By name: a package's or image's, `floor-` before the name of a package whose binaries are looked at. */
  readonly all: Record<string, Gate> = {};
  /** Digests of what each looked at: of its files, or of its image. Known when it has passed. */
  readonly subjects: Record<string, pulumi.Output<string[]>> = {};

  constructor(
    private readonly label: string,
    private readonly args: GatesArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super('artifacts:components:Gates', label, {}, opts);
    const { packages, settings, images } = args;
    for (const built of packages.built) this.packageGates(built);
    for (const image of settings.catalog.images) {
      const made = images.all[image.name];
      if (made) this.imageGate(image, made);
    }
    this.registerOutputs({});
  }

  private packageGates(built: BuiltPackage): void {
    const { settings, packages, key } = this.args;
    const { row } = built;
    const hasBinaries = row.gate === 'deb' || row.gate === 'rpm' || row.gate === 'install';
    const other = row.gate === 'debug' ? packages.built.find((one) => one.row.gate === 'install') : undefined;
    const files = [built, ...(other ? [other] : [])];
    const inputs = {
      kind: row.gate,
      base: this.baseOf(row.gate),
      files: files.map(fileOf),
      checks: hasBinaries ? this.checks(settings.catalog.gates.installed) : [],
      settings: this.variables(built),
      arguments: row.gate === 'deb' ? { DEPENDS: packageNames(row.depends).join(' ') } : {},
      repository: row.gate === 'deb' || row.gate === 'rpm' ? this.repository(built) : undefined,
      signing:
        row.gate === 'rpm'
          ? { home: key.home, fingerprint: key.fingerprint, setting: key.setting }
          : undefined,
    };
    this.gate(
      row.key,
      inputs,
      files.map(({ resource }) => resource.sha256),
    );
    if (hasBinaries && row.format !== 'debug') {
      const floor = settings.catalog.libraries[settings.libraries].floors[row.format];
      const versions = Object.entries(floor.versions).map(([prefix, version]) => `${prefix}=${version}`);
      const looked = {
        kind: 'floor',
        base: this.baseOf('floor'),
        files: [fileOf(built)],
        checks: [],
        settings: { FORMAT: row.format, FLOOR_OF: floor.of, FLOORS: versions },
        arguments: {},
      };
      this.gate(`floor-${row.key}`, looked, [built.resource.sha256]);
    }
  }

  private imageGate(image: ImageRow, made: ReleaseImage): void {
    const { settings, source } = this.args;
    const { product } = settings.catalog;
    const usage = source.version.apply((version) =>
      usageText(product, image, settings.channel === 'master' ? 'master' : version),
    );
    const inputs = {
      kind: 'image',
      base: this.baseOf('image'),
      image: made.ref,
      files: [],
      checks: this.checks(image.gate, usage),
      settings: {},
      arguments: {},
    };
    this.gate(`image-${image.name}`, inputs, [made.digest]);
  }

  private gate(name: string, inputs: Inputs, subjects: pulumi.Output<string>[]): void {
    const { settings } = this.args;
    const gate = new Gate(
      `${this.label}-${name}`,
      {
        gate: name,
        stack: settings.stack,
        bucket: settings.bucket,
        buildkit: settings.buildkit,
        limit: settings.gateLimit,
        limitSetting: `${settings.namespace}:gateLimit`,
        ...inputs,
      },
      { parent: this },
    );
    this.all[name] = gate;
    const passed = pulumi.all(subjects);
    this.subjects[name] = gate.seconds.apply(() => passed);
  }

  /** What reads binaries or is dnf runs on the tool chain, the rest in a clean root. */
  private baseOf(kind: GateInputs['kind']): pulumi.Input<string> {
    const { settings, bases, builder } = this.args;
    if (kind === 'rpm' || kind === 'floor' || kind === 'debug') return builder.ref;
    const base = bases[settings.catalog.gates.base];
    if (!base) throw new Error(`catalog: gates.base "${settings.catalog.gates.base}" is no base`);
    return base.ref;
  }

  /** The variables of `gates/<kind>/run`. */
  private variables({ row, resource }: BuiltPackage): pulumi.Inputs {
    const { catalog } = this.args.settings;
    switch (row.gate) {
      case 'unpack':
        return { EXPECTED: row.texts.map(({ to }) => to) };
      case 'debug':
        return { BINARY: catalog.layout.binary };
      case 'install':
        return {};
      case 'deb':
      case 'rpm':
        return {
          PRODUCT: catalog.product.name,
          PACKAGE: row.package ?? '',
          PACKAGE_VERSION: resource.version.apply(packageVersion),
          NAMES: row.provides ?? [],
          STAND_INS: row.gate === 'rpm' ? catalog.gates.rpmStandIns : [],
        };
    }
  }

  private repository({ row }: BuiltPackage) {
    const { settings, source } = this.args;
    const { product, repositories } = settings.catalog;
    const kind = repositoryOf(row);
    return {
      ...publicNames(product),
      kind,
      prefix: source.version.apply(
        (version) => repositories[kind].prefix[flavourOf(settings.channel, version)],
      ),
      product,
      suite: repositories.apt.suite,
      component: repositories.apt.component,
      architecture: settings.architecture.deb,
      package: row.package,
      version: source.version,
    };
  }

  private checks(rows: CheckRow[], usage?: pulumi.Output<string>): pulumi.Output<CheckRow[]> {
    return pulumi
      .all([this.args.source.version, usage ?? pulumi.output('')])
      .apply(([version, text]) =>
        rows.map((row) =>
          row.says === undefined ? row : { ...row, says: fill(row.says, { version, usage: text }) },
        ),
      );
  }
}

function fileOf({ names, resource }: BuiltPackage) {
  return {
    key: resource.key,
    sha256: resource.sha256,
    size: resource.size,
    fileName: names.fileName,
  };
}

/** `dkms` of `dkms (>= 2.1.0.0)`. */
function packageNames(depends: string[] = []): string[] {
  return depends.map((one) => one.split(/[ (]/)[0]);
}
