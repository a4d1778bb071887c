/** Composition only: reads the settings, declares what the stack is, exports what it made. */
import * as pulumi from '@pulumi/pulumi';
import { catalog } from './catalog';
import { NAMESPACE, Program, readProgram, readSettings } from './config';
import { namingViolations, SettingError } from './names';
import { declarePromotion } from './promotion';
import { declareRebuild, declareRelease } from './release';
import { checkBuilder, localServices } from './services';
import { BUCKET_SPACE, checkSpace, SERVICES_SPACE } from './services/space';
import { readSystems } from './systemsFile';

export = async () => {
  try {
    return await declare();
  } catch (error) {
    // A message of ours says all; only a mistake of the program needs its stack.
    const isOurs = error instanceof SettingError || (error as Error).constructor === Error;
    throw isOurs ? new pulumi.RunError((error as Error).message) : error;
  }
};

async function declare() {
  const violations = namingViolations(catalog);
  if (violations.length > 0)
    throw new Error(`The catalog breaks the naming rules: ${violations.join('; ')}.`);
  const program = readProgram();
  switch (program) {
    case 'infra': {
      // Loaded only here: the SDK of the cloud costs every preview half a second.
      const [{ declareInfra }, { readInfraSettings }] = await Promise.all([
        import('./infra'),
        import('./infraConfig'),
      ]);
      return declareInfra(catalog, readInfraSettings(catalog));
    }
    case 'release':
    case 'promotion':
    case 'rebuild':
      return published(program);
  }
}

async function published(program: Program) {
  const config = readSettings();
  const architecture = catalog.architectures.find(({ enabled }) => enabled);
  if (!architecture) throw new Error('The catalog has no enabled architecture.');
  const isUpdate = !pulumi.runtime.isDryRun();
  if (isUpdate) await checkDisks(config.bucket);
  const services = await localServices(config, { start: isUpdate, builds: !config.promotion });
  if (!config.promotion) await checkBuilder(services, config.cache, { isUpdate });
  const settings = {
    catalog,
    architecture,
    namespace: NAMESPACE,
    stack: pulumi.getStack(),
    channel: config.channel,
    bucket: config.bucket,
    url: config.url,
    registry: `${services.registry}/${catalog.product.imageNamespace}`,
    mirrors: config.mirrors,
    immutable: config.immutable,
    withdrawn: config.withdrawn,
    keep: config.keep,
  };
  if (config.promotion) return declarePromotion(settings, { ...config.promotion, signing: config });
  const declareIt = program === 'rebuild' ? declareRebuild : declareRelease;
  return declareIt(
    {
      ...settings,
      buildkit: services.buildkit,
      builder: services.builder,
      cache: config.cache,
      libraries: config.libraries,
      cmakeArgs: config.cmakeArgs,
      gateLimit: config.gateLimit,
      systems: readSystems('.', settings.stack),
      hasSource: config.source !== undefined,
    },
    config,
  );
}

/** Not before `destroy`, which frees some. */
async function checkDisks(bucket: string): Promise<void> {
  await checkSpace('.local', SERVICES_SPACE, 'move the project to another disk');
  if (!/^\w+:\/\//.test(bucket))
    await checkSpace(bucket, BUCKET_SPACE, `set ${NAMESPACE}:bucket to another disk`);
}
