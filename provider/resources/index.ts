/** Type tokens of this provider. */
import { Resource } from '../resource';
import { base } from './base';
import { contextImage } from './contextImage';
import { gate } from './gate';
import { imageCopy } from './imageCopy';
import { imageSteps } from './imageSteps';
import { installTree } from './installTree';
import { packageFile } from './package';
import { promotedPackage } from './promotedPackage';
import { promotion } from './promotion';
import { release } from './release';
import { releasedNames } from './releasedNames';
import { aptRepository, downloads, yumRepository } from './repository';
import { signingKey } from './signingKey';
import { source } from './source';
import { tag } from './tag';

type AnyResource = Resource<never, never>;

export const registry: Record<string, AnyResource> = {
  'artifacts:index:Source': source as unknown as AnyResource,
  'artifacts:index:SigningKey': signingKey as unknown as AnyResource,
  'artifacts:index:Base': base as unknown as AnyResource,
  'artifacts:index:InstallTree': installTree as unknown as AnyResource,
  'artifacts:index:Package': packageFile as unknown as AnyResource,
  'artifacts:index:ContextImage': contextImage as unknown as AnyResource,
  'artifacts:index:ImageCopy': imageCopy as unknown as AnyResource,
  'artifacts:index:ImageSteps': imageSteps as unknown as AnyResource,
  'artifacts:index:Promotion': promotion as unknown as AnyResource,
  'artifacts:index:PromotedPackage': promotedPackage as unknown as AnyResource,
  'artifacts:index:Gate': gate as unknown as AnyResource,
  'artifacts:index:ReleasedNames': releasedNames as unknown as AnyResource,
  'artifacts:index:AptRepository': aptRepository as unknown as AnyResource,
  'artifacts:index:YumRepository': yumRepository as unknown as AnyResource,
  'artifacts:index:Downloads': downloads as unknown as AnyResource,
  'artifacts:index:Release': release as unknown as AnyResource,
  'artifacts:index:Tag': tag as unknown as AnyResource,
};
