import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { actionData, decodeBase64 } from '../../../controller/opennebula/action-data.ts';
import { vmDocument } from '../../../controller/opennebula/vm-document.ts';
import { readXml } from '../../../controller/opennebula/xml.ts';
import { MIB } from '../../../runtime/units.ts';

const read = (name: string): Promise<string> => readFile(join(import.meta.dirname, '../../fixtures/oned/xml', name), 'utf8');

describe('vmDocument', () => {
  it('picks the disks of a recorded VM', async () => {
    const vm = vmDocument(readXml(await read('vm-9.xml'), 'VM 9'));
    expect(vm).toMatchObject({ id: 9, state: 6, lcmState: 0 });
    expect(vm.disks.map(({ diskId, format, cdrom, clone, sparse }) => ({ diskId, format, cdrom, clone, sparse }))).toEqual([
      { diskId: 0, format: 'qcow2', cdrom: false, clone: true, sparse: true },
      { diskId: 1, format: 'qcow2', cdrom: false, clone: false, sparse: true },
      { diskId: 2, format: 'qcow2', cdrom: false, clone: true, sparse: true },
      { diskId: 3, format: 'raw', cdrom: false, clone: true, sparse: true },
      { diskId: 5, format: 'qcow2', cdrom: false, clone: true, sparse: true },
    ]);
    expect(vm.disks[0]).toMatchObject({ size: 320 * MIB, originalSize: 256 * MIB, imageId: 45, datastoreId: 106, tmMad: 'agent_local' });
    expect(vm.disks[0]?.source).toBe('/var/lib/one//datastores/106/1a394a80a4beef6c4e00cc11ebbac422');
    expect(vm.disks[2]?.fileSystem).toBe('ext4');
    expect(vm.snapshots.get(0)).toEqual([1]);
    expect(vm.snapshots.get(1)).toEqual([0]);
    expect(vm.history[0]).toMatchObject({ sequence: 0, hostName: 'node1', datastoreId: 107 });
  });

  it.each([
    ['<IMAGE/>', 'no VM element'],
    ['<VM><ID>1</ID></VM>', 'no VM/STATE'],
    ['<VM><ID>x</ID></VM>', 'VM/ID is "x", not a whole number'],
    ['<VM><ID>1</ID><STATE>3</STATE><LCM_STATE>3</LCM_STATE><TEMPLATE><DISK/></TEMPLATE></VM>', 'no DISK/DISK_ID'],
  ])('refuses %s', (text, expected) => expect(() => vmDocument(readXml(text, 'it'))).toThrow(expected));
});

describe('actionData', () => {
  it('picks an image and its datastore', async () => {
    const data = actionData(await read('cp.action.xml'));
    expect(data.image).toMatchObject({
      id: 45,
      type: 0,
      path: '/var/tmp/one-images/os256.qcow2',
      source: undefined,
      format: undefined,
      sizeMb: 256,
    });
    expect(data.datastore).toMatchObject({ id: 106, type: 0, basePath: '/var/lib/one//datastores/106', tmMad: 'agent_local' });
    expect(data.datastore.template.get('SAFE_DIRS')).toBe('/var/tmp');
    expect(actionData(await read('snap_delete.action.xml')).image?.targetSnapshot).toBe(2);
    expect(actionData(await read('monitor.action.xml')).image).toBeUndefined();
  });

  it.each([
    ['', 'empty'],
    ['not base64!', 'not base64'],
    ['QUJD\nQUJD', 'not base64'],
    ['QUI', 'not base64'],
    ['====', 'not base64'],
  ])('refuses %j as base64', (text, expected) => expect(() => decodeBase64(text)).toThrow(expected));

  it('refuses other documents', () => {
    expect(() => actionData('<VM/>')).toThrow('expected <DS_DRIVER_ACTION_DATA>');
    expect(() => actionData('<DS_DRIVER_ACTION_DATA/>')).toThrow('no DATASTORE');
  });
});
