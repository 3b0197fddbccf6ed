import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readXml } from '../../controller/opennebula/xml.ts';
import type { Image } from '../lab/opennebula/model.ts';
import { BackupSite, type BackupVm, missing, NASTY } from './backup-site.ts';
import { PLACE_NAMES } from './places.ts';
import { Matrix } from './report.ts';

const MINUTES = 60_000;
const matrix = new Matrix('restore matrix', ['repository', 'mode', 'increment', 'way', 'disks', 'seconds']);
afterAll(() => matrix.print());

for (const name of PLACE_NAMES) {
  describe.skipIf(missing(name).length > 0 && process.env['CI'] !== 'true')(
    `backups in a repository: ${name}`,
    { timeout: 15 * MINUTES },
    () => {
      let site: BackupSite;
      beforeAll(async () => {
        site = await BackupSite.start(name);
      }, 5 * MINUTES);
      afterAll(() => site?.stop(), MINUTES);

      describe.each(['INCREMENT', 'FULL'] as const)('%s', (mode) => {
        let vm: BackupVm;
        const made: { readonly image: Image; readonly increment: number; readonly step: number }[] = [];

        it('are stored, one after another', async () => {
          vm = await site.vm(mode);
          for (let step = 0; step < (mode === 'FULL' ? 2 : 3); step += 1) {
            const { result, image } = await vm.backup();
            expect(result.stdout).toMatch(name === 'rsync' ? /^[0-9a-f]{6} \d+ raw\n$/ : /^[0-9a-f]{8} \d+ raw\n$/);
            expect(result.undefinedMessages).toEqual([]);
            made.push({ image, increment: mode === 'FULL' ? 0 : step, step });
          }
          expect(site.cluster.leftovers()).toEqual([]);
        });

        it('are listed with the addresses that the stock downloader reads', async () => {
          const last = made.at(-1);
          if (last === undefined) throw new Error('nothing was stored');
          const listed = await site.one.ls(vm.vm, last.image, -1);
          expect(listed, listed.stderr).toMatchObject({ exit: 0 });
          const addresses = JSON.parse(listed.stdout) as Record<string, string>;
          expect(Object.keys(addresses)).toEqual(['0', '3']);
          const protocol = name === 'rsync' ? 'rsync' : 'restic';
          const head = mode === 'FULL' ? `${protocol}://105//0:[0-9a-f]+/` : `${protocol}://105//0:[0-9a-f]+,1:[0-9a-f]+,2:[0-9a-f]+/`;
          expect(addresses['3']).toMatch(new RegExp(`^${head}.*/disk\\.3\\.${last.increment}$`));
        });

        it('each become new images and a template, each increment of them', async () => {
          for (const { image, increment, step } of made) {
            const started = performance.now();
            const wanted = { NAME: `again ${image.id} ${increment}`, ...(mode === 'FULL' ? {} : { INCREMENT_ID: String(increment) }) };
            const result = await site.one.restore(image, 106, { ...wanted, USERNAME: 'alice' });
            expect(result, result.stderr).toMatchObject({ exit: 0, info: expect.stringMatching(/^\d+ \d+ \d+$/) });
            const images = await site.filled(result.info);
            vm.mustBeImages(images, step);
            expect(images.map(({ owner, sizeMb }) => [owner, sizeMb])).toEqual(Array(2).fill(['alice', 24]));
            const template = site.one.model.templates.get(Number(result.info.split(' ')[0]));
            const root = readXml(template?.document ?? '', 'template');
            expect(root.children.find((one) => one.name === 'DESCRIPTION')?.text).toBe(NASTY);
            const disks = root.children
              .filter((one) => one.name === 'DISK')
              .map((disk) => disk.children.map((one) => `${one.name}=${one.text}`));
            expect(disks).toEqual([
              expect.arrayContaining([`IMAGE_ID=${images[0]?.id}`]),
              expect.arrayContaining(['TYPE=swap', 'SIZE=8']),
              expect.arrayContaining([`IMAGE_ID=${images[1]?.id}`]),
            ]);
            matrix.add(name, mode, String(increment), 'new images', '0 3', ((performance.now() - started) / 1000).toFixed(1));
          }
        });

        it('each take the place of the disks, all of them or one, each increment', async () => {
          for (const { image, increment, step } of made) {
            const started = performance.now();
            await vm.overwrite();
            const result = await site.restoreInPlace(vm.vm, image, mode === 'FULL' ? -1 : increment, -1);
            expect(result, result.stderr).toMatchObject({ exit: 0 });
            vm.mustBeInPlace(step);
            matrix.add(name, mode, String(increment), 'in place', '0 3', ((performance.now() - started) / 1000).toFixed(1));
          }
          const [first] = made;
          if (first === undefined) throw new Error('nothing was stored');
          const result = await site.restoreInPlace(vm.vm, first.image, mode === 'FULL' ? -1 : 0, 3);
          expect(result, result.stderr).toMatchObject({ exit: 0 });
          vm.mustBeInPlace(0, [3]);
          vm.mustBeInPlace(made.at(-1)?.step ?? 0, [0]);
          matrix.add(name, mode, '0', 'in place', '3', '');
          expect(site.cluster.leftovers()).toEqual([]);
        });

        it.runIf(mode === 'INCREMENT')('are merged, and what is left is still what it was', async () => {
          const image = made[0]?.image;
          if (image?.backup === undefined) throw new Error('nothing was stored');
          const result = await site.one.flatten(image, 2);
          expect(result, result.stderr).toMatchObject({ exit: 0, info: expect.stringMatching(/^\d+ 1:[0-9a-f]+,2:[0-9a-f]+$/) });
          const chain =
            result.info
              .split(' ')[1]
              ?.split(',')
              .map((link) => link.split(':')) ?? [];
          image.backup.increments = chain.map(([id = '', source = ''], index) => ({
            id: Number(id),
            source,
            sizeMb: 1,
            type: index === 0 ? 'FULL' : 'INCREMENT',
          }));
          for (const step of [1, 2]) {
            await vm.overwrite();
            const restored = await site.restoreInPlace(vm.vm, image, step, -1);
            expect(restored, restored.stderr).toMatchObject({ exit: 0 });
            vm.mustBeInPlace(step);
            matrix.add(name, 'flattened', String(step), 'in place', '0 3', '');
          }
        });

        it('are removed, and removing them again does no harm', async () => {
          for (const image of new Set(made.map((one) => one.image))) {
            for (const time of ['once', 'twice']) {
              const result = await site.one.image('rm', image);
              expect(result, `${time}: ${result.stderr}`).toMatchObject({ exit: 0 });
            }
            const listed = await site.one.ls(vm.vm, image, -1);
            expect(listed.exit).not.toBe(0);
            expect(listed.info).toMatch(/^ls: /);
          }
        });
      });

      it('has space, and says how much', async () => {
        const result = await site.one.monitor(105);
        expect(result, result.stderr).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^USED_MB=\d+ TOTAL_MB=\d+ FREE_MB=\d+\n$/) });
      });
    },
  );
}
