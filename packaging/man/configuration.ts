import { stringify } from 'yaml';
import { CONFIGURATIONS, type DaemonName } from '../config/files.ts';
import { type Option, optionsOf } from '../config/options.ts';
import { type PageHead, page, paragraph, references, section, term } from './roff.ts';

/** onestorage-agent.yaml(5), onestorage-controller.yaml(5). */
export function configurationPage(daemon: DaemonName, head: Pick<PageHead, 'version' | 'date'>): string {
  const { schema, prefix } = CONFIGURATIONS[daemon];
  const file = `/etc/onestorage/${daemon}.yaml`;
  return page(
    { ...head, name: `onestorage-${daemon}.yaml`, section: 5, summary: `configuration of the onestorage ${daemon}` },
    section(
      'DESCRIPTION',
      paragraph(
        `${file} is YAML. A key that is not set has its default. What is wrong in it is said in one line with the number of the line, and the daemon does not start. A change is read at the next start: systemctl restart onestorage-${daemon}`,
      ),
      paragraph(
        `An environment variable overrides a key of the first level: ${prefix}LOG_LEVEL=debug is log_level: debug. systemctl edit onestorage-${daemon} is the place for it.`,
      ),
    ),
    section('KEYS', ...optionsOf(schema).flatMap((option) => terms(option, 0))),
    section('FILES', term(file, 'The packaged file holds all keys, commented out.')),
    section(
      'SEE ALSO',
      references([
        [`onestorage-${daemon}`, 8],
        ['onestorage', 1],
      ]),
    ),
  );
}

function terms(option: Option, depth: number): string[] {
  const shown = option.children.length > 0 ? '' : defaultOf(option);
  return [
    term(option.name, `${option.description} ${capital(option.kind)}${shown}.`, depth),
    ...option.children.flatMap((child) => terms(child, depth + 1)),
  ];
}

function defaultOf({ default: value, example }: Option): string {
  if (value === undefined) return example === undefined ? '' : `; no default; example: ${flow(example)}`;
  return `; default: ${flow(value)}`;
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
