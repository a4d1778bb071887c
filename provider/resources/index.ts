/** Type tokens of this provider. */
import { Resource } from '../resource';
import { attestation } from './attestation';
import { base } from './base';
import { contextImage } from './contextImage';
import { cosignKey } from './cosignKey';
import { cosignKeyFile } from './cosignKeyFile';
import { gate } from './gate';
import { imageCopy } from './imageCopy';
import { imageStatements } from './imageStatements';
import { imageSteps } from './imageSteps';
import { installTree } from './installTree';
import { packageFile } from './package';
import { packageStatements } from './packageStatements';
import { promotedPackage } from './promotedPackage';
import { promotion } from './promotion';
import { recordFile } from './recordFile';
import { release } from './release';
import { releasedNames } from './releasedNames';
import { aptRepository, downloads, yumRepository } from './repository';
import { signingKey } from './signingKey';
import { source } from './source';
import { system } from './system';
import { tag } from './tag';

type AnyResource = Resource<never, never>;

export const registry: Record<string, AnyResource> = {
  'artifacts:index:Source': source as unknown as AnyResource,
  'artifacts:index:SigningKey': signingKey as unknown as AnyResource,
  'artifacts:index:CosignKey': cosignKey as unknown as AnyResource,
  'artifacts:index:CosignKeyFile': cosignKeyFile as unknown as AnyResource,
  'artifacts:index:Attestation': attestation as unknown as AnyResource,
  'artifacts:index:Base': base as unknown as AnyResource,
  'artifacts:index:System': system as unknown as AnyResource,
  'artifacts:index:InstallTree': installTree as unknown as AnyResource,
  'artifacts:index:Package': packageFile as unknown as AnyResource,
  'artifacts:index:PackageStatements': packageStatements as unknown as AnyResource,
  'artifacts:index:ContextImage': contextImage as unknown as AnyResource,
  'artifacts:index:ImageCopy': imageCopy as unknown as AnyResource,
  'artifacts:index:ImageStatements': imageStatements as unknown as AnyResource,
  'artifacts:index:ImageSteps': imageSteps as unknown as AnyResource,
  'artifacts:index:Promotion': promotion as unknown as AnyResource,
  'artifacts:index:PromotedPackage': promotedPackage as unknown as AnyResource,
  'artifacts:index:Gate': gate as unknown as AnyResource,
  'artifacts:index:ReleasedNames': releasedNames as unknown as AnyResource,
  'artifacts:index:AptRepository': aptRepository as unknown as AnyResource,
  'artifacts:index:YumRepository': yumRepository as unknown as AnyResource,
  'artifacts:index:Downloads': downloads as unknown as AnyResource,
  'artifacts:index:RecordFile': recordFile as unknown as AnyResource,
  'artifacts:index:Release': release as unknown as AnyResource,
  'artifacts:index:Tag': tag as unknown as AnyResource,
};
