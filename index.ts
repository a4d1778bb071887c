/** Composition only: reads the settings, declares the release from left to right, exports what it made. */
import * as pulumi from '@pulumi/pulumi';
import { catalog } from './catalog';
import { Images } from './components/images';
import { Packages } from './components/packages';
import { ReleaseImage } from './components/releaseImage';
import { Repositories } from './components/repositories';
import { Base, SigningKey, Source } from './components/resources';
import { ReleaseSettings } from './components/settings';
import { Tags } from './components/tags';
import { NAMESPACE, readSettings } from './config';
import { namingViolations } from './names';
import { releaseOutputs } from './outputs';
import { localServices } from './services';

export = async () => {
  const violations = namingViolations(catalog);
  if (violations.length > 0) throw new Error(`The catalog breaks the naming rules: ${violations.join('; ')}.`);
  const config = readSettings();
  const architecture = catalog.architectures.find(({ enabled }) => enabled);
  const builderRow = catalog.images.find(({ name }) => name === catalog.layout.builderImage);
  if (!architecture || !builderRow) throw new Error('The catalog needs an enabled architecture and its builder image.');
  const services = await localServices(config, { start: !pulumi.runtime.isDryRun() });

  const settings: ReleaseSettings = {
    catalog,
    architecture,
    namespace: NAMESPACE,
    stack: pulumi.getStack(),
    channel: config.channel,
    bucket: config.bucket,
    url: config.url,
    registry: `${services.registry}/${catalog.product.imageNamespace}`,
    mirrors: config.mirrors,
    buildkit: services.buildkit,
    builder: services.builder,
    cmakeArgs: config.cmakeArgs,
    hasSource: config.source !== undefined,
  };

  const source = new Source('source', {
    namespace: NAMESPACE,
    bucket: settings.bucket,
    prefix: `build/${settings.stack}/source`,
    source: config.source,
    tree: config.tree,
    extra: config.extra,
    patches: config.patches,
    version: config.version ?? '',
    epoch: config.epoch ?? 0,
    layout: catalog.layout,
    elfMachine: architecture.elfMachine,
  });
  const key = new SigningKey('signing-key', {
    home: config.gnupgHome,
    key: config.signingKey,
    localName: `${catalog.product.title} local builds (not for release) <local@localhost>`,
    setting: `${NAMESPACE}:signingKey`,
  });
  const bases = Object.fromEntries(
    Object.entries(catalog.bases).map(([name, row]) => {
      const repository = `${settings.registry}/base`;
      return [name, new Base(`base-${name}`, { bucket: settings.bucket, repository, row, epoch: source.epoch })];
    }),
  );
  const builder = new ReleaseImage(`image-${builderRow.name}`, {
    settings,
    image: builderRow,
    source,
    from: bases[(builderRow.from as { base: string }).base]?.ref ?? '',
    files: [],
  });
  const packages = new Packages('package', { settings, source, builder: builder.ref, key });
  const images = new Images('image', { settings, source, packages, bases, builder });

  const built = [...packages.built.map(({ resource }) => resource), ...Object.values(images.all).map(({ build }) => build)];
  const repositories = new Repositories('repository', { settings, source, packages, key }, built);
  const published = [repositories.apt, repositories.yum, repositories.downloads];
  const tags = new Tags('tag', { settings, source, images, bases }, [...built, ...published]);

  return releaseOutputs({ settings, source, packages, repositories, tags, bases });
};
