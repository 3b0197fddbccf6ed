import { type Datastore, deployTo, type ImageDisk, type OneModel, type Vm, type VolatileDisk } from './opennebula/model.ts';

/** Small builders of the lab's records, shared by the life cycle and the tests. */

export function emptyModel(options: {
  readonly datastoreLocation: string;
  readonly vmFiles: string;
  readonly frontEnd?: string;
}): OneModel {
  return {
    datastoreLocation: options.datastoreLocation,
    vmFiles: options.vmFiles,
    frontEnd: options.frontEnd ?? 'frontend',
    vms: new Map(),
    datastores: new Map(),
    images: new Map(),
    templates: new Map(),
    users: new Map(),
  };
}

/** The image datastore 106 and the system datastore 107 of driver `agent_local`, as `oned.conf` of the manual makes them. */
export function addDatastores(model: OneModel, template: Readonly<Record<string, string>> = {}): { images: Datastore; system: Datastore } {
  const at = (id: number) => `${model.datastoreLocation}/${id}`;
  const images = { id: 106, name: 'img_agent', type: 0, dsMad: 'agent_fs', tmMad: 'agent_local', basePath: at(106), template } as const;
  const system = { id: 107, name: 'sys_agent', type: 1, dsMad: '-', tmMad: 'agent_local', basePath: at(107), template: {} } as const;
  model.datastores.set(106, images);
  model.datastores.set(107, system);
  return { images, system };
}

export interface ImageDiskOptions extends Partial<ImageDisk> {
  readonly id: number;
  readonly source: string;
}

export function imageDisk(options: ImageDiskOptions): ImageDisk {
  const clone = options.clone ?? true;
  return {
    kind: 'image',
    type: 'FILE',
    imageId: 0,
    image: `image${options.id}`,
    datastoreId: 106,
    tm: 'agent_local',
    clone,
    save: !clone && options.type !== 'CDROM',
    format: 'raw',
    sizeMb: 64,
    originalSizeMb: options.sizeMb ?? 64,
    target: `vd${String.fromCharCode(97 + options.id)}`,
    snapshots: [],
    nextSnapshot: 0,
    ...options,
  };
}

export function volatileDisk(options: Partial<VolatileDisk> & { readonly id: number; readonly kind: 'fs' | 'swap' }): VolatileDisk {
  const target = `vd${String.fromCharCode(97 + options.id)}`;
  return { format: 'raw', sizeMb: 32, target, snapshots: [], nextSnapshot: 0, ...options };
}

/** The disks that oned has backed up: no swap, no CDROM, and volatile ones when the VM's configuration says so (contract 7.2). */
export function backedUpDisks({ disks, backup }: Vm): number[] {
  const kinds = backup?.volatile === true ? ['image', 'fs'] : ['image'];
  return disks.filter((disk) => kinds.includes(disk.kind) && !(disk.kind === 'image' && disk.type === 'CDROM')).map(({ id }) => id);
}

export function addVm(
  model: OneModel,
  options: Pick<Vm, 'id' | 'disks'> & Partial<Vm> & { readonly host: string; readonly system?: Datastore },
): Vm {
  const vm: Vm = {
    name: `vm${options.id}`,
    state: 3,
    lcmState: 1,
    contextDisk: undefined,
    contextFiles: [],
    history: [],
    ...options,
  };
  deployTo(vm, options.host, options.system?.id ?? 107, options.system?.tmMad ?? 'agent_local');
  model.vms.set(vm.id, vm);
  return vm;
}
