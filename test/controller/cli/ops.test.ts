import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { askController } from '../../../controller/cli/controller-socket.ts';
import { operationTable, operationText } from '../../../controller/cli/ops-table.ts';
import { startServer } from '../../../controller/server/server.ts';
import { createLogger } from '../../../runtime/log.ts';
import type { OperationRecord } from '../../../runtime/operations/types.ts';

const record: OperationRecord = {
  id: 'operation-1',
  kind: 'action',
  subject: 'mv of VM 9',
  state: 'running',
  attempt: 1,
  committed: false,
  step: 'receive',
  progress: { step: 'copy disk.0', doneBytes: 512 * 1024 ** 2, totalBytes: 1024 ** 3 },
  figures: { movedBytes: 0, skippedBytes: 0, verifiedBytes: 0, processes: 0 },
  createdAt: 1_000_000,
  finishedAt: undefined,
  failure: undefined,
};

describe('ops', () => {
  it('shows progress, rate and remaining time', () => {
    expect(operationTable([], 0)).toBe('nothing is under way\n');
    expect(operationTable([record], 1_010_000).split('\n')).toEqual([
      'ID           STATE    STARTED               TIME    PROGRESS                       RATE        REMAINING  STEP         ACTION',
      'operation-1  running  1970-01-01T00:16:40Z  10.0 s  [######......] 50% of 1.0 GiB  51.2 MiB/s  10.0 s     copy disk.0  mv of VM 9',
      '',
    ]);
  });

  it('shows why one failed', () => {
    const failed: OperationRecord = { ...record, state: 'failed', finishedAt: 1_020_000, failure: { reason: 'no_space', message: 'full' } };
    expect(operationText(failed)).toContain('failure   full (no_space)\n');
    expect(operationTable([failed], 2_000_000)).toMatch(/failed +1970-01-01T00:16:40Z +20\.0 s +- +- +- +no_space +mv of VM 9\n/);
  });

  it('asks the controller over its socket, and says when none is there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'onestorage-ops-'));
    const socket = join(directory, 'controller.sock');
    await expect(askController(socket, 'GET', '/v1/operations')).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringContaining(`no controller listens on ${socket}`),
    });
    const handler = {
      run: () => Promise.reject(new Error('not here')),
      cancel: (id: string) => id === record.id,
      list: () => [record],
      get: (id: string) => (id === record.id ? record : undefined),
    };
    const server = await startServer({ socket, handler, log: createLogger('test', 'silent'), dialect: '7' });
    expect(await askController(socket, 'GET', '/v1/operations')).toMatchObject({ operations: [{ id: 'operation-1' }] });
    expect(await askController(socket, 'DELETE', '/v1/operations/operation-1')).toMatchObject({ cancelled: true });
    await expect(askController(socket, 'GET', '/v1/operations/operation-2')).rejects.toMatchObject({
      reason: 'not_found',
      message: 'there is no operation operation-2',
    });
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });
});
