import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { loadConfig } from '../../runtime/config.ts';

const PREFIX = 'ONESTORAGE_TEST_';
const schema = z.strictObject({
  log_level: z.enum(['info', 'debug']).default('info'),
  listen: z.string().default('0.0.0.0:2635'),
  secret: z.string().optional(),
  deadline_s: z.number().positive().default(60),
  data_ports: z.strictObject({ first: z.int(), last: z.int() }).prefault({ first: 1, last: 2 }),
  hosts: z.record(z.string(), z.strictObject({ address: z.string() })).default({}),
});

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'onestorage-config-'));
  file = join(directory, 'agent.yaml');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

async function load(text: string): Promise<unknown> {
  await writeFile(file, text);
  return await loadConfig(file, schema, PREFIX);
}

describe('a configuration', () => {
  it('is what the file says, with the defaults of the schema', async () => {
    expect(await load('log_level: debug\nhosts:\n  host01: { address: 10.0.0.1 }\n')).toMatchObject({
      log_level: 'debug',
      listen: '0.0.0.0:2635',
      hosts: { host01: { address: '10.0.0.1' } },
    });
    expect(await load('# nothing but defaults\n')).toMatchObject({ deadline_s: 60 });
  });

  it('is overridden by the environment, text staying text', async () => {
    vi.stubEnv('ONESTORAGE_TEST_LOG_LEVEL', 'debug');
    vi.stubEnv('ONESTORAGE_TEST_DEADLINE_S', '7');
    vi.stubEnv('ONESTORAGE_TEST_SECRET', '007');
    expect(await load('log_level: info\n')).toMatchObject({ log_level: 'debug', deadline_s: 7, secret: '007' });
  });

  it.each([
    { text: 'listen: a\nlog_levle: debug\n', says: ':2: log_levle: unknown key; did you mean log_level?' },
    { text: 'colour: red\n', says: ':1: colour: unknown key; known: log_level, listen' },
    { text: 'data_ports:\n  first: 1\n  last: 2\n  frist: 3\n', says: ':4: data_ports.frist: unknown key; did you mean first?' },
    { text: 'hosts:\n  host01:\n    adress: x\n    address: y\n', says: ':3: hosts.host01.adress: unknown key; did you mean address?' },
    { text: '\n\nlisten: 5\n', says: ':3: listen: ' },
    { text: 'data_ports:\n  first: 1\n', says: ':2: data_ports.last: ' },
    { text: 'listen: [1\n', says: 'not YAML' },
    { text: 'listen: a\nlisten: b\n', says: ':2: not YAML: Map keys must be unique' },
    { text: '- a\n- b\n', says: ': expected keys and values' },
    { text: 'just words\n', says: ': expected keys and values' },
  ])('that is wrong is refused in one line: $says', async ({ text, says }) => {
    const error = await load(text).then(
      () => undefined,
      (thrown: unknown) => thrown as { reason: string; message: string },
    );
    expect(error?.reason).toBe('bad_config');
    expect(error?.message).toContain(file);
    expect(error?.message).toContain(says);
    expect(error?.message).not.toContain('\n');
  });

  it('names the variable when the environment is wrong', async () => {
    vi.stubEnv('ONESTORAGE_TEST_DEADLINE_S', 'soon');
    await expect(load('')).rejects.toThrow('environment variable ONESTORAGE_TEST_DEADLINE_S: deadline_s: ');
    vi.unstubAllEnvs();
    vi.stubEnv('ONESTORAGE_TEST_LOG_LEVLE', 'debug');
    await expect(load('')).rejects.toThrow('did you mean ONESTORAGE_TEST_LOG_LEVEL?');
  });

  it('that is missing is named', async () => {
    await expect(loadConfig(file, schema, PREFIX)).rejects.toMatchObject({
      reason: 'bad_config',
      message: `cannot read the configuration: ${file}: no such file or directory`,
    });
  });
});
