import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderDashboard } from '../../packaging/monitoring/dashboard.ts';
import { REASONS } from '../../runtime/errors.ts';
import { METRICS } from '../../runtime/metrics/table.ts';

const directory = join(import.meta.dirname, '../../packaging/monitoring');
// In CI a missing program is a failure.
const hasPromtool = process.env['CI'] === 'true' || spawnSync('promtool', ['--version']).status === 0;

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly action: string };
}

const alerts = parse(readFileSync(join(directory, 'alerts.yml'), 'utf8')) as { groups: { rules: Rule[] }[] };
const rules = alerts.groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(renderDashboard()) as { panels: { title: string; targets: { expr: string }[] }[] };
const expressions = [...rules.map(({ expr }) => expr), ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))];

/** Metrics that an expression speaks of, and the labels it looks at. */
const metricsOf = (expr: string): string[] =>
  (expr.match(/\b(?:onestorage|process)_\w+/g) ?? []).map((name) => name.replace(/_(bucket|count|sum)$/, ''));
const LABELS = new Set(Object.values(METRICS).flatMap(({ labels }) => [...labels]));

describe('alert rules and dashboard', () => {
  it('name metrics of the table, and all of them', () => {
    expect([...new Set(expressions.flatMap(metricsOf))].sort()).toEqual(Object.keys(METRICS).sort());
  });

  it('look at labels that exist', () => {
    for (const expr of expressions) {
      const inBraces = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, text = '']) => [...text.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)]);
      const inBy = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, text = '']) => text.split(', '));
      const labels = [...inBraces.map(([, label = '']) => label), ...inBy].filter((label) => !['instance', 'job', 'le'].includes(label));
      for (const label of labels) expect(LABELS, expr).toContain(label);
    }
  });

  it('know the reasons they look for', () => {
    const words = rules.flatMap(({ expr }) => [...expr.matchAll(/reason[!=]~?"([^"]+)"/g)].flatMap(([, text = '']) => text.split('|')));
    expect(words.length).toBeGreaterThan(5);
    for (const word of words) expect(Object.keys(REASONS)).toContain(word);
  });

  it('say what is wrong and what to do', () => {
    for (const { alert, labels, annotations } of rules) {
      expect(alert).toMatch(/^Onestorage[A-Z]/);
      expect(['critical', 'warning', 'info']).toContain(labels.severity);
      expect(annotations.summary).not.toBe('');
      expect(annotations.action).not.toBe('');
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it.skipIf(!hasPromtool)('pass promtool', () => {
    const { status, stderr } = spawnSync('promtool', ['check', 'rules', join(directory, 'alerts.yml')], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it.skipIf(!hasPromtool)('fire when they must, and not before', () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', join(import.meta.dirname, 'alerts.test.yml')], {
      encoding: 'utf8',
    });
    expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('SUCCESS');
  });

  it.skipIf(!hasPromtool)('have expressions that Prometheus can read', () => {
    const readable = expressions.map((expr) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'));
    const groups = [{ name: 'all', rules: readable.map((expr, index) => ({ record: `test:expression:${index}`, expr })) }];
    const scratch = mkdtempSync(join(tmpdir(), 'onestorage-monitoring-'));
    try {
      writeFileSync(join(scratch, 'rules.json'), JSON.stringify({ groups }));
      const { status, stderr } = spawnSync('promtool', ['check', 'rules', join(scratch, 'rules.json')], { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
});
