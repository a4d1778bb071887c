import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { plan } from '../../../cli/main';

const project = path.resolve(__dirname, '../../..');

describe('a command of npm', () => {
  let root: string;
  before(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'plan-'));
    for (const name of ['local', 'local-prod', 'infra'])
      fs.copyFileSync(path.join(project, `Pulumi.${name}.yaml`), path.join(root, `Pulumi.${name}.yaml`));
  });
  after(() => fs.rmSync(root, { recursive: true }));

  const agreed =
    'is for a stack that builds, and local-prod is falco:program: promotion; what it publishes is agreed to in ' +
    'Pulumi.local-prod.yaml: npm run propose -- --stack local-prod --version X.Y.Z';
  for (const [command, args, message] of [
    ['up', ['--version', '0.2.0'], `--version ${agreed}`],
    ['preview', ['--source', project], `--source ${agreed}`],
    ['up', ['--cmake-arg=-DX=1'], `--cmake-arg ${agreed}`],
  ] as const)
    it(`refuses what is built, of a stack that promotes: ${command} ${args[0]}`, () => {
      assert.throws(() => plan(root, command, ['--stack', 'local-prod', ...args]), {
        message: `npm run ${command}: ${message}`,
      });
    });

  it('refuses what is built, of infra', () => {
    assert.throws(() => plan(root, 'up', ['--stack', 'infra', '--version', '0.2.0']), {
      message:
        'npm run up: --version is for a stack that builds, and infra is falco:program: infra; leave it out',
    });
  });

  it('takes it for a stack that builds, and a proposal takes the version', () => {
    assert.ok(plan(root, 'up', ['--version', '0.2.0']));
    assert.ok(plan(root, 'propose', ['--stack', 'local-prod', '--version', '0.2.0']));
  });

  for (const command of ['preview', 'refresh', 'destroy', 'output', 'adopt', 'services', 'propose'] as const)
    it(`${command} refuses a stack that there is not, and makes none`, () => {
      assert.throws(() => plan(root, command, ['--stack', 'prdo']), {
        message: /^--stack: there is no stack prdo, .*; there are infra, local, local-prod\. /,
      });
      assert.equal(fs.existsSync(path.join(root, '.local/config/Pulumi.prdo.yaml')), false);
    });

  it('up makes a stack of a new name', () => {
    assert.ok(plan(root, 'up', ['--stack', 'other']));
  });
});
