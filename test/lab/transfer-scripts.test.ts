import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addVm, emptyModel, imageDisk, volatileDisk } from './models.ts';
import type { Datastore, OneModel, Vm } from './opennebula/model.ts';
import { deployTo } from './opennebula/model.ts';
import { contextLine, epilog, migrate, migrateWords, prolog, resize, resume, saveAs, snapshot, stop } from './transfer-scripts.ts';

const LOCATION = '/var/lib/one//datastores';

/** Lines that a real oned wrote; trailing spaces and empty lines do not matter to one_tm. */
function recorded(name: string): string[] {
  const text = readFileSync(new URL(`../fixtures/oned/transfer-scripts/${name}`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function model(): OneModel {
  return emptyModel({ datastoreLocation: LOCATION, vmFiles: '/var/lib/one/vms' });
}

function system(id: number, tmMad: string): Datastore {
  return { id, name: `sys${id}`, type: 1, dsMad: '-', tmMad, basePath: '', template: {} };
}

/** The VM 0 of the recording: driver local, datastores 1 and 0. */
function vm0(one: OneModel): Vm {
  const of = { datastoreId: 1, tm: 'local', format: 'qcow2' } as const;
  const disks = [
    imageDisk({ id: 0, source: `${LOCATION}/1/5aec96d3b3e0bdf88078b111c9a67ed7`, ...of }),
    imageDisk({ id: 1, source: `${LOCATION}/1/f3c66abc7ab3fda19459c76cc3d1832d`, clone: false, ...of }),
    volatileDisk({ id: 2, kind: 'fs', format: 'qcow2' }),
    volatileDisk({ id: 3, kind: 'swap', sizeMb: 16 }),
  ];
  return addVm(one, { id: 0, disks, host: 'node1', system: system(0, 'local'), contextDisk: 4 });
}

function attached(id: number, source: string) {
  return imageDisk({ id, source: `${LOCATION}/1/${source}`, datastoreId: 1, tm: 'local', tmSystem: 'local', format: 'qcow2' });
}

describe('transfer scripts of a VM of one driver', () => {
  it('writes the prolog', () => {
    const one = model();
    expect(prolog(one, vm0(one))).toEqual(recorded('vm0.transfer.0.prolog'));
  });

  it('writes save-as, snapshots and resize of a VM that is off', () => {
    const one = model();
    const vm = vm0(one);
    const [first, second] = vm.disks;
    expect(saveAs(one, vm, second!, `${LOCATION}/1/3afd5a8da7948d0bddd5b61c23af728a`)).toEqual(recorded('vm0.transfer.3.disk_saveas'));
    expect(snapshot(one, vm, 'create', first!, 2)).toEqual(recorded('vm0.transfer.5.disk_snapshot'));
    expect(snapshot(one, vm, 'revert', first!, 1)).toEqual(recorded('vm0.transfer.6.disk_snapshot'));
    expect(snapshot(one, vm, 'delete', first!, 2)).toEqual(recorded('vm0.transfer.7.disk_snapshot'));
    expect(resize(one, vm, first!, 320)).toEqual(recorded('vm0.transfer.9.disk_resize'));
  });

  it('writes a cold migration: every disk, then the directory', () => {
    const one = model();
    const vm = vm0(one);
    deployTo(vm, 'node2', 0, 'local');
    expect(migrate(one, vm)).toEqual(recorded('vm0.transfer.10.migrate'));
  });

  it('writes an attached disk of a mixed datastore with its suffix', () => {
    const one = model();
    const vm = vm0(one);
    deployTo(vm, 'node2', 0, 'local');
    const disk = attached(5, '443654474a28ca457d6f2083e58dd77c');
    vm.disks.push(disk);
    expect(prolog(one, vm, [disk])).toEqual(recorded('vm0.transfer.11.prolog_attach'));
    expect(migrate(one, vm)).toEqual(recorded('vm0.transfer.14.migrate'));
  });

  it('writes stop, resume and epilog; the way to the front-end and back', () => {
    const one = model();
    const vm = vm0(one);
    vm.disks.push(attached(5, '443654474a28ca457d6f2083e58dd77c'), attached(6, '443654474a28ca457d6f2083e58dd77c'));
    deployTo(vm, 'node2', 0, 'local');
    expect(stop(one, vm)).toEqual(recorded('vm0.transfer.17.stop'));
    deployTo(vm, 'node1', 0, 'local');
    expect(resume(one, vm)).toEqual(recorded('vm0.transfer.18.resume'));
    expect(epilog(one, vm)).toEqual(recorded('vm0.transfer.34.epilog'));
  });
});

describe('transfer scripts of a VM whose disk comes from another driver', () => {
  function vm1(one: OneModel): Vm {
    const of = { datastoreId: 100, tm: 'ssh' } as const;
    const disks = [
      imageDisk({ id: 0, source: `${LOCATION}/100/b2fdc4c52ac838078c926183e2f79c54`, ...of }),
      imageDisk({ id: 1, source: `${LOCATION}/100/14f9addb1516f61edd9087d2db4f7867`, clone: false, ...of }),
      volatileDisk({ id: 2, kind: 'fs', format: 'raw' }),
      volatileDisk({ id: 3, kind: 'swap', sizeMb: 16 }),
    ];
    return addVm(one, { id: 1, disks, host: 'node1', system: system(101, 'ssh') });
  }

  it('writes the recorded scripts', () => {
    const one = model();
    const vm = vm1(one);
    expect(prolog(one, vm)).toEqual(recorded('vm1.transfer.0.prolog'));
    vm.disks.push(
      imageDisk({ id: 5, source: `${LOCATION}/1/443654474a28ca457d6f2083e58dd77c`, datastoreId: 1, tm: 'local', tmSystem: 'ssh' }),
    );
    deployTo(vm, 'node2', 101, 'ssh');
    expect(stop(one, vm)).toEqual(recorded('vm1.transfer.16.stop'));
    expect(epilog(one, vm)).toEqual(recorded('vm1.transfer.18.epilog'));
    deployTo(vm, 'node1', 101, 'ssh');
    expect(resume(one, vm)).toEqual(recorded('vm1.transfer.17.resume'));
  });

  it('lets the suffix stick to the disks after a mixed one, as oned does', () => {
    const one = model();
    const vm = addVm(one, {
      id: 7,
      disks: [attached(0, 'a'), volatileDisk({ id: 1, kind: 'swap' })],
      host: 'node1',
      system: system(0, 'local'),
    });
    expect(prolog(one, vm)[1]).toBe(`MKSWAP.local local 32 node1:${LOCATION}/0/7/disk.1 7 0`);
  });
});

describe('lines outside transfer scripts', () => {
  it('writes CONTEXT and the words of a live migration', () => {
    const one = model();
    const vm = vm0(one);
    expect(contextLine(one, vm)).toBe(`CONTEXT local /var/lib/one/vms/0/context.sh node1:${LOCATION}/0/0/disk.4 0 0`);
    expect(migrateWords(one, vm, 'node2', 'node1')).toEqual(['node2', 'node1', `${LOCATION}/0/0`, '0', '0']);
  });

  it('leaves the front-end away when the source is an address', () => {
    const one = model();
    const vm = addVm(one, { id: 8, disks: [imageDisk({ id: 0, source: 'agent://x/y' })], host: 'node1' });
    expect(prolog(one, vm)).toEqual([`CLONE agent_local agent://x/y node1:${LOCATION}/107/8/disk.0 8 106`]);
  });
});
