import { describe, expect, it } from 'vitest';
import { ACTION_ROWS, ALIASES, findAction } from '../../shims/actions.ts';
import { DRIVER_NAMES, hasAction, linkNames } from '../../shims/farm.ts';

// What OpenNebula calls, written down apart from the table (contract 1.3, 1.5, 2.1, 2.2).
const DS = 'cp mkfs rm stat clone monitor export snap_delete snap_revert snap_flatten backup backup_cancel restore increment_flatten ls';
const TM =
  'clone ln mv mvds cpds delete mkimage mkswap context resize snap_create snap_create_live snap_revert snap_delete premigrate postmigrate failmigrate ' +
  'prebackup prebackup_live postbackup postbackup_live restore monitor monitor_ds recovery_snap_create_live activate';

describe('the table of actions', () => {
  it('holds exactly what OpenNebula calls', () => {
    const expected = [...DS.split(' ').map((name) => `ds/${name}`), ...TM.split(' ').map((name) => `tm/${name}`)];
    expect([...ACTION_ROWS.keys()].sort()).toEqual(expected.sort());
  });

  it('can be read without doubt: flags first, one list of words, optional words last', () => {
    for (const [name, row] of ACTION_ROWS) {
      expect(name.startsWith(`${row.kind}/`)).toBe(true);
      expect(row.arguments.filter((argument) => argument.many).length, name).toBeLessThan(2);
      const optional = row.arguments.findIndex((argument) => argument.optional);
      if (optional >= 0) expect(optional, name).toBe(row.arguments.length - 1);
      expect(new Set(row.arguments.map((argument) => argument.name)).size, name).toBe(row.arguments.length);
      expect(row.stdin === 'none', name).toBe(row.document === undefined);
      expect(row.stdout === 'none', name).toBe(row.result === undefined);
    }
  });

  it('finds actions, suffixes and the other spellings', () => {
    expect(findAction('tm', 'clone')).toEqual({ action: 'tm/clone', suffix: undefined });
    expect(findAction('tm', 'clone.ssh')).toEqual({ action: 'tm/clone', suffix: 'ssh' });
    expect(findAction('ds', 'clone')).toEqual({ action: 'ds/clone', suffix: undefined });
    for (const [alias, action] of Object.entries(ALIASES)) expect(findAction('tm', alias.slice(3))).toEqual({ action, suffix: undefined });
  });

  it.each([
    '',
    'nothing',
    'clone.',
    'clone.a/b',
    'clone.a b',
    'context.ssh',
    'toString',
    '__proto__',
    'constructor',
    '.ssh',
    'clone.ssh.ssh',
  ])('refuses %j', (word) => {
    expect(findAction('tm', word)).toBeUndefined();
  });

  it('refuses a suffix on a datastore action and other kinds', () => {
    expect(findAction('ds', 'cp.ssh')).toBeUndefined();
    expect(findAction('vmm', 'clone')).toBeUndefined();
  });
});

describe('the links of a driver', () => {
  it('are all actions of the table', () => {
    for (const driver of DRIVER_NAMES) {
      for (const name of linkNames(driver)) expect(findAction(driver.slice(0, 2), name), `${driver}/${name}`).toBeDefined();
    }
  });

  it('follow the kind of datastore', () => {
    expect(linkNames('ds/agent_fs')).toContain('snap_flatten');
    expect(linkNames('ds/agent_fs')).not.toContain('backup');
    expect(linkNames('ds/agent_restic')).toContain('increment_flatten');
    expect(linkNames('ds/agent_restic')).not.toContain('cp');
    expect(linkNames('tm/agent_shared')).toContain('mvds.agent_local');
    expect(linkNames('tm/agent_local')).toContain('pre_backup');
    expect(hasAction('tm/agent_local', 'ds/clone')).toBe(false);
  });
});
