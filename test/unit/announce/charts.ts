/** Values of two charts in the shape of Falco's, and a template engine as small as their templates. */
import { parse } from 'yaml';

/** With an init container that loads the driver. */
export const withLoader = `# Default values.
image:
  registry: docker.io
  # -- The image repository
  repository: falcosecurity/falco
  # -- Overrides the chart's appVersion.
  tag: ""

driver:
  kind: auto   # which driver
  loader:
    initContainer:
      image:
        registry: docker.io
        repository: falcosecurity/falco-driver-loader
        tag: ''
`;

/** As in 2020: the image loads the driver itself. */
export const plain = `image:
  registry: docker.io
  repository: falcosecurity/falco
  tag: 0.23.0
  pullPolicy: IfNotPresent
`;

const line = (at: string) =>
  `image: {{ ${at}.registry }}/{{ ${at}.repository }}:{{ ${at}.tag | default .Chart.AppVersion }}`;

export const templates = {
  withLoader: `containers:\n  - ${line('.Values.image')}\ninitContainers:\n  - ${line('.Values.driver.loader.initContainer.image')}\n`,
  plain: `containers:\n  - ${line('.Values.image')}\n`,
};

interface Values {
  [key: string]: Values | string;
}

function merged(under: Values, over: Values): Values {
  const all = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const was = all[key];
    all[key] = typeof value === 'object' && typeof was === 'object' ? merged(was, value) : value;
  }
  return all;
}

/** Image references of a template, as `helm template -f` makes them of the chart's values and further ones. */
export function imagesOf(template: string, appVersion: string, ...files: string[]): string[] {
  const values = files.map((text) => parse(text) as Values).reduce(merged);
  const look = (path = ''): string => {
    if (path === '.Chart.AppVersion') return appVersion;
    const keys = path.replace(/^\.Values\./, '').split('.');
    const found = keys.reduce<Values | string>((place, key) => (place as Values)[key] ?? '', values);
    return typeof found === 'string' ? found : '';
  };
  const text = template.replace(
    /\{\{ (\S+)(?: \| default (\S+))? \}\}/g,
    (_, path: string, otherwise?: string) => look(path) || look(otherwise),
  );
  return [...text.matchAll(/image: (\S+)/g)].map(([, reference]) => reference ?? '');
}
