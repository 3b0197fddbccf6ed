import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkRestart, checkVmmExecrc, notYetRead } from '../../../controller/doctor/after-setup.ts';
import { shimProblems } from '../../../controller/doctor/agents.ts';
import type { XmlElement } from '../../../controller/opennebula/xml.ts';
import { readXml } from '../../../controller/opennebula/xml.ts';
import { readyDrivers } from '../../../controller/setup/driver-rows.ts';
import { addToOnedConf } from '../../../controller/setup/oned-conf.ts';
import { readTemplate } from '../../../controller/setup/template-file.ts';
import { addToVmmExecrc } from '../../../controller/setup/vmm-execrc.ts';
import { readShim } from '../../../shims/program.ts';
import { healthy } from '../looks/fake-looks.ts';

const drivers = readyDrivers();
const fixture = (version: string, name: string): string =>
  readFileSync(join(import.meta.dirname, '../../fixtures/front-end', version, name), 'latin1');

/** What one.system.config gives of an oned that was started with this oned.conf. */
function startedWith(text: string): XmlElement {
  const cdata = (name: string, value: string): string => `<${name}><![CDATA[${value}]]></${name}>`;
  const elements = readTemplate(text, 'oned.conf').map(({ name, value, keys }) =>
    value === undefined ? `<${name}>${[...keys].map(([key, one]) => cdata(key, one.text)).join('')}</${name}>` : cdata(name, value.text),
  );
  return readXml(`<OPENNEBULA_CONFIGURATION>${elements.join('')}</OPENNEBULA_CONFIGURATION>`, 'configuration');
}

describe.each(['6.10', '7'])('after onestorage setup --apply, OpenNebula %s', (version) => {
  const before = fixture(version, 'oned.conf');
  const after = addToOnedConf(before, drivers, 'oned.conf');

  it('oned has to be restarted, and then not any more', () => {
    const waiting = notYetRead(startedWith(before), after, '/etc/one/oned.conf');
    // 7 inherits it as it comes.
    const wanted = [...drivers.map(({ name }) => name), ...(version === '7' ? [] : ['SPARSE'])];
    expect([...waiting].sort()).toEqual(wanted.sort());
    expect(checkRestart(waiting, '/etc/one/oned.conf')).toMatchObject([
      { severity: 'error', subject: '/etc/one/oned.conf', remedy: expect.stringContaining('restart oned') },
    ]);
    expect(notYetRead(startedWith(after), after, 'oned.conf')).toEqual([]);
    // Without setup, and when it was taken back but oned still runs with it, nothing waits.
    expect(notYetRead(startedWith(before), before, 'oned.conf')).toEqual([]);
    expect(notYetRead(startedWith(after), before, 'oned.conf')).toEqual([]);
    expect(checkRestart([], 'oned.conf')).toEqual([]);
  });

  it('a corrected attribute waits for a restart, too', () => {
    const wrong = after.replace(/(NAME = "agent_local", LN_TARGET = )"SYSTEM"/u, '$1"NONE"');
    expect(wrong).not.toBe(after);
    expect(notYetRead(startedWith(wrong), after, 'oned.conf')).toEqual(['agent_local']);
  });

  it('snapshots of running machines need vmm_execrc', () => {
    const rc = fixture(version, 'vmm_execrc');
    expect(checkVmmExecrc(rc, new Set(['agent_local', 'ssh']), 'vmm_execrc')).toMatchObject([
      { text: expect.stringContaining('kvm-agent_local'), remedy: 'onestorage setup --apply' },
    ]);
    // No datastore has the driver.
    expect(checkVmmExecrc(rc, new Set(['ssh']), 'vmm_execrc')).toEqual([]);
    expect(checkVmmExecrc(addToVmmExecrc(rc, drivers, 'vmm_execrc'), new Set(['agent_local']), 'vmm_execrc')).toEqual([]);
    expect(() => checkVmmExecrc('', new Set(['agent_local']), 'vmm_execrc')).toThrow('LIVE_DISK_SNAPSHOTS');
  });
});

it('hosts need the shims that this program has', async () => {
  const host = { name: 'host01', address: 'host01:2635', expect: {} };
  const wanted = createHash('sha256')
    .update(await readShim())
    .digest('hex');
  const of = (more: object) => shimProblems(host, healthy('host01', more), wanted).map(({ text, remedy }) => `${text} -> ${remedy}`);
  expect(of({ shimSha256: wanted })).toEqual([]);
  expect(of({ shimSha256: '' })).toEqual([expect.stringMatching(/^\/var\/tmp\/one: the shims are not there -> onehost sync/u)]);
  expect(of({ shimSha256: 'ab' })).toEqual([expect.stringMatching(/of another version.*onehost sync/u)]);
  // An agent of an older version does not say it.
  expect(of({ shimSha256: '', remotes: '' })).toEqual([]);
});
