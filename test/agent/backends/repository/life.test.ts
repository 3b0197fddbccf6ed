import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainOf } from '../../../../agent/backends/repository/input.ts';
import { lacks } from '../../tools/context.ts';
import { BackupLab, missingServers, VM_XML } from './lab.ts';
import { PLACES } from './places.ts';
import { mib, showsTheSame } from './staged.ts';

const MINUTES = 60_000;
/** restic behind sftp, a REST server and S3 differs in how it is reached: test/backup, s3.test.ts. */
const servers = { local: [], rsync: ['sshd'] } as const;

for (const name of ['local', 'rsync'] as const) {
  const incomplete = (await lacks('qemu-img', ...PLACES[name].needs)) || missingServers(servers[name]);

  describe.skipIf(incomplete)(`a chain of backups in a repository: ${name}`, { timeout: 10 * MINUTES }, () => {
    let lab: BackupLab;
    let chain: ChainOf;
    beforeAll(async () => {
      lab = await BackupLab.start(name);
      chain = await lab.chain(2);
    }, 10 * MINUTES);
    afterAll(() => lab.stop());

    it('has ids as the stock driver makes them', () => {
      const digits = name === 'rsync' ? 6 : 8;
      for (const { backupId } of chain) expect(backupId).toMatch(new RegExp(`^[0-9a-f]{${digits}}$`, 'u'));
      expect(new Set(chain.map(({ backupId }) => backupId)).size).toBe(3);
    });

    it('is listed: disks with their paths and sizes, and the VM as it was', async () => {
      const { files = [], vmXml, increments = [] } = await lab.list(chain);
      expect(vmXml).toBe(VM_XML);
      expect(files!.map(({ diskId }) => diskId)).toEqual(['0', '2']);
      for (const file of files!) {
        expect(file.path).toMatch(/^\/.*\/7\/(?:backup|[0-9a-f]{6})\/disk\.[02]\.2$/u);
        expect(file).toMatchObject({ virtualSizeBytes: mib(24), checksumKnown: true, format: 'raw', increments: [0, 1, 2] });
      }
      expect(increments!.map(({ present }) => present)).toEqual([true, true, true]);
    });

    it.each([0, 1, 2])('gives disks back as they were at increment %i', async (step) => {
      for (const { id, golden } of lab.disks.map((disk) => ({ id: disk.id, golden: disk.golden(step) }))) {
        // All are restored from the first and the last; what comes through in between differs by nothing but its number.
        if (step === 1 && id !== 0) continue;
        const target = `restored.${id}.${step}`;
        const result = await lab.restore(chain.slice(0, step + 1), String(id), target);
        expect(result).toMatchObject({ format: 'qcow2', sizeBytes: mib(24) });
        expect(showsTheSame(lab.at(target), 'qcow2', golden)).toBe(true);
      }
      expect(await lab.leftovers()).toEqual([]);
    });

    it('gives a disk back as raw, with holes', async () => {
      expect(await lab.restore(chain, '0', 'restored.raw', 'raw')).toMatchObject({ format: 'raw', sizeBytes: mib(24) });
      expect(showsTheSame(lab.at('restored.raw'), 'raw', lab.disks[0]!.golden(2))).toBe(true);
      const { blocks, size } = await stat(lab.at('restored.raw'));
      expect(size).toBe(mib(24));
      expect(blocks * 512).toBeLessThan(mib(8));
    });

    it('is read back and compared whole', async () => {
      const { sizeBytes = 0 } = await lab.verify(chain);
      expect(sizeBytes).toBeGreaterThan(mib(6));
    });

    it('is merged but for the last increment, under new ids, and restores as before', async () => {
      const { chain: kept = [], sizeBytes = 0 } = await lab.flatten(chain, 2);
      expect(kept.map(({ id }) => id)).toEqual([1, 2]);
      expect(kept[1]).toEqual(chain[2]);
      expect(kept[0]!.backupId).not.toBe(chain[1]!.backupId);
      expect(sizeBytes).toBeGreaterThan(mib(6));
      await lab.verify(kept);
      for (const step of [1, 2]) {
        const target = `merged.${step}`;
        await lab.restore(kept.slice(0, step), '2', target);
        expect(showsTheSame(lab.at(target), 'qcow2', lab.disks[1]!.golden(step))).toBe(true);
      }
      expect(await lab.leftovers()).toEqual([]);
      // Whoever did not hear of it still has the old chain: it leads to the same.
      await lab.restore(chain, '0', 'by-old-ids');
      expect(showsTheSame(lab.at('by-old-ids'), 'qcow2', lab.disks[0]!.golden(2))).toBe(true);
      await expect(lab.restore(chain.slice(0, 1), '0', 'too-old')).rejects.toMatchObject({ reason: 'not_found' });
      chain = [...kept];
    });

    it('is removed, and nothing is left of its data', async () => {
      await lab.remove(chain.map(({ backupId }) => backupId));
      await lab.remove(chain.map(({ backupId }) => backupId));
      const { directory } = lab.served;
      if (name === 'rsync') expect(await readdir(directory!)).toEqual([]);
      else if (directory !== undefined) expect(await packs(path.join(directory, 'data'))).toEqual([]);
      await expect(lab.list(chain)).rejects.toMatchObject({ reason: 'not_found' });
    });
  });
}

async function packs(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).filter((entry) => path.basename(entry).length > 2);
}
