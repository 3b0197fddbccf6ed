import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { agentConfigSchema } from '../../agent/config.ts';
import { startWarnings } from '../../agent/start-warnings.ts';

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'onestorage-warnings-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

describe('startWarnings', () => {
  it('has nothing to say of a host as it should be, with or without a machine-id', async () => {
    const base = await temporary();
    const machineIdFile = join(base, 'machine-id');
    expect(await startWarnings({ datastores: base, machineId: 'abc', machineIdFile })).toEqual([]);
    await writeFile(machineIdFile, 'abc\n');
    expect(await startWarnings({ datastores: base, machineId: 'abc', machineIdFile })).toEqual([]);
  });

  it('names datastores that are not there, and does not make them', async () => {
    const datastores = join(await temporary(), 'datastores');
    const facts = { datastores, machineId: 'abc', machineIdFile: join(datastores, 'none') };
    expect(await startWarnings(facts)).toEqual([expect.stringContaining(`${datastores}: no such file or directory`)]);
    await mkdir(datastores);
    expect(await startWarnings(facts)).toEqual([]);
  });

  it('names a certificate of another machine', async () => {
    const base = await temporary();
    const machineIdFile = join(base, 'machine-id');
    await writeFile(machineIdFile, 'def\n');
    expect(await startWarnings({ datastores: base, machineId: 'abc', machineIdFile })).toEqual([
      expect.stringContaining(`the certificate is for the machine abc, but ${machineIdFile} says def`),
    ]);
  });
});

describe('data_ports', () => {
  it('is at least one port', () => {
    const parse = (first: number, last: number) => agentConfigSchema.safeParse({ data_ports: { first, last } });
    expect(parse(2700, 2700).success).toBe(true);
    expect(parse(2799, 2700).error?.issues).toMatchObject([
      { path: ['data_ports'], message: 'first must not be greater than last: at least one port is needed' },
    ]);
  });
});
