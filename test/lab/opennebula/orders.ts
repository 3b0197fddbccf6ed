import { readXml } from '../../../controller/opennebula/xml.ts';
import { imageDocument, templateDocument } from './documents.ts';
import type { ActionResult } from './mad.ts';
import type { Image, OneModel, User } from './model.ts';
import { element, plain } from './xml.ts';

/** Calls of the API that change something, as far as a restore makes them; with oned's checks in oned's order, and its words. */

export type Answer = { readonly ok: true; readonly body: string } | { readonly ok: false; readonly message: string; readonly code: number };

/** What the stand-in's drivers do for them. */
export interface Drivers {
  stat(location: string, datastoreId: number, job: string): Promise<ActionResult>;
  image(action: string, image: Image): Promise<ActionResult>;
}

type Order = (parameters: readonly string[], user: User, world: World) => Answer | Promise<Answer>;

interface World {
  readonly model: OneModel;
  readonly drivers: Drivers;
}

const AUTHORIZATION = 0x0200;
const NO_EXISTS = 0x0400;
const INTERNAL = 0x2000;
const ALLOCATE = 0x4000;
const BAD_NAME = /[&|:\\";/'#{}$<>\t\n\v\f\r]/;

const no = (message: string, code: number): Answer => ({ ok: false, message, code });
const yes = (body: number | string): Answer => ({ ok: true, body: String(body) });

/** Templates as oned takes them, XML or its own form, as their single attributes. Throws what is malformed. */
function attributes(text: string): ReadonlyMap<string, string> {
  if (text.startsWith('<')) return new Map(readXml(text, 'template').children.map((one) => [one.name, one.text]));
  return new Map([...text.matchAll(/([A-Z_]+)\s*=\s*"([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]));
}

function nameProblem(name: string): string | undefined {
  const bad = BAD_NAME.exec(name)?.[0];
  if (name === '') return 'Invalid NAME, it cannot be empty';
  if (bad !== undefined) return `Invalid NAME, char '${bad}' is not allowed`;
  return name.length > 128 ? 'Invalid NAME, max length is 128 chars' : undefined;
}

const nextId = (map: ReadonlyMap<number, unknown>): number => Math.max(-1, ...map.keys()) + 1;

const allocateImage: Order = async ([text = '', datastore = ''], user, { model, drivers }) => {
  const given = parsed(text);
  if (given === undefined) return no('Parse error: XML Template malformed.', INTERNAL);
  const target = model.datastores.get(Number(datastore));
  if (target === undefined) return no(`Error getting datastore [${datastore}].`, NO_EXISTS);
  if (target.type === 1 || target.type === 3) return no('New images can only be allocated in a files or image datastore.', ALLOCATE);
  const backup = given.get('FROM_BACKUP_DS');
  const asked = backup === undefined ? target.id : Number(backup);
  if (!model.datastores.has(asked)) return no('Could not get associated backup datastore.', INTERNAL);
  const size = await drivers.stat(given.get('PATH') ?? '', asked, given.get('BACKUP_JOB_ID') ?? '');
  if (size.exit !== 0 || !/^[0-9]+/.test(size.info)) return no(`Cannot parse image SIZE: ${size.info}`, INTERNAL);
  if (user.refused.has('one.image.allocate')) return no(`Not authorized to perform USE DATASTORE [${target.id}].`, AUTHORIZATION);
  const name = given.get('NAME') ?? '';
  const problem = nameProblem(name);
  if (problem !== undefined) return no(problem, ALLOCATE);
  const taken = [...model.images.values()].find((one) => one.name === name && (one.owner ?? 'oneadmin') === user.name);
  if (taken !== undefined) return no(`NAME is already taken by IMAGE ${taken.id}.`, ALLOCATE);
  const image: Image = {
    id: nextId(model.images),
    name,
    type: given.get('TYPE') === 'DATABLOCK' ? 2 : 0,
    owner: user.name,
    persistent: false,
    datastoreId: target.id,
    path: given.get('PATH') ?? '',
    fs: '',
    template: Object.fromEntries([...given].filter(([word]) => !['NAME', 'TYPE', 'PATH'].includes(word))),
    source: '',
    format: '',
    sizeMb: Number(size.info),
    snapshots: [],
    nextSnapshot: 0,
    targetSnapshot: -1,
  };
  model.images.set(image.id, image);
  void fill(image, model, drivers);
  return yes(image.id);
};

/** CP comes later, on its own: the call has been answered by then. */
async function fill(image: Image, model: OneModel, drivers: Drivers): Promise<void> {
  const copied = await drivers.image('cp', image);
  if (!model.images.has(image.id)) return;
  const [source = '', format = ''] = copied.info.split(' ');
  if (copied.exit === 0 && format !== '') Object.assign(image, { source, format });
  else image.error = `Error copying image in the datastore: ${copied.info}`;
}

const deleteImage: Order = async ([id = ''], user, { model, drivers }) => {
  const image = model.images.get(Number(id));
  if (image === undefined) return no(`Error getting image [${id}].`, NO_EXISTS);
  if (user.id !== 0 && image.owner !== user.name) return no(`Not authorized to perform MANAGE IMAGE [${id}].`, AUTHORIZATION);
  model.images.delete(image.id);
  // Without a source oned forgets it at once; the copy that may be under way is not stopped.
  if (image.source !== '') void drivers.image('rm', image);
  return yes(image.id);
};

const allocateTemplate: Order = ([text = ''], user, { model }) => {
  const given = parsed(text);
  if (given === undefined) return no('Parse error: XML Template malformed.', INTERNAL);
  if (user.refused.has('one.template.allocate')) return no('Not authorized to perform CREATE TEMPLATE.', AUTHORIZATION);
  const restricted = user.groupId === 0 ? undefined : restrictedIn(text);
  if (restricted !== undefined) return no(`VM Template includes a restricted attribute ${restricted}`, AUTHORIZATION);
  const name = given.get('NAME') ?? '';
  const problem = nameProblem(name);
  if (problem !== undefined) return no(problem, ALLOCATE);
  const taken = [...model.templates.values()].find((one) => one.name === name && one.owner === user.name);
  if (taken !== undefined) return no(`NAME is already taken by TEMPLATE ${taken.id}.`, ALLOCATE);
  const id = nextId(model.templates);
  model.templates.set(id, { id, owner: user.name, name, document: text });
  return yes(id);
};

/** Some of VM_RESTRICTED_ATTR of a stock oned.conf. */
function restrictedIn(text: string): string | undefined {
  const root = readXml(text, 'template');
  for (const name of ['NIC/MAC', 'PCI', 'RAW/DATA', 'CONTEXT/FILES']) {
    const [whole = '', part] = name.split('/');
    const found = root.children.filter((one) => one.name === whole);
    if (found.some((one) => part === undefined || one.children.some((child) => child.name === part))) return name;
  }
  return undefined;
}

const deleteTemplate: Order = ([id = ''], user, { model }) => {
  const found = model.templates.get(Number(id));
  if (found === undefined) return no(`Error getting template [${id}].`, NO_EXISTS);
  if (user.id !== 0 && found.owner !== user.name) return no(`Not authorized to perform MANAGE TEMPLATE [${id}].`, AUTHORIZATION);
  model.templates.delete(found.id);
  return yes(found.id);
};

/** LCM states BACKUP and BACKUP_POWEROFF. */
const IN_BACKUP = [69, 70];

/** A change of the mode forgets where the chain stands. */
const updateConf: Order = ([id = '', text = ''], _user, { model }) => {
  const vm = model.vms.get(Number(id));
  if (vm === undefined) return no(`Error getting virtual machine [${id}].`, NO_EXISTS);
  if (IN_BACKUP.includes(vm.lcmState)) return no(`configuration cannot be updated in state ${vm.lcmState}`, INTERNAL);
  const mode = attributes(text).get('MODE');
  if (vm.backup !== undefined && (mode === 'FULL' || mode === 'INCREMENT')) {
    if (mode !== 'INCREMENT' || vm.backup.mode !== 'INCREMENT') Object.assign(vm.backup, { lastIncrementId: -1, imageId: -1 });
    vm.backup.mode = mode;
  }
  return yes(vm.id);
};

/** Of a pool, what this user may see: filter -3 is the user's own, anything else all (permissions of others are not modelled). */
const OWN = '-3';

const imagePool: Order = ([filter], user, { model }) => {
  const isAdmin = user.groupId === 0;
  const images = [...model.images.values()].filter((one) => (filter !== OWN && isAdmin) || (one.owner ?? 'oneadmin') === user.name);
  return yes(
    element(
      'IMAGE_POOL',
      images.map((one) => imageDocument(model, one)),
    ),
  );
};

const templatePool: Order = ([filter], user, { model }) => {
  const templates = [...model.templates.values()].filter((one) => filter !== OWN || one.owner === user.name);
  return yes(
    element(
      'VMTEMPLATE_POOL',
      templates.map((one) => templateDocument(model, one)),
    ),
  );
};

function parsed(text: string): ReadonlyMap<string, string> | undefined {
  try {
    return attributes(text);
  } catch {
    return undefined;
  }
}

/** Adds attributes; TM_MAD and DS_MAD change the datastore itself, as in oned. The answer is its id. */
const updateDatastore: Order = ([id = '', text = ''], _user, { model }) => {
  const datastore = model.datastores.get(Number(id));
  if (datastore === undefined) return no(`Error getting datastore [${id}].`, NO_EXISTS);
  const { TM_MAD: tmMad, DS_MAD: dsMad, ...more } = Object.fromEntries(attributes(text));
  const template = { ...datastore.template, ...more };
  model.datastores.set(datastore.id, { ...datastore, tmMad: tmMad ?? datastore.tmMad, dsMad: dsMad ?? datastore.dsMad, template });
  return yes(datastore.id);
};

export const ORDERS: Readonly<Record<string, Order>> = {
  'one.datastore.update': updateDatastore,
  'one.image.allocate': allocateImage,
  'one.image.delete': deleteImage,
  'one.template.allocate': allocateTemplate,
  'one.template.delete': deleteTemplate,
  'one.vm.updateconf': updateConf,
  'one.imagepool.info': imagePool,
  'one.templatepool.info': templatePool,
  'one.user.info': (_parameters, user) =>
    yes(
      element(
        'USER',
        plain('ID', user.id),
        plain('GID', user.groupId),
        element('GROUPS', plain('ID', user.groupId)),
        plain('NAME', user.name),
      ),
    ),
};
