import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { flatTemplate } from '../../../controller/backups/restored-template.ts';
import { resetChain } from '../../../controller/opennebula/reset-chain.ts';
import { MARK, userOrders, userSession } from '../../../controller/opennebula/user-orders.ts';
import { addDatastores, addVm, emptyModel } from '../../lab/models.ts';
import { type Endpoint, startEndpoint } from '../../lab/opennebula/endpoint.ts';
import type { ActionResult } from '../../lab/opennebula/mad.ts';
import type { OneModel, User } from '../../lab/opennebula/model.ts';
import { SERVER_AUTH, userOf } from '../../lab/opennebula/sessions.ts';

let directory: string;
let model: OneModel;
let endpoint: Endpoint;
let sizes: ActionResult[];
const signal = new AbortController().signal;
const alice: User = { id: 4, name: 'alice', groupId: 100, group: 'users', refused: new Set() };
const options = () => ({
  endpoint: endpoint.url,
  authFile: join(directory, 'one_auth'),
  serverAuthFile: join(directory, 'onegate_auth'),
  timeoutMs: 10_000,
});
const result = (info: string, exit = 0): ActionResult => ({
  action: '',
  exit,
  stdout: '',
  stderr: '',
  info,
  log: [],
  undefinedMessages: [],
  milliseconds: 0,
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'onestorage-orders-'));
  await writeFile(join(directory, 'one_auth'), 'oneadmin:secret\n');
  await writeFile(join(directory, 'onegate_auth'), `${SERVER_AUTH}\n`);
  model = emptyModel({ datastoreLocation: '/var/lib/one//datastores', vmFiles: '/var/lib/one/vms' });
  addDatastores(model);
  model.users.set('alice', alice);
  sizes = [];
  const drivers = { stat: async () => sizes.shift() ?? result('64'), image: async () => result('/var/lib/one/datastores/106/x qcow2') };
  endpoint = await startEndpoint(model, 'oneadmin:secret', () => drivers);
});
afterEach(async () => {
  await endpoint.stop();
  await rm(directory, { recursive: true, force: true });
});

const image = (name: string, key = 'k') => flatTemplate({ NAME: name, TYPE: 'OS', PATH: 'restic://105//0:577e252f/x', [MARK]: key });

describe('userOrders', () => {
  it('makes, finds and removes as the user', async () => {
    const user = userOrders(options(), 'alice');
    const id = await user.allocateImage(image('a "quoted" & <odd> one'.replace(/["&<>]/g, '')), 106, signal);
    expect(model.images.get(id)).toMatchObject({ owner: 'alice', sizeMb: 64, path: 'restic://105//0:577e252f/x' });
    expect(await user.ownImages(signal)).toEqual([{ id, name: 'a quoted  odd one', mark: 'k' }]);
    expect(await userOrders(options(), 'oneadmin').ownImages(signal)).toEqual([]);
    await user.deleteImage(id, signal);
    expect(model.images.size).toBe(0);
    const template = await user.allocateTemplate(flatTemplate({ NAME: 't', DESCRIPTION: 'a "quote" & an <b>', [MARK]: 'k' }), signal);
    expect(await user.ownTemplates(signal)).toEqual([{ id: template, name: 't', mark: 'k' }]);
    await user.deleteTemplate(template, signal);
    await expect(user.deleteTemplate(template, signal)).rejects.toMatchObject({ reason: 'not_found' });
  });

  it('passes on why OpenNebula refuses', async () => {
    const user = userOrders(options(), 'alice');
    await user.allocateImage(image('twice'), 106, signal);
    await expect(user.allocateImage(image('twice'), 106, signal)).rejects.toMatchObject({
      reason: 'opennebula_refused',
      message: expect.stringContaining('NAME is already taken by IMAGE'),
    });
    await expect(user.allocateImage(image('a&b'), 106, signal)).rejects.toThrow("Invalid NAME, char '&' is not allowed");
    sizes.push(result('stat: the repository is locked', 1));
    await expect(user.allocateImage(image('x'), 106, signal)).rejects.toThrow('Cannot parse image SIZE: stat: the repository is locked');
    model.users.set('alice', { ...alice, refused: new Set(['one.image.allocate']) });
    await expect(user.allocateImage(image('y'), 106, signal)).rejects.toMatchObject({ reason: 'opennebula_refused' });
    await expect(userOrders(options(), 'bob').ownImages(signal)).rejects.toMatchObject({ reason: 'opennebula_unavailable' });
    await expect(userOrders(options(), 'a:b').ownImages(signal)).rejects.toThrow('is no name of a user');
  });

  it('needs the file of the server user, whose token ends', async () => {
    const file = options().serverAuthFile;
    const session = await userSession(file, 'alice', Date.now());
    expect(session).toMatch(/^serveradmin:alice:[A-Za-z0-9+/]+=*$/);
    expect(userOf(model, session, '')).toBe(alice);
    expect(userOf(model, await userSession(file, 'alice', Date.now() - 301_000), '')).toBeUndefined();
    await writeFile(file, 'serveradmin:another password\n');
    expect(userOf(model, await userSession(file, 'alice', Date.now()), '')).toBeUndefined();
    await rm(file);
    await expect(userOrders(options(), 'alice').ownImages(signal)).rejects.toThrow('opennebula.server_auth_file: ');
  });
});

describe('resetChain', () => {
  it('makes the next backup full, in a new image', async () => {
    const backup = { mode: 'INCREMENT' as const, lastIncrementId: 3, imageId: 20, images: [20] };
    const vm = addVm(model, { id: 9, disks: [], host: 'host01', lcmState: 69, backup });
    await expect(resetChain(options(), 9, signal)).rejects.toMatchObject({ reason: 'conflict' });
    vm.lcmState = 3;
    expect(await resetChain(options(), 9, signal)).toBe(true);
    expect(vm.backup).toEqual({ mode: 'INCREMENT', lastIncrementId: -1, imageId: -1, images: [20] });
    expect(await resetChain(options(), 9, signal)).toBe(false);
    await expect(resetChain(options(), 10, signal)).rejects.toMatchObject({ reason: 'not_found' });
  });
});
