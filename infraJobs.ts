/** The jobs on GitHub, one role each: which tokens may take it, and what it may do. Pure. */
import { BucketKeys, buildPrefix, ledgerKey } from './bucketKeys';
import { Statement } from './components/aws/policy';
import {
  EcrPlace,
  pullEcr,
  pushEcr,
  pushEcrPublic,
  readBucket,
  readState,
  StateStore,
  writeBucket,
  writeState,
} from './components/aws/rights';
import type { InfraSettings } from './infraConfig';

/** Names of the stacks, and of GitHub's environments of the same names. */
export const STACKS = { infra: 'infra', staging: 'staging', master: 'staging-master', prod: 'prod' } as const;

export interface Job {
  /** Last part of the role's name. */
  name: 'preview' | 'staging-master' | 'staging' | 'release' | 'drift';
  description: string;
  subjects: string[];
  rights: Statement[];
  maxSeconds: number;
}

export interface JobsArgs {
  settings: InfraSettings;
  /** Name of the Pulumi project, which stands in the keys of the state. */
  project: string;
  keys: BucketKeys;
  /** Repositories in ECR Public, below the alias. */
  publicRepositories: string[];
}

const HOUR = 3600;

export function jobs(args: JobsArgs): Job[] {
  const { settings, project, keys } = args;
  const { repository, callers, branch } = settings;
  const [staging, prod] = [settings.staging.bucket.name, settings.prod.bucket.name];
  const all = [repository, ...callers];
  const subject = (what: string) => all.map((one) => `repo:${one}:${what}`);
  const everything = [...keys.served, 'ledger/', 'build/'];
  const state = settings.state && { ...settings.state, project };
  const reading = [
    ...readBucket('Staging', { bucket: staging, keys: everything }),
    ...readBucket('Prod', { bucket: prod, keys: everything }),
    ...ecr(settings, pullEcr, [STACKS.staging, STACKS.master]),
    // Not that of infra: whoever sets up the accounts looks at it.
    ...stateOf(state, [STACKS.staging, STACKS.master, STACKS.prod]),
  ];
  const publishing = (bucket: string, of: string, written: string[]) => [
    ...readBucket(of, { bucket, keys: everything }),
    ...writeBucket(of, { bucket, keys: written }),
  ];
  return [
    {
      name: 'preview',
      description: 'Previews of the release stacks, on pull requests. Reads only.',
      subjects: subject('pull_request'),
      rights: reading,
      maxSeconds: HOUR,
    },
    {
      name: 'staging-master',
      description: 'Publishes master builds to the -dev repositories. Cannot touch what releases use.',
      subjects: subject(`environment:${STACKS.master}`),
      rights: [
        ...publishing(staging, 'Staging', [...keys.dev, buildPrefix(STACKS.master), ledgerKey('master')]),
        ...ecr(settings, pullEcr, [STACKS.master]),
        ...ecr(settings, pushEcr, [STACKS.master]),
        ...stateOf(state, [STACKS.master]),
        ...ownState(state, STACKS.master),
      ],
      maxSeconds: 4 * HOUR,
    },
    {
      name: 'staging',
      description: 'Builds releases and candidates, and publishes them in the places of staging.',
      subjects: subject(`environment:${STACKS.staging}`),
      rights: [
        ...publishing(staging, 'Staging', [
          ...keys.release,
          ...keys.dev,
          ...keys.publicKeys,
          buildPrefix(STACKS.staging),
          ledgerKey('release'),
        ]),
        ...ecr(settings, pullEcr, [STACKS.staging]),
        ...ecr(settings, pushEcr, [STACKS.staging]),
        ...stateOf(state, [STACKS.staging]),
        ...ownState(state, STACKS.staging),
      ],
      maxSeconds: 4 * HOUR,
    },
    {
      name: 'release',
      description: 'Publishes what staging proved. Reads staging, writes the places of releases.',
      // Not of a caller: an environment that nobody declared there has no reviewers.
      subjects: [`repo:${repository}:environment:${STACKS.prod}`],
      rights: [
        ...readBucket('Staging', { bucket: staging, keys: everything }),
        ...publishing(prod, 'Prod', [
          ...keys.release,
          ...keys.publicKeys,
          buildPrefix(STACKS.prod),
          ledgerKey('release'),
        ]),
        ...ecr(settings, pullEcr, [STACKS.staging]),
        ...(settings.ecrPublic ? pushEcrPublic(settings.account, args.publicRepositories) : []),
        ...stateOf(state, [STACKS.prod, STACKS.staging]),
        ...ownState(state, STACKS.prod),
      ],
      maxSeconds: 2 * HOUR,
    },
    {
      name: 'drift',
      description: 'Compares the release stacks with what is really there, by schedule. Reads only.',
      subjects: [`repo:${repository}:ref:refs/heads/${branch}`],
      rights: reading,
      maxSeconds: HOUR,
    },
  ];
}

/** Of a namespace of its own each, so that a master build cannot reach the images of a release. */
function ecr(
  { account, region, ecr: makes }: InfraSettings,
  rights: (place: EcrPlace) => Statement[],
  stacks: string[],
): Statement[] {
  if (makes === 'none') return [];
  return rights({ account, region, namespaces: stacks.map((stack) => `${stack}/`) });
}

const stateOf = (state: StateStore | undefined, stacks: string[]) => (state ? readState(state, stacks) : []);
const ownState = (state: StateStore | undefined, stack: string) => (state ? writeState(state, stack) : []);
