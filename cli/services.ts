/** `npm run services`, and the services for commands that do not run the program. */
import { localServices, Services, serviceStatus, stopServices, Wanted } from '../services';
import { Stack } from './stack';

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

const wantedBy = ({ config }: Stack): Wanted => ({
  registry: text(config['falco:registry']),
  buildkit: text(config['falco:buildkit']),
});

/** The engine's environment holds for what this process starts, too. */
function takeEnvironment(stack: Stack): void {
  process.env.PATH = stack.env.PATH;
  process.env.BUILDX_CONFIG = stack.env.BUILDX_CONFIG;
}

/** Starts what does not answer, for commands that need services and do not run the program. */
export async function servicesOf(stack: Stack, tell: (line: string) => void): Promise<Services> {
  takeEnvironment(stack);
  return localServices(wantedBy(stack), { start: true, root: stack.root, onStart: tell });
}

/** @param action `start`, `stop` or `status` */
export async function servicesCommand(stack: Stack, action: string): Promise<number> {
  takeEnvironment(stack);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  if (action === 'start') {
    await localServices(wantedBy(stack), { start: true, root: stack.root });
  } else if (action === 'stop') {
    const stopped = await stopServices(stack.root);
    say(`registry: ${stopped.registry ? 'stopped' : 'was not running'}`);
    say(`buildkitd: ${stopped.buildkit ? 'stopped' : 'was not running'}`);
    return 0;
  }
  const { registry, registryPid, buildkit, buildkitPid } = serviceStatus(stack.root);
  const state = (pid: number | undefined) => (pid === undefined ? 'not running' : `running, process ${pid}`);
  say(`registry:  ${state(registryPid)}, http://${registry}, data in .local/registry`);
  say(`buildkitd: ${state(buildkitPid)}, ${buildkit}, data in .local/buildkit`);
  return 0;
}
