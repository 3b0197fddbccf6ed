import { beforeEach, expect, it } from 'vitest';
import { type VerifyEvent, verifyBackup } from '../../../controller/backups/verify.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { type FakeServices, fakeServices, fixture } from '../fake-agents.ts';

const recorded = await fixture('restore.action.xml');
let services: FakeServices;
beforeEach(() => {
  services = fakeServices();
  services.openNebula.images.set(20, /<IMAGE>.*<\/IMAGE>/su.exec(recorded)?.[0] ?? '');
  services.openNebula.datastores.set(105, /<DATASTORE><ID>105.*<\/DATASTORE>(?=<DEST)/su.exec(recorded)?.[0] ?? '');
});

async function verify(incrementId: number, signal = new AbortController().signal): Promise<VerifyEvent[]> {
  const events: VerifyEvent[] = [];
  for await (const event of verifyBackup({ imageId: 20, incrementId }, services, signal)) events.push(event);
  return events;
}

it('lets an agent read the chain up to an increment', async () => {
  services.agents.behave = () => ({ format: '', sizeBytes: 77, md5: '' });
  const events = await verify(1);
  expect(events[0]).toEqual({ type: 'begun', host: 'frontend', increments: [0, 1] });
  expect(events.at(-1)).toEqual({ type: 'verified', sizeBytes: 77 });
  expect(events.filter(({ type }) => type === 'log')).toHaveLength(1);
  expect(services.agents.calls).toMatchObject([
    {
      method: 'Backups/Verify',
      request: {
        operation: { subject: 'verify of backup 20' },
        repository: { directory: '2', datastoreId: 105 },
        chain: {
          increments: [
            { id: 0, backupId: '577e252f' },
            { id: 1, backupId: '407bf2c9' },
          ],
        },
      },
    },
  ]);
});

it('goes on when the stream breaks, and passes on what differs', async () => {
  services.agents.breaks = 1;
  services.agents.behave = () => {
    throw new StorageError('bad_checksum', 'increment 0: disk.0.0 differs');
  };
  await expect(verify(-1)).rejects.toMatchObject({ reason: 'bad_checksum', message: 'increment 0: disk.0.0 differs (on frontend)' });
  await expect(verify(7)).rejects.toMatchObject({ reason: 'not_found', message: 'backup 20 has no increment 7; it has 0, 1, 2' });
});

const never = (_call: unknown, signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

it('is stopped on the agent when the one who asked goes away', async () => {
  services.agents.behave = never;
  const gone = new AbortController();
  const running = verifyBackup({ imageId: 20, incrementId: -1 }, services, gone.signal);
  let seen = 0;
  const work = (async () => {
    for await (const { type } of running)
      if (type === 'log' && ++seen === 1) gone.abort(new StorageError('cancelled', 'the caller has gone'));
  })();
  await expect(work).rejects.toMatchObject({ reason: 'cancelled' });
  expect(services.agents.calls.map(({ method }) => method)).toEqual(['Backups/Verify', 'Operations/Cancel']);
});

it('is stopped on the agent when nobody reads on', async () => {
  services.agents.behave = never;
  for await (const { type } of verifyBackup({ imageId: 20, incrementId: -1 }, services, new AbortController().signal))
    if (type === 'log') break;
  expect(services.agents.calls.map(({ method }) => method)).toEqual(['Backups/Verify', 'Operations/Cancel']);
});
