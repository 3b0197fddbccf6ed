import { describe, expect, it } from 'vitest';
import { Admission, type AdmissionLimits } from '../../../controller/operations/admission.ts';
import { StorageError } from '../../../runtime/errors.ts';

const limits = (more: Partial<AdmissionLimits> = {}): AdmissionLimits => ({
  deploy: 2,
  move: 1,
  delete: 1,
  image: 1,
  backup: 1,
  per_host: {},
  ...more,
});
const never = new AbortController().signal;
const LONG = 600_000;

/** Asks, and tells whether it was let in at once. */
async function ask(admission: Admission, name: string, hosts: string[] = [], deadlineMs = LONG, signal: AbortSignal = never) {
  let release: (() => void) | undefined;
  let waitedFor: string | undefined;
  const entered = admission.enter({ class: 'deploy', hosts, holder: name }, deadlineMs, signal, (holders) => {
    waitedFor = holders;
  });
  const settled = entered.then((one) => {
    release = one;
  });
  settled.catch(() => undefined);
  await Promise.resolve();
  await Promise.resolve();
  return { settled, inside: () => release !== undefined, waitedFor: () => waitedFor, leave: () => release?.() };
}

describe('Admission', () => {
  it('lets as many in as the limit says, the rest in order', async () => {
    const admission = new Admission(limits());
    const [a, b, c, d] = [await ask(admission, 'a'), await ask(admission, 'b'), await ask(admission, 'c'), await ask(admission, 'd')];
    expect([a, b, c, d].map((one) => one.inside())).toEqual([true, true, false, false]);
    expect(c.waitedFor()).toBe('a, b');
    a.leave();
    a.leave();
    await c.settled;
    expect(d.inside()).toBe(false);
    b.leave();
    await d.settled;
    expect(d.inside()).toBe(true);
  });

  it('classes do not hold each other up', async () => {
    const admission = new Admission(limits());
    const release = await admission.enter({ class: 'delete', hosts: [], holder: 'x' }, LONG, never, () => undefined);
    expect((await ask(admission, 'a')).inside()).toBe(true);
    release();
  });

  it('one that waits for a host lets those for other hosts pass', async () => {
    const admission = new Admission(limits({ deploy: 3, per_host: { deploy: 1 } }));
    const a = await ask(admission, 'a', ['node1']);
    const b = await ask(admission, 'b', ['node1']);
    const c = await ask(admission, 'c', ['node2']);
    expect([a, b, c].map((one) => one.inside())).toEqual([true, false, true]);
    a.leave();
    await b.settled;
  });

  it('says who holds the slots when the time is over', async () => {
    const admission = new Admission(limits({ deploy: 1 }));
    await ask(admission, 'clone of VM 1 (operation x)');
    const late = await ask(admission, 'late', [], 1);
    await expect(late.settled).rejects.toMatchObject({
      reason: 'busy',
      message: 'waited 1 ms for one of the deploy slots, held by clone of VM 1 (operation x)',
    });
  });

  it('leaves the queue when it is cancelled', async () => {
    const admission = new Admission(limits({ deploy: 1 }));
    const first = await ask(admission, 'first');
    const abort = new AbortController();
    const gone = await ask(admission, 'gone', [], LONG, abort.signal);
    const next = await ask(admission, 'next');
    abort.abort(new StorageError('cancelled', 'given up'));
    await expect(gone.settled).rejects.toMatchObject({ reason: 'cancelled' });
    first.leave();
    await next.settled;
    await expect((await ask(admission, 'dead', [], LONG, abort.signal)).settled).rejects.toMatchObject({ reason: 'cancelled' });
  });
});
