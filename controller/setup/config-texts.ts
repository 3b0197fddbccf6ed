import { parseDocument, stringify } from 'yaml';
import { StorageError } from '../../runtime/errors.ts';
import type { Places } from './places.ts';
import { OWN } from './places.ts';
import type { Site } from './site.ts';

const BEGIN = '# Written by "onestorage setup"; what is not here has its default.';

/** controller.yaml; `given` undefined: there is none. One that an administrator wrote is not changed, but must not contradict. */
export function controllerYaml(given: string | undefined, places: Places, site: Site): string {
  const values = {
    pki: `${places.etc}/${OWN.controllerPki}`,
    state_directory: `${places.stateDirectory}/controller`,
    datastores: places.datastores,
    vm_files: places.vmFiles,
    front_end: { names: site.names },
    enrolment: { authority: `${places.etc}/${OWN.authority}` },
    opennebula: { auth_file: places.authFile, version: site.version },
  };
  const there = keysOf(given, `${places.etc}/${OWN.controllerConfig}`);
  if (there === undefined) return appended(given, values);
  const version = Reflect.get(Object(Reflect.get(there, 'opennebula')), 'version') ?? '7';
  if (String(version) === site.version) return given ?? '';
  const file = `${places.etc}/${OWN.controllerConfig}`;
  throw new StorageError('bad_config', `${file}: opennebula.version is ${String(version)}, this OpenNebula is ${site.version}: correct it`);
}

/** agent.yaml of the front-end. */
export function agentYaml(given: string | undefined, places: Places): string {
  const values = {
    pki: `${places.etc}/${OWN.agentPki}`,
    state_directory: `${places.stateDirectory}/agent`,
    datastores: places.datastores,
    vm_files: places.vmFiles,
  };
  return keysOf(given, `${places.etc}/${OWN.agentConfig}`) === undefined ? appended(given, values) : (given ?? '');
}

/** The file's values; undefined: there is nothing in it but comments. */
function keysOf(text: string | undefined, file: string): object | undefined {
  if (text === undefined) return undefined;
  const document = parseDocument(text);
  const values: unknown = document.errors.length > 0 ? 'broken' : document.toJS();
  if (values === null || values === undefined) return undefined;
  if (typeof values !== 'object') throw new StorageError('bad_config', `${file} is not YAML with keys and values: correct it`);
  return values;
}

function appended(given: string | undefined, values: object): string {
  const before = given === undefined || given === '' ? '' : `${given}${given.endsWith('\n') ? '' : '\n'}\n`;
  return `${before}${BEGIN}\n${stringify(values)}`;
}
