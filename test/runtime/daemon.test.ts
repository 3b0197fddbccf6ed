import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';

const children: ChildProcessWithoutNullStreams[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function run(mode: string): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'daemon-program.ts'), mode], { env: { PATH: process.env['PATH'] } });
  children.push(child);
  return child;
}

async function ready(child: ChildProcessWithoutNullStreams): Promise<string> {
  const [line] = await once(createInterface(child.stderr), 'line');
  return line;
}

describe('a daemon', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops in order on %s and exits with 0', async (signal) => {
    const child = run('');
    const output = text(child.stdout);
    await ready(child);
    child.kill(signal);
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(await output).toBe('stopping\nstopped\n');
  });

  it('finishes its stop however long it takes, unless it is asked again', async () => {
    const patient = run('slow');
    await ready(patient);
    patient.kill('SIGTERM');
    await once(patient.stdout, 'data');
    patient.stdin.write('go\n');
    expect(await once(patient, 'close')).toEqual([0, null]);

    const pressed = run('slow');
    await ready(pressed);
    pressed.kill('SIGTERM');
    await once(pressed.stdout, 'data');
    pressed.kill('SIGTERM');
    expect(await once(pressed, 'close')).toEqual([1, null]);
  });

  it('that cannot start says why in one line and a hint, and exits with 1 though a socket is open', async () => {
    const child = run('fail');
    const errors = text(child.stderr);
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(await errors).toBe('onestorage-test: agent.yaml:3: listen: wrong\n  hint: correct the configuration file and start again\n');
  });

  it('logs JSON without secrets', async () => {
    const line: unknown = JSON.parse(await ready(run('')));
    expect(line).toMatchObject({ level: 'info', name: 'test', msg: 'ready', capability: '[secret]', request: { capability: '[secret]' } });
  });
});
