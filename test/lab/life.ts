import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { LifeCluster } from './cluster.ts';
import { tree } from './leftovers.ts';
import { type LifeSizes, makeOrigins, newImage, registerImages, removeImages, stopOrigins } from './life-images.ts';
import { LifeVm } from './life-vm.ts';
import { deployTo, LCM_STATES, lastHistory, type Vm } from './opennebula/model.ts';
import { HOSTS, type HostName } from './site.ts';
import { Timeline, type TimelineRow } from './timeline.ts';
import { sameContent } from './tools.ts';
import { epilog, migrate, prolog, resize, resume, saveAs, snapshot, stop } from './transfer-scripts.ts';

const MIB = 1 << 20;

export const FULL_SIZES: LifeSizes = { osMb: 1024, appMb: 256, dataMb: 64 };
/** Quick enough for a test. */
export const SMALL_SIZES: LifeSizes = { osMb: 64, appMb: 32, dataMb: 16 };

/** The whole life of a virtual machine through the shims, its content compared after every step. Throws at the first difference. */
export async function runLife(cluster: LifeCluster, sizes: LifeSizes, say: (text: string) => void): Promise<readonly TimelineRow[]> {
  const timeline = new Timeline(cluster, say);
  const origins = await makeOrigins(cluster, sizes);
  try {
    const images = await registerImages(cluster, timeline, origins);
    const life = new LifeVm(cluster, timeline, images, 'host01');
    await deploy(life, images.contents);
    await snapshots(life);
    await savedImages(life);
    await resizes(life);
    await stopAndResume(life);
    await migration(life);
    await undeployAndShutdown(life);
    await removeImages(cluster, timeline);
    await nothingLeft(cluster, timeline);
    return timeline.rows;
  } finally {
    await stopOrigins(origins);
  }
}

/** What `npm start -- --keep` leaves to look at: images, and a virtual machine that runs on host01. */
export async function leaveMachine(cluster: LifeCluster, sizes: LifeSizes, say: (text: string) => void): Promise<Vm> {
  const timeline = new Timeline(cluster, say);
  const origins = await makeOrigins(cluster, sizes);
  try {
    const images = await registerImages(cluster, timeline, origins);
    const life = new LifeVm(cluster, timeline, images, 'host01');
    await deploy(life, images.contents);
    return life.vm;
  } finally {
    await stopOrigins(origins);
  }
}

async function deploy(life: LifeVm, contents: Parameters<LifeVm['takeReferences']>[0]): Promise<void> {
  life.timeline.stage('deploy on host01');
  await life.transfer(prolog(life.model, life.vm), LCM_STATES.prolog);
  await life.takeReferences(contents);
  await life.boot();
  await life.check();
  await life.guestWrites(0x11, 3);
}

/** Two snapshots of a raw and a qcow2 disk, back to the first, the second dropped: each state as it was. */
async function snapshots(life: LifeVm): Promise<void> {
  life.timeline.stage('disk snapshots, VM off');
  const { model, vm } = life;
  for (const id of [0, 1]) {
    const disk = life.disk(id);
    const reference = life.reference(id);
    for (const snapshotId of [0, 1]) {
      await life.transfer(snapshot(model, vm, 'create', disk, snapshotId), LCM_STATES.diskSnapshotPoweroff);
      disk.snapshots.push({ id: snapshotId, name: `s${snapshotId}`, parent: snapshotId - 1, active: snapshotId === 1 });
      disk.nextSnapshot = snapshotId + 1;
      await reference.snapshot(snapshotId);
      await reference.write(life.file(id), disk.format, 5 + snapshotId, 1, 0x21 + snapshotId);
      await reference.check(life.file(id), disk.format);
    }
    await life.transfer(snapshot(model, vm, 'revert', disk, 0), LCM_STATES.diskSnapshotRevertPoweroff);
    await reference.revert(0);
    await reference.check(life.file(id), disk.format);
    await reference.write(life.file(id), disk.format, 7, 1, 0x2f);
    await life.transfer(snapshot(model, vm, 'delete', disk, 1), LCM_STATES.diskSnapshotDeletePoweroff);
    disk.snapshots = disk.snapshots.filter((kept) => kept.id !== 1).map((kept) => ({ ...kept, active: true }));
    await reference.check(life.file(id), disk.format);
    life.timeline.verified(`disk.${id} is what it was at snapshot 0, with what was written since`);
  }
}

/** The current state of a raw disk, and a snapshot of a qcow2 disk, as new images. */
async function savedImages(life: LifeVm): Promise<void> {
  life.timeline.stage('save-as');
  const cases = [
    { id: 0, snapshotId: -1, content: life.reference(0).file },
    { id: 1, snapshotId: 0, content: life.reference(1).ofSnapshot(0) },
  ];
  for (const { id, snapshotId, content } of cases) {
    const disk = life.disk(id);
    const template = { SAVED_DISK_ID: String(id), SAVED_VM_ID: String(life.vm.id), SAVED_IMAGE_ID: '1', SAVE_AS_HOT: 'YES' };
    const options = { id: 10 + id, name: `saved${id}`, type: 0, path: '', format: 'save_as', sizeMb: disk.sizeMb, template } as const;
    const image = newImage(106, options);
    life.model.images.set(image.id, image);
    image.source = (await life.timeline.record(`mkfs ${image.name}`, life.cluster.one.image('mkfs', image))).info;
    image.format = disk.format;
    await life.transfer(saveAs(life.model, life.vm, disk, image.source, snapshotId), LCM_STATES.hotplugSaveasPoweroff);
    await sameContent(content, 'raw', image.source, disk.format);
    life.timeline.verified(`${image.name} holds ${snapshotId === -1 ? 'the disk' : `snapshot ${snapshotId}`}`);
  }
  await life.check();
}

async function resizes(life: LifeVm): Promise<void> {
  life.timeline.stage('resize');
  for (const id of [0, 1]) {
    const disk = life.disk(id);
    const sizeMb = disk.sizeMb + 64;
    await life.transfer(resize(life.model, life.vm, disk, sizeMb), LCM_STATES.diskResizePoweroff);
    disk.sizeMb = sizeMb;
    await life.reference(id).resize(sizeMb);
    await life.reference(id).write(life.file(id), disk.format, sizeMb - 2, 2, 0x31);
  }
  await life.check();
}

async function stopAndResume(life: LifeVm): Promise<void> {
  life.timeline.stage('stop: host01 to the front-end');
  await life.addFile('checkpoint', randomBytes(4 * MIB));
  await moveTo(life, 'frontend', stop(life.model, life.vm), LCM_STATES.epilogStop);
  life.timeline.stage('resume on host02');
  deployTo(life.vm, 'host02', lastHistory(life.vm).datastoreId, lastHistory(life.vm).tm);
  await moveTo(life, 'host02', resume(life.model, life.vm), LCM_STATES.prologResume);
  await life.boot();
  await life.guestWrites(0x41, 9);
}

async function migration(life: LifeVm): Promise<void> {
  life.timeline.stage('cold migration: host02 to host01');
  deployTo(life.vm, 'host01', lastHistory(life.vm).datastoreId, lastHistory(life.vm).tm);
  await moveTo(life, 'host01', migrate(life.model, life.vm), LCM_STATES.prologMigrate);
  await life.boot();
  await life.guestWrites(0x51, 11);
  // A snapshot that has travelled is as good as new.
  await life.transfer(snapshot(life.model, life.vm, 'revert', life.disk(1), 0), LCM_STATES.diskSnapshotRevertPoweroff);
  const { sizeMb } = life.reference(1);
  await life.reference(1).revert(0);
  await sameContent(life.reference(1).file, 'raw', life.file(1), 'qcow2');
  life.timeline.verified(`snapshot 0 of disk.1 (${sizeMb} MiB) survived three moves`);
  await life.takeReferenceAgain(1);
}

async function undeployAndShutdown(life: LifeVm): Promise<void> {
  life.timeline.stage('undeploy: host01 to the front-end');
  await moveTo(life, 'frontend', stop(life.model, life.vm), LCM_STATES.epilogUndeploy);
  life.timeline.stage('shut down while undeployed');
  const data = life.disk(2);
  await life.transfer(epilog(life.model, life.vm, 'frontend'), LCM_STATES.epilog);
  if (data.kind === 'image') await sameContent(life.reference(2).file, 'raw', data.source, 'raw');
  life.timeline.verified('the persistent image holds what the guest wrote');
  life.model.vms.delete(life.vm.id);
}

/** Runs the lines of a move: everything is at the new place, nothing at the old one. */
async function moveTo(life: LifeVm, host: HostName, lines: readonly string[], lcmState: number): Promise<void> {
  const before = life.directory();
  await life.transfer(lines, lcmState);
  life.place = host;
  const left = tree(before);
  if (left.length > 0) throw new Error(`the move left ${left.join(', ')} in ${before}`);
  await life.check();
}

const LEFTOVERS_MS = 10_000;

/** No VM directory, no image, no temporary name, no program. Programs may take a moment to end after their operation has. */
async function nothingLeft(cluster: LifeCluster, timeline: Timeline): Promise<void> {
  const remains = () => {
    const files = HOSTS.flatMap((host) => tree(cluster.agent(host).datastores).map((name) => `${host}: ${name}`));
    return [...cluster.leftovers(), ...files.filter((name) => !/: \d+\/(\.monitor|\.isofiles\/)?$/.test(name))];
  };
  const deadline = Date.now() + LEFTOVERS_MS;
  while (remains().length > 0 && Date.now() < deadline) await delay(100);
  const left = remains();
  if (left.length > 0) throw new Error(`left behind:\n  ${left.join('\n  ')}`);
  timeline.verified('no file, no temporary name and no program is left on any host');
}
