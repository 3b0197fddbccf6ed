import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readyDrivers } from '../../../controller/setup/driver-rows.ts';
import { addToOnedConf, removeFromOnedConf } from '../../../controller/setup/oned-conf.ts';
import { readTemplate } from '../../../controller/setup/template-file.ts';
import { addToVmmExecrc, removeFromVmmExecrc } from '../../../controller/setup/vmm-execrc.ts';

const fixture = (version: string, name: string): string =>
  readFileSync(join(import.meta.dirname, '../../fixtures/front-end', version, name), 'latin1');
const drivers = readyDrivers().filter(({ name }) => ['agent_local', 'agent_fs'].includes(name));
const add = (text: string): string => addToOnedConf(text, drivers, '/etc/one/oned.conf');
const remove = (text: string): string => removeFromOnedConf(text, '/etc/one/oned.conf');
const keysOf = (text: string, name: string) =>
  readTemplate(text, 'f')
    .filter((one) => one.name === name)
    .map(({ keys }) => keys);
const listOf = (text: string, block: string, option: string): readonly string[] =>
  new RegExp(`${option} (\\S+)`).exec(keysOf(text, block)[0]?.get('ARGUMENTS')?.text ?? '')?.[1]?.split(',') ?? [];

describe.each(['6.10', '7'])('oned.conf of %s', (version) => {
  const before = fixture(version, 'oned.conf');

  it('is read whole', () => {
    const names = readTemplate(before, 'f').map(({ name }) => name);
    expect(names.filter((name) => name === 'TM_MAD_CONF').length).toBe(version === '7' ? 4 : 3);
    expect(keysOf(before, 'DB')[0]?.get('PASSWD')?.text).toBe('top \\"secret\\" # 1');
    expect(keysOf(before, 'VNC_PORTS')[0]?.size).toBe(2);
    expect(readTemplate(before, 'f').find(({ name }) => name === 'SCRIPTS_REMOTE_DIR')?.value?.text).toBe('/var/tmp/one');
    expect(readTemplate(before, 'f').find(({ name }) => name === 'DEFAULT_COST')?.value?.text).toBe('');
  });

  it('gets the drivers, behind those that it has', () => {
    const after = add(before);
    for (const [block, option, name] of [
      ['TM_MAD', '-d', 'agent_local'],
      ['DATASTORE_MAD', '-d', 'agent_fs'],
      ['DATASTORE_MAD', '-s', 'agent_local'],
    ] as const)
      expect(listOf(after, block, option)).toEqual([...listOf(before, block, option), name]);
    const conf = keysOf(after, 'TM_MAD_CONF').at(-1);
    expect(Object.fromEntries([...(conf ?? [])].map(([key, { text }]) => [key, text]))).toEqual({
      NAME: 'agent_local',
      LN_TARGET: 'SYSTEM',
      CLONE_TARGET: 'SYSTEM',
      SHARED: 'NO',
      DS_MIGRATE: 'YES',
      ALLOW_ORPHANS: 'FORMAT',
    });
    expect(keysOf(after, 'DS_MAD_CONF').at(-1)?.get('NAME')?.text).toBe('agent_fs');
    // 7 has it by itself.
    const inherited = readTemplate(after, 'f').filter(({ name, value }) => name === 'INHERIT_DATASTORE_ATTR' && value?.text === 'SPARSE');
    expect(inherited).toHaveLength(1);
    // Nothing else changed: the old lines are all there, in order, but for those of the lists.
    const old = before.split('\n').filter((line) => !/-[ds] /.test(line) || line.startsWith('#'));
    const lines = after.split('\n').values();
    for (const line of old)
      expect(
        lines.some((one) => one === line),
        line,
      ).toBe(true);
  });

  it('is the same when it is done again, and as before when it is undone', () => {
    expect(add(add(before))).toBe(add(before));
    expect(remove(add(before))).toBe(before);
    for (const text of [before.trimEnd(), `${before}\n\n`, before.replace(/\n\s+-s \S+"/, '"')]) expect(remove(add(text))).toBe(text);
  });

  it('loses ours alone when an administrator changed it since', () => {
    const edited = `${add(before).replace('ssh,', 'ssh,mine,').replace('PORT = 2633', 'PORT = 2634')}HOSTNAME = "one1"\n`;
    expect(remove(edited)).toBe(`${before.replace('ssh,', 'ssh,mine,').replace('PORT = 2633', 'PORT = 2634')}HOSTNAME = "one1"\n`);
    expect(add(edited)).toContain('HOSTNAME = "one1"');
    expect(listOf(add(edited), 'TM_MAD', '-d')).toContain('mine');
  });
});

describe('oned.conf that was edited by hand', () => {
  const text = fixture('7', 'oned.conf');

  it('keeps what an administrator has put in for the drivers', () => {
    const manual = add(text).replace(/^# onestorage: .*\n/gm, '');
    expect(add(manual)).toBe(manual);
    expect(remove(manual)).toBe(manual);
    const foreign = manual.replace(
      'LN_TARGET = "SYSTEM", CLONE_TARGET = "SYSTEM", SHARED = "NO", DS_MIGRATE = "YES"',
      'LN_TARGET = "SYSTEM", CLONE_TARGET="SYSTEM", SHARED="YES"',
    );
    expect(() => add(foreign)).toThrow(
      /^\/etc\/one\/oned\.conf:\d+: TM_MAD_CONF of agent_local has SHARED = "YES", it must be "NO"; nothing was changed$/,
    );
  });

  it('takes lower case, one line, no -d and no -s', () => {
    const short =
      'tm_mad = [ executable = "one_tm", arguments = "-t 15" ]\nDATASTORE_MAD=[EXECUTABLE="one_datastore",ARGUMENTS="-t 15 -d fs"]';
    const after = add(short);
    expect(after).toContain('arguments = "-t 15" ]');
    expect(after).toContain('ARGUMENTS="-t 15 -d fs,agent_fs -s shared,ssh,ceph,agent_local"');
    expect(remove(after)).toBe(short);
  });

  it.each<[string, (text: string) => string, RegExp]>([
    [
      'a list over two lines',
      (all) => all.replace('lvm,shared', 'lvm,\n   shared'),
      /oned\.conf:\d+: '-d dummy,lvm,' in ARGUMENTS of TM_MAD is not understood/,
    ],
    ['an unknown option', (all) => all.replace('-t 15 -d dummy,fs', '-t 15 --fast -d dummy,fs'), /'--fast' in ARGUMENTS of DATASTORE_MAD/],
    ['no TM_MAD', (all) => all.replace(/^TM_MAD = /m, 'TN_MAD = '), /there is no TM_MAD with ARGUMENTS: add the drivers by hand/],
    ['two of them', (all) => `${all}TM_MAD = [ ARGUMENTS = "-t 1" ]\n`, /TM_MAD stands 2 times/],
    ['a quote that is not closed', (all) => `${all}X = "a\n`, /oned\.conf:\d+: expected a value, found '"a'/],
    ['a comma too many', (all) => all.replace('CONNECTIONS = 25 ]', 'CONNECTIONS = 25, ]'), /oned\.conf:\d+: expected a name, found ']/],
    ['carriage returns', (all) => all.replaceAll('\n', '\r\n'), /oned\.conf:\d+: expected/],
    ['half of ours', (all) => add(all).replace('# onestorage: end\n', ''), /has no '# onestorage: end' behind it/],
  ])('with %s is refused in one line', (_name, edit, message) => {
    expect(() => add(edit(text))).toThrow(message);
    try {
      add(edit(text));
    } catch (thrown) {
      expect((thrown as Error).message).toMatch(/nothing was changed$/);
    }
  });

  it('is never damaged, whatever is in it', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9_./:-]{1,8}$/);
    const value = fc.oneof(
      word,
      fc.string({ maxLength: 12 }).map((one) => `"${one.replace(/["\\]/g, '')}"`),
    );
    const line = fc.oneof(
      fc.tuple(word, value).map(([name, one]) => `${name.replace(/\W/g, 'x')} = ${one}`),
      fc.string({ maxLength: 20 }).map((one) => `# ${one.replace(/[\n\r]/g, '')}`),
      fc.constant(''),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(line, { maxLength: 12 }), fc.boolean(), (head, tail, open) => {
        const lists = 'TM_MAD = [ ARGUMENTS = "-t 15 -d a,b" ]\nDATASTORE_MAD = [ ARGUMENTS = "-d fs -s b -t 1" ]';
        const whole = [...head, lists, ...tail].join('\n') + (open ? '' : '\n');
        const known = readTemplate(whole, 'f');
        const after = add(whole);
        expect(remove(after)).toBe(whole);
        expect(add(after)).toBe(after);
        const found = readTemplate(after, 'f').filter(({ value: one }) => one !== undefined);
        for (const one of known.filter(({ value: single }) => single !== undefined))
          expect(found.some(({ name, value: other }) => name === one.name && other?.text === one.value?.text)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('vmm_execrc', () => {
  it.each(['6.10', '7'])('of %s gets the drivers, once', (version) => {
    const before = fixture(version, 'vmm_execrc');
    const after = addToVmmExecrc(before, drivers, 'f');
    expect(after).toMatch(/^LIVE_DISK_SNAPSHOTS="kvm-qcow2 .* kvm-agent_local qemu-agent_local"$/m);
    expect(addToVmmExecrc(after, drivers, 'f')).toBe(after);
    expect(removeFromVmmExecrc(after, drivers, 'f')).toBe(before);
    expect(removeFromVmmExecrc(after.replace('kvm-ssh', 'kvm-ssh kvm-mine'), drivers, 'f')).toMatch(
      /kvm-ssh kvm-mine (?:kvm-local )?qemu-qcow2/,
    );
  });

  it.each([
    '',
    '# LIVE_DISK_SNAPSHOTS="a"\n',
    'LIVE_DISK_SNAPSHOTS="$A b"\n',
    'LIVE_DISK_SNAPSHOTS="a"\nLIVE_DISK_SNAPSHOTS="b"\n',
    "LIVE_DISK_SNAPSHOTS='a'\n",
  ])('as %j is refused', (text) =>
    expect(() => addToVmmExecrc(text, drivers, '/etc/x')).toThrow(/^\/etc\/x: expected one line .*nothing was changed$/),
  );
});
