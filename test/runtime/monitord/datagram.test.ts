import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MAX_DATAGRAM, monitorVmDatagrams } from '../../../runtime/monitord/datagram.ts';
import type { VmSizes } from '../../../runtime/monitord/template.ts';
import { bytes, MIB } from '../../../runtime/units.ts';
import { Receiver, type VmMonitoring } from '../../helpers/monitord.ts';

interface Recorded {
  readonly proto: 'udp' | 'tcp';
  readonly raw: string;
  readonly payload: string;
}

const RECORDED = readFileSync(new URL('../../fixtures/oned/datagrams.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });

function vm(id: number, disks: Readonly<Record<string, number>>, snapshots: Readonly<Record<string, number>> = {}): VmSizes {
  const of = (disk: string) => Object.entries(snapshots).filter(([name]) => name.startsWith(`${disk}/`));
  return {
    id,
    disks: Object.entries(disks).map(([disk, size]) => ({
      id: Number(disk),
      allocated: bytes(size * MIB),
      snapshots: of(disk).map(([name, snapshot]) => ({ id: Number(name.split('/')[1]), allocated: bytes(snapshot * MIB) })),
    })),
  };
}

/** Numbers that compress badly. */
function manyVms(count: number): VmSizes[] {
  return Array.from({ length: count }, (_, id) =>
    vm(id, { 0: (id * 7919) % 100_003, 1: (id * 104_729) % 99_991 }, { '0/0': (id * 31_337) % 65_521, '0/12': id }),
  );
}

const plain = { hostId: 3, epoch: 1_700_000_000, key: undefined };

describe('what a real OpenNebula sent', () => {
  it.each(RECORDED)('is read by the receiver: $raw', ({ raw, payload }) => {
    expect(new Receiver().decode(Buffer.from(raw)).text.trim()).toBe(payload);
  });

  it('is what the agent sends, too', () => {
    for (const { raw, payload } of RECORDED.filter((one) => one.payload.startsWith('VM ='))) {
      const theirs = new Receiver();
      theirs.receive(Buffer.from(raw));
      expect([theirs.refused, theirs.vms.size]).toEqual([[], 1]);
      const ours = new Receiver();
      const sizes = [...theirs.vms].map(([id, found]) => vm(id, found.disks, found.snapshots));
      for (const datagram of monitorVmDatagrams(sizes, plain).datagrams) ours.receive(datagram);
      expect(ours.vms).toEqual(theirs.vms);
      const shape = (text = ''): string => text.replace(/"[^"]*"/, '""').replaceAll(' ', '');
      expect(shape(ours.messages[0]?.text)).toBe(shape(payload));
    }
  });
});

describe('the receiver', () => {
  const encoded = (text: string, status = 'SUCCESS') => `MONITOR_VM ${status} 1 1 ${deflateSync(text).toString('base64')}`;
  const inner = Buffer.from('DISK_SIZE = [ ID=0 SIZE=1 ]').toString('base64');

  it('refuses what onemonitord refuses', () => {
    const receiver = new Receiver();
    const bad = [
      '',
      'HELLO SUCCESS 1 1 eA==',
      'MONITOR_VM SUCCESS 1 1 !!!!',
      'MONITOR_VM SUCCESS 1 1 aGVsbG8=',
      encoded('VM = [ ID = 1, MONITOR = "" ]', 'FAILURE'),
      encoded('VM = [ ID = 1, MONITOR = "" ] noise'),
      encoded(`VM = [ ID = 1, MONITOR = "${inner}" ]`),
    ];
    for (const one of bad) receiver.receive(Buffer.from(one));
    receiver.receive(Buffer.alloc(65_536, 'x'));
    expect(receiver.refused).toHaveLength(bad.length + 1);
    const [newer, older] = [20, 10].map((epoch) => monitorVmDatagrams([vm(1, { 0: epoch })], { ...plain, epoch }).datagrams[0]!);
    receiver.receive(newer!);
    receiver.receive(older!);
    expect(receiver.refused.at(-1)).toBe('out of order');
    expect(receiver.vms.get(1)?.disks).toEqual({ 0: 20 });
  });
});

describe('datagrams', () => {
  it('carry host, time, disks and snapshots', () => {
    const receiver = new Receiver();
    const { datagrams, left } = monitorVmDatagrams([vm(7, { 0: 65, 3: 0 }, { '0/2': 1, '0/12': 33 }), vm(41, { 1: 1 })], plain);
    for (const datagram of datagrams) receiver.receive(datagram);
    expect([receiver.refused, left]).toEqual([[], []]);
    expect(receiver.messages).toMatchObject([{ type: 'MONITOR_VM', status: 'SUCCESS', hostId: 3, epoch: 1_700_000_000 }]);
    const expected: [number, VmMonitoring][] = [
      [7, { disks: { 0: 65, 3: 0 }, snapshots: { '0/2': 1, '0/12': 33 } }],
      [41, { disks: { 1: 1 }, snapshots: {} }],
    ];
    expect([...receiver.vms]).toEqual(expected);
  });

  it('say sizes in MiB, rounded up', () => {
    const receiver = new Receiver();
    const disks = [0, 1, MIB, MIB + 1].map((size, id) => ({ id, allocated: bytes(size), snapshots: [] }));
    for (const datagram of monitorVmDatagrams([{ id: 1, disks }], plain).datagrams) receiver.receive(datagram);
    expect(receiver.vms.get(1)?.disks).toEqual({ 0: 0, 1: 1, 2: 1, 3: 2 });
  });

  it.each([
    ['plain', 5000, undefined],
    ['encrypted', 800, pair.publicKey],
  ] as const)('are split by machine when they do not fit into one: %s', (_, count, key) => {
    const receiver = new Receiver(key === undefined ? {} : { privateKey: pair.privateKey });
    const { datagrams, left } = monitorVmDatagrams(manyVms(count), { ...plain, key });
    expect(datagrams.length).toBeGreaterThan(1);
    for (const datagram of datagrams) {
      expect(datagram.length).toBeLessThanOrEqual(MAX_DATAGRAM);
      receiver.receive(datagram);
    }
    expect([receiver.refused, left, receiver.vms.size]).toEqual([[], [], count]);
    expect(receiver.vms.get(count - 1)?.snapshots['0/12']).toBe(count - 1);
  });

  it('fill what there is: not one machine each', () => {
    const { datagrams } = monitorVmDatagrams(manyVms(3000), { ...plain, key: pair.publicKey });
    const mean = datagrams.reduce((sum, { length }) => sum + length, 0) / datagrams.length;
    expect(mean).toBeGreaterThan(MAX_DATAGRAM / 3);
  });

  it('are unreadable without the key, and readable with it', () => {
    const { datagrams } = monitorVmDatagrams([vm(7, { 0: 65 })], { ...plain, key: pair.publicKey });
    const stranger = new Receiver();
    for (const datagram of datagrams) stranger.receive(datagram);
    expect(stranger.vms.size).toBe(0);
    const owner = new Receiver({ privateKey: pair.privateKey });
    for (const datagram of datagrams) owner.receive(datagram);
    expect(owner.vms.get(7)?.disks).toEqual({ 0: 65 });
  });

  it('leave out a machine that fits into none, and keep the others', () => {
    const snapshots = Object.fromEntries(Array.from({ length: 300 }, (_, id) => [`0/${id}`, (id * 7919) % 10_007]));
    const { datagrams, left } = monitorVmDatagrams([vm(1, { 0: 1 }), vm(2, { 0: 1 }, snapshots), vm(3, { 0: 1 })], plain, 1000);
    const receiver = new Receiver();
    for (const datagram of datagrams) receiver.receive(datagram);
    expect([left, [...receiver.vms.keys()]]).toEqual([[2], [1, 3]]);
  });

  it('are none without machines', () => {
    expect(monitorVmDatagrams([], plain).datagrams).toEqual([]);
  });
});
