import { describe, expect, it } from 'vitest';
import { auditedHandler, auditedInspect } from '../../../controller/operations/audited.ts';
import type { ActionHandler, ActionRequest } from '../../../controller/server/handler.ts';
import type { AuditEntry } from '../../../runtime/audit/chain.ts';

const request: ActionRequest = {
  key: 'key-12345',
  action: 'tm/clone',
  suffix: undefined,
  driver: 'agent_local',
  argv: ['frontend:/secret-word'],
  stdin: 'secret document',
};
const SINK = { log: () => undefined };

function audited(handler: Partial<ActionHandler>) {
  const written: AuditEntry[] = [];
  const reads: unknown[] = [];
  const whole: ActionHandler = {
    run: async () => ({ stdout: 'secret output', failure: undefined }),
    cancel: () => false,
    list: () => [],
    get: () => undefined,
    ...handler,
  };
  const observer = {
    ended: ({ action }: Pick<ActionRequest, 'action'>, _seconds: number, reason: string | undefined) => reads.push({ action, reason }),
  };
  return { handler: auditedHandler(whole, { append: (entry) => written.push(entry) }, observer), written, reads };
}

describe('the audit of actions', () => {
  it('has driver, action, key and outcome, and none of the words', async () => {
    const { handler, written, reads } = audited({});
    expect(await handler.run(request, SINK)).toEqual({ stdout: 'secret output', failure: undefined });
    const about = { action: 'tm/clone', driver: 'agent_local', operation: 'key-12345' };
    expect(written).toEqual([
      { event: 'begin', ...about },
      { event: 'end', ...about, subject: undefined, outcome: 'ok' },
    ]);
    expect(JSON.stringify(written)).not.toContain('secret');
    expect(reads).toEqual([{ action: 'tm/clone', reason: undefined }]);
  });

  it('has the reason of a failure', async () => {
    const { handler, written, reads } = audited({ run: async () => ({ stdout: '', failure: { reason: 'no_space', message: 'secret' } }) });
    await handler.run(request, SINK);
    expect(written[1]).toMatchObject({ event: 'end', outcome: 'no_space' });
    expect(reads).toEqual([{ action: 'tm/clone', reason: 'no_space' }]);
  });

  it('has who was cancelled', () => {
    const { handler, written } = audited({ cancel: (key) => key === 'key-12345' });
    handler.cancel('key-12345', 'by\nan admin');
    handler.cancel('key-67890', 'too late');
    expect(written).toEqual([
      { event: 'cancel', operation: 'key-12345', why: 'by an admin', outcome: 'ok' },
      { event: 'cancel', operation: 'key-67890', why: 'too late', outcome: 'refused' },
    ]);
  });
});

describe('the audit of inspections', () => {
  it('has what a repair set aside, and nothing of a mere look', async () => {
    const written: AuditEntry[] = [];
    const moved = { type: 'moved', host: 'host01', path: '9/disk.0', to: '.lost/9' } as const;
    const inspect = auditedInspect(
      async function* (_id, { repair }) {
        yield { type: 'looked', host: 'host01' };
        if (repair) yield moved;
      },
      { append: (entry) => written.push(entry) },
    );
    const { signal } = new AbortController();
    expect(await Array.fromAsync(inspect(107, { repair: false }, signal))).toHaveLength(1);
    expect(written).toEqual([]);
    expect(await Array.fromAsync(inspect(107, { repair: true }, signal))).toHaveLength(2);
    expect(written).toEqual([
      { event: 'repair', datastore: 107 },
      { event: 'moved', datastore: 107, host: 'host01', path: '9/disk.0', to: '.lost/9' },
    ]);
  });
});
