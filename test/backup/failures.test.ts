import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ActionResult } from '../lab/opennebula/mad.ts';
import type { Image } from '../lab/opennebula/model.ts';
import { BackupSite, type BackupVm, missing, NASTY } from './backup-site.ts';
import { PASSWORD } from './places.ts';
import { Matrix } from './report.ts';

const MINUTES = 60_000;
const PLACE = 'restic sftp';
const table = new Matrix('failures', ['what went wrong', 'what OpenNebula is told, or what came of it']);
afterAll(() => table.print());

describe.skipIf(missing(PLACE).length > 0 && process.env['CI'] !== 'true')(
  'backups, when something goes wrong',
  { timeout: 10 * MINUTES },
  () => {
    let site: BackupSite;
    let vm: BackupVm;
    let image: Image;
    beforeAll(async () => {
      site = await BackupSite.start(PLACE, { failpoints: {} });
      vm = await site.vm('INCREMENT');
      ({ image } = await vm.backup());
    }, 8 * MINUTES);
    afterAll(() => site?.stop(), MINUTES);
    afterEach(() => {
      const datastore = site.one.model.datastores.get(105);
      if (datastore !== undefined) site.one.model.datastores.set(105, { ...datastore, template: site.place.template });
    });

    const change = (template: Record<string, string>): void => {
      const datastore = site.one.model.datastores.get(105);
      if (datastore === undefined) throw new Error('there is no backup datastore');
      site.one.model.datastores.set(105, { ...datastore, template: { ...datastore.template, ...template } });
    };
    const fails = (what: string, result: ActionResult, line: RegExp): void => {
      expect(result.exit, what).not.toBe(0);
      expect(result.info).toMatch(line);
      expect(result.info).not.toMatch(/^\d|\n|\bat .*\.ts:/);
      expect(`${result.stdout}${result.stderr}`).not.toContain(PASSWORD);
      table.add(what, result.info);
    };
    const allocated = (): string => JSON.stringify([[...site.one.model.images.keys()], [...site.one.model.templates.keys()]]);

    it('says that the password is wrong, and that the server is not there', async () => {
      change({ RESTIC_PASSWORD: 'another password' });
      fails('wrong password', await site.one.ls(vm.vm, image, -1), /^ls: .*password/);
      change({ RESTIC_PASSWORD: PASSWORD, RESTIC_SFTP_SERVER: 'gone' });
      fails('server unreachable, ls', await site.one.ls(vm.vm, image, -1), /^ls: .*gone/);
      await vm.stage();
      fails('server unreachable, backup', await vm.store(), /^backup: .*gone/);
      change({ RESTIC_SFTP_SERVER: '' });
      fails('attribute missing', await site.one.monitor(105), /^monitor: datastore 105 has no RESTIC_SFTP_SERVER/);
    });

    it('makes nothing for a user without rights, or under a name that OpenNebula does not take', async () => {
      const before = allocated();
      site.one.model.users.set('bob', { id: 5, name: 'bob', groupId: 100, group: 'users', refused: new Set(['one.template.allocate']) });
      fails(
        'user may not make templates',
        await site.one.restore(image, 106, { USERNAME: 'bob', NAME: 'b' }),
        /^restore: .*CREATE TEMPLATE/,
      );
      fails('name that is not allowed', await site.one.restore(image, 106, { NAME: NASTY }), /^restore: .*Invalid NAME, char/);
      fails('user is unknown', await site.one.restore(image, 106, { USERNAME: 'nobody', NAME: 'n' }), /^restore: .*authenticated/);
      expect(allocated()).toBe(before);
      const first = await site.one.restore(image, 106, { NAME: 'taken' });
      await site.filled(first.info);
      const taken = allocated();
      fails('name is taken', await site.one.restore(image, 106, { NAME: 'taken' }), /^restore: .*NAME is already taken by IMAGE/);
      expect(allocated()).toBe(taken);
    });

    it('restores a VM that was deleted, and whose template is gone', async () => {
      const { model } = site.one;
      model.vms.delete(vm.vm.id);
      model.templates.clear();
      const result = await site.one.restore(image, 106, { USERNAME: 'alice', NAME: 'of the deleted' });
      model.vms.set(vm.vm.id, vm.vm);
      expect(result, result.stderr).toMatchObject({ exit: 0 });
      vm.mustBeImages(await site.filled(result.info), 0);
      table.add('VM deleted since, template gone', `restored: ${result.info}`);
    });

    it('goes on with a restore when the controller was killed in it, and makes nothing twice', async () => {
      const before = site.one.model.images.size;
      await site.cluster.controller.arm('action.image-3.begin=kill');
      const running = site.one.restore(image, 106, { USERNAME: 'alice', NAME: 'across a restart' });
      await site.cluster.controller.exited;
      await site.cluster.controller.start();
      const result = await running;
      expect(result, result.stderr).toMatchObject({ exit: 0 });
      vm.mustBeImages(await site.filled(result.info), 0);
      expect(site.one.model.images.size).toBe(before + 2);
      table.add('controller killed during restore', `restored: ${result.info}`);
    });

    // Each step of storing, restoring and merging: test/agent/backends/repository/killed.test.ts. Here, that the controller comes back to it.
    it.each(['disk.swap.swap disk.0.end', 'image.import.publish.end'])(
      'restores in place when the agent is killed at %s',
      async (point) => {
        await vm.overwrite();
        const agent = site.cluster.agent('host01');
        await agent.arm(`${point}=kill`);
        const running = site.restoreInPlace(vm.vm, image, 0, -1);
        await agent.exited;
        await agent.start();
        const result = await running;
        expect(result, result.stderr).toMatchObject({ exit: 0 });
        vm.mustBeInPlace(0);
        expect(site.cluster.leftovers()).toEqual([]);
        table.add(`agent killed at ${point}`, 'restored in place');
      },
    );

    it('stores a backup when the agent is killed at backup.store.upload.end', async () => {
      // Enough increments to merge some, later.
      const { step: before } = await vm.backup();
      const step = await vm.stage();
      expect(step).toBe(before + 1);
      const agent = site.cluster.agent('host01');
      await agent.arm('backup.store.upload.end=kill');
      const running = vm.store();
      await agent.exited;
      await agent.start();
      const result = await running;
      expect(result, result.stderr).toMatchObject({ exit: 0 });
      vm.record(result);
      const restored = await site.restoreInPlace(vm.vm, image, -1, 0);
      expect(restored, restored.stderr).toMatchObject({ exit: 0 });
      vm.mustBeInPlace(step, [0]);
      table.add('agent killed at backup.store.upload.end', `stored: ${result.info}`);
    });

    it('merges increments when the agent is killed on the way', async () => {
      const agent = site.cluster.agent('frontend');
      await agent.arm('backup.flatten.remove.begin=kill');
      const running = site.one.flatten(image, 2);
      await agent.exited;
      await agent.start();
      const result = await running;
      expect(result, result.stderr).toMatchObject({ exit: 0 });
      const chain =
        result.info
          .split(' ')[1]
          ?.split(',')
          .map((link) => link.split(':')) ?? [];
      expect(chain).toHaveLength(2);
      if (image.backup === undefined) throw new Error('this is no backup');
      image.backup.increments = chain.map(([id = '', source = ''], index) => ({
        id: Number(id),
        source,
        sizeMb: 1,
        type: index === 0 ? 'FULL' : 'INCREMENT',
      }));
      expect((await site.one.ls(vm.vm, image, -1)).exit).toBe(0);
      table.add('agent killed while it merges', `merged: ${result.info}`);
    });

    it('takes a stopped upload back, and stores the next one', async () => {
      const step = await vm.stage();
      const agent = site.cluster.agent('host01');
      const hold = path.join(site.cluster.site.directory, 'etc', 'hold-upload');
      await writeFile(hold, '');
      await agent.arm(`backup.store.upload.begin=hold:${hold}`);
      const stop = new AbortController();
      const running = vm.store(stop.signal);
      await expect
        .poll(async () => (await site.cluster.operations(false)).some(({ step: at }) => at === 'store'), { timeout: MINUTES })
        .toBe(true);
      stop.abort();
      await rm(hold);
      fails('upload stopped', await running, /^ds\/backup was stopped by a signal: its operation .* is cancelled/);
      await agent.arm('');
      const result = await vm.store();
      expect(result, result.stderr).toMatchObject({ exit: 0 });
      vm.record(result);
      const restored = await site.restoreInPlace(vm.vm, image, -1, 0);
      expect(restored, restored.stderr).toMatchObject({ exit: 0 });
      vm.mustBeInPlace(step, [0]);
    });

    it('sees an increment that is gone before it relies on it, and lets the next backup be full', async () => {
      const increments = image.backup?.increments ?? [];
      const lost = increments[0];
      if (lost === undefined) throw new Error('there is no increment');
      const pruned = { ...image, id: 999, backup: { vmId: vm.vm.id, diskIds: [0, 3], increments: [lost] } };
      expect((await site.one.image('rm', pruned)).exit).toBe(0);
      await vm.stage();
      fails(
        'increment pruned, next backup',
        await vm.store(),
        /^backup: backup \d+: the repository has lost increment .*will be a full one/,
      );
      fails('increment pruned, restore in place', await site.restoreInPlace(vm.vm, image, -1, -1), /^restore: backup \d+ is not whole/);
      fails('increment pruned, new images', await site.one.restore(image, 106, { NAME: 'lost' }), /^restore: backup \d+ is not whole/);
      await expect.poll(() => vm.vm.backup?.lastIncrementId, { timeout: MINUTES }).toBe(-1);
      const { result, image: next, step } = await vm.backup();
      expect(next.id).not.toBe(image.id);
      const restored = await site.restoreInPlace(vm.vm, next, -1, -1);
      expect(restored, restored.stderr).toMatchObject({ exit: 0 });
      vm.mustBeInPlace(step);
      table.add('the backup after it', `full, in a new image: ${result.info}`);
    });

    it('leaves nothing behind', () => expect(site.cluster.leftovers()).toEqual([]));
  },
);
