import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainOf } from '../../../../agent/backends/repository/input.ts';
import { listBackup } from '../../../../agent/operations/look-at-backups.ts';
import { storeBackup } from '../../../../agent/operations/store-backup.ts';
import { lacks } from '../../tools/context.ts';
import { BackupLab } from './lab.ts';
import { showsTheSame } from './staged.ts';

const MINUTES = 60_000;

describe.skipIf(await lacks('qemu-img', 'restic'))('a chain of backups in S3, over TLS', { timeout: 5 * MINUTES }, () => {
  let lab: BackupLab;
  let chain: ChainOf;
  beforeAll(async () => {
    lab = await BackupLab.start('s3', [0]);
    chain = await lab.chain(1);
  }, 5 * MINUTES);
  afterAll(() => lab.stop());

  /** The same place, reached with other words. */
  function as(change: { readonly accessKeyId?: string; readonly caCertificate?: string }, s3SecretAccessKey?: string) {
    const { repository } = lab.served;
    const secret = { ...lab.served.secret, ...(s3SecretAccessKey === undefined ? {} : { s3SecretAccessKey }) };
    const { store } = repository;
    if (store.kind !== 'restic' || store.place.at !== 's3') throw new Error('not S3');
    return { secret, repository: { ...repository, store: { ...store, place: { ...store.place, ...change } } } };
  }

  const objects = async (): Promise<readonly string[]> => (await readdir(path.join(lab.host.root, 's3'), { recursive: true })).sort();

  it('gives each increment back', async () => {
    const { files = [] } = await lab.list(chain);
    expect(files).toMatchObject([{ diskId: '0', checksumKnown: true, increments: [0, 1] }]);
    for (const step of [0, 1]) {
      await lab.restore(chain.slice(0, step + 1), '0', `restored.${step}`);
      expect(showsTheSame(lab.at(`restored.${step}`), 'qcow2', lab.disks[0]!.golden(step))).toBe(true);
    }
  });

  it.each(['key', 'secret'])('says in one line which attributes hold a wrong %s, and stores nothing', async (wrong) => {
    const stranger = wrong === 'key' ? as({ accessKeyId: 'SOMEBODY' }) : as({}, 'not-the-secret');
    const denied = {
      reason: 'repository_denied',
      message: expect.stringMatching(
        /^repository s3:\S+ refuses access with RESTIC_S3_ACCESS_KEY_ID and RESTIC_S3_SECRET_ACCESS_KEY: [^\n]+$/u,
      ),
    };
    await expect(
      listBackup(lab.agent, stranger, { chain, diskId: '', withDocument: false }, AbortSignal.timeout(MINUTES)),
    ).rejects.toMatchObject(denied);
    await lab.stage(0);
    const before = await objects();
    const other = lab.withHost(lab.host, stranger.secret);
    await expect(
      other.submit(storeBackup(lab.agent), { ...lab.storeInput(0), repository: stranger.repository }).done,
    ).rejects.toMatchObject(denied);
    expect(await objects()).toEqual(before);
  });

  it('says in one line that the certificate is of nobody it knows', async () => {
    const untrusted = as({ caCertificate: '' });
    await expect(
      listBackup(lab.agent, untrusted, { chain, diskId: '', withDocument: false }, AbortSignal.timeout(MINUTES)),
    ).rejects.toMatchObject({
      reason: 'repository_unreachable',
      message: expect.stringMatching(/^repository s3:\S+ cannot be reached: .*x509: /u),
    });
  });

  it('is removed', async () => {
    await lab.remove(chain.map(({ backupId }) => backupId));
    await expect(lab.list(chain)).rejects.toMatchObject({ reason: 'not_found' });
  });
});
