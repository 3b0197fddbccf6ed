import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { imageDisk } from '../../lab/models.ts';
import type { BackupHook } from '../../lab/opennebula/actions.ts';
import type { Vm } from '../../lab/opennebula/model.ts';
import { tool } from '../../lab/tools.ts';
import { activeContent, type Check, type DiskShape, diskNames, type Format, holds, layers, MIB, standsAlone } from '../contents.ts';
import { directoryTree } from '../names.ts';
import type { Rig } from '../rig.ts';
import { BOTH, type Case, type Expected, type Scenario } from '../scenario.ts';

/** Backups of a VM that is off: what backup datastores are to find (contract 7.2, 7.3). Its disks have the numbers 0 and 2. */

const DISKS = [0, 2] as const;

interface Backup {
  readonly hook: Extract<BackupHook, 'prebackup' | 'postbackup'>;
  readonly tpm?: boolean;
  readonly backup: NonNullable<Vm['backup']>;
  /** After the disks are there. */
  ready?(directory: string, vmId: number, format: Format): Promise<void>;
  after(directory: string, format: Format): { readonly staged: readonly string[]; readonly checks: readonly Check[] };
}

/** Of a virtual TPM. */
const STATE = 'state of the TPM';

const shape = (format: Format): DiskShape => layers(format, 1, 'disk');

async function prepared(rig: Rig, format: Format, { hook, backup, tpm = false, ready, after }: Backup): Promise<Case> {
  const source = rig.source('e5'.repeat(16));
  const disks = [...DISKS].map((id) => imageDisk({ id, source, format, sizeMb: 4 }));
  const vm = rig.vm({ host: 'host01', disks, state: 8, lcmState: 0, backup, tpm });
  const directory = rig.at('host01', 107, String(vm.id));
  for (const id of DISKS) await rig.put(directory, `disk.${id}`, shape(format));
  await ready?.(directory, vm.id, format);
  const { staged, checks } = after(directory, format);
  const own = DISKS.flatMap((id) => diskNames(`disk.${id}`, shape(format)));
  if (tpm) {
    await mkdir(path.join(directory, 'tpm'));
    await writeFile(path.join(directory, 'tpm', 'tpm2-00.permall'), STATE);
    own.push('tpm/', 'tpm/tpm2-00.permall');
  }
  const files = staged.length === 0 ? [] : ['backup/', ...staged.map((name) => `backup/${name}`)];
  const expected: Expected = { tree: directoryTree(`host01:107/${vm.id}`, [...own, ...files]), checks };
  return { call: () => rig.one.backup(hook, vm, DISKS), stdout: /^$/, after: () => expected };
}

function scenario(variant: string, what: Backup, formats: Scenario['formats'] = BOTH): Scenario {
  return { action: `tm/${what.hook}`, variant, formats, prepare: (rig, format) => prepared(rig, format, what) };
}

/** The same steps, with another plan. */
const asIncrement = (one: Scenario): Scenario => ({ ...one, killedAs: 'tm/prebackup increment' });

/** vm.xml is the document in base64, in lines. */
function document(directory: string): Check {
  return async () => {
    const text = await readFile(path.join(directory, 'backup', 'vm.xml'), 'utf8');
    const xml = Buffer.from(text, 'base64').toString();
    if (!/^([A-Za-z0-9+/=]{1,60}\n)+$/.test(text) || !xml.startsWith('<VM>')) throw new Error(`vm.xml holds ${text.slice(0, 80)}`);
  };
}

const names = (increment: number): string[] => [...DISKS.map((id) => `disk.${id}.${increment}`), 'vm.xml'];

function full(variant: string, backup: Backup['backup'], formats: Scenario['formats'] = BOTH): Scenario {
  return scenario(
    variant,
    {
      hook: 'prebackup',
      backup,
      // What an earlier one left behind is no part of this one.
      ready: async (directory) => {
        await mkdir(path.join(directory, 'backup'));
        await writeFile(path.join(directory, 'backup', 'disk.7.0'), 'old');
      },
      after: (directory, format) => ({
        staged: names(0),
        checks: [
          document(directory),
          ...DISKS.flatMap((id) => {
            const file = path.join(directory, 'backup', `disk.${id}.0`);
            const content = activeContent(shape(format));
            return [holds(file, 'qcow2', content), standsAlone(file, 'qcow2'), holds(path.join(directory, `disk.${id}`), format, content)];
          }),
        ],
      }),
    },
    formats,
  );
}

/** What the guest wrote, and zeroed, after increment 0. */
const SINCE = ['write -P 81 2162688 1000', 'write -z 0 65536', 'write -P 82 3145728 4096'] as const;

function since(format: Format): Buffer {
  const bytes = activeContent(shape(format));
  bytes.fill(81, 2_162_688, 2_163_688);
  bytes.fill(0, 0, 65_536);
  return bytes.fill(82, 3 * MIB, 3 * MIB + 4096);
}

/** The second of a chain, of which increment 0 is beside the VM's directory, as a repository would have it. */
function increment(variant: string, withBitmap: boolean, formats: Scenario['formats']): Scenario {
  return scenario(
    variant,
    {
      hook: 'prebackup',
      backup: { mode: 'INCREMENT', lastIncrementId: 0 },
      ready: async (directory, vmId, format) => {
        for (const id of DISKS) {
          const disk = path.join(directory, `disk.${id}`);
          await tool('qemu-img', 'convert', '-f', format, '-O', 'qcow2', disk, stored(directory, id));
          // A bitmap of a backup that was never stored, and one of an older increment, go.
          const bitmaps = withBitmap ? [`one-${vmId}-0`, `one-${vmId}-1`] : [];
          if (format === 'qcow2') for (const name of bitmaps) await tool('qemu-img', 'bitmap', '--add', '-f', 'qcow2', disk, name);
          await tool('qemu-io', '-f', format, ...SINCE.flatMap((command) => ['-c', command]), disk);
        }
      },
      after: (directory, format) => ({
        staged: names(1),
        checks: [
          document(directory),
          ...DISKS.flatMap((id) => {
            const file = path.join(directory, 'backup', `disk.${id}.1`);
            return [standsAlone(file, 'qcow2'), restores(directory, id, since(format)), isSmall(file, withBitmap && format === 'qcow2')];
          }),
        ],
      }),
    },
    formats,
  );
}

/** Increment 0, out of the way of the names that are looked at. */
const stored = (directory: string, id: number): string =>
  path.join(directory, '..', '..', '..', `stored-${path.basename(directory)}-${id}`);

/** Laid over increment 0, as every reader does it, it is the disk. */
function restores(directory: string, id: number, expected: Buffer): Check {
  return async () => {
    const copy = `${stored(directory, id)}.1`;
    await cp(path.join(directory, 'backup', `disk.${id}.1`), copy);
    await tool('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-b', stored(directory, id), '-F', 'qcow2', copy);
    await holds(copy, 'qcow2', expected)();
  };
}

/** Of the disk only what changed is in it: three clusters. */
function isSmall(file: string, wanted: boolean): Check {
  return async () => {
    const map = JSON.parse(await tool('qemu-img', 'map', '-f', 'qcow2', '--output=json', file)) as { present: boolean; length: number }[];
    const present = map.reduce((sum, { present: is, length }) => sum + (is ? length : 0), 0);
    const whole = activeContent(shape('raw')).length;
    if (wanted ? present > 4 * 65_536 : present !== whole) throw new Error(`${file} holds ${present} of ${whole} bytes`);
  };
}

const discard = scenario('after a backup', {
  hook: 'postbackup',
  backup: { mode: 'INCREMENT', lastIncrementId: 0 },
  ready: async (directory) => {
    await mkdir(path.join(directory, 'backup'));
    for (const name of names(0)) await writeFile(path.join(directory, 'backup', name), name);
  },
  after: (directory, format) => ({
    staged: [],
    checks: DISKS.map((id) => holds(path.join(directory, `disk.${id}`), format, activeContent(shape(format)))),
  }),
});

const withTpm = scenario(
  'with a TPM',
  {
    hook: 'prebackup',
    tpm: true,
    backup: { mode: 'FULL' },
    after: (directory) => ({
      staged: [...names(0), 'disk.tpm.0'],
      checks: [
        async () => {
          const state = await tool('tar', '-xzOf', path.join(directory, 'backup', 'disk.tpm.0'), 'tpm/tpm2-00.permall');
          if (state !== STATE) throw new Error(`disk.tpm.0 holds ${state}`);
        },
      ],
    }),
  },
  ['qcow2'],
);

export const backups: readonly Scenario[] = [
  full('of everything', { mode: 'FULL' }),
  asIncrement(full('first of a chain', { mode: 'INCREMENT' }, ['qcow2'])),
  increment('increment', true, BOTH),
  asIncrement(increment('increment of a lost chain', false, ['qcow2'])),
  asIncrement(withTpm),
  discard,
];
