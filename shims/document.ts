import { ACTION_ROWS, type Action, type ActionName, ALIASES } from './actions.ts';
import { ARGUMENT_KINDS } from './arguments.ts';
import { DRIVER_NAMES, DRIVERS, hasAction } from './farm.ts';
import { usageOf } from './words.ts';

/** Can the driver do it? `driver` without its kind: `agent_local`. */
export type Supported = (kind: 'ds' | 'tm', driver: string, action: ActionName) => boolean;

/** A table of Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function notes({ since, runs, datastore, suffix }: Action): string {
  const list = [
    since === '6.10' ? '' : `since ${since}`,
    runs === 'host' ? 'on the host' : '',
    datastore === 'backup' ? 'backup datastores' : '',
    datastore === 'both' ? 'image and backup datastores' : '',
    suffix ? 'also `.<system TM>`' : '',
  ];
  return list.filter((note) => note !== '').join(', ');
}

function stdinText({ stdin, document }: Action): string {
  return stdin === 'none' ? '' : `${stdin === 'raw' ? 'XML' : 'base64'}: ${document}`;
}

function stdoutText({ stdout, result }: Action): string {
  if (stdout === 'none') return '';
  return `${result === undefined ? '' : `\`${result.replaceAll('`', '')}\``}${stdout === 'lines' ? ' (may be several lines)' : ''}`;
}

function actionTable(kind: 'ds' | 'tm'): string {
  const rows: string[][] = [];
  for (const [name, row] of ACTION_ROWS) {
    if (row.kind !== kind) continue;
    rows.push([
      `\`${name.slice(3)}\``,
      row.summary,
      `\`${usageOf(row.arguments)}\``,
      stdinText(row),
      stdoutText(row),
      row.since,
      notes({ ...row, since: '6.10' }),
    ]);
  }
  return table(['action', 'what it does', 'arguments', 'stdin', 'stdout', 'since', 'notes'], rows);
}

function supportTable(kind: 'ds' | 'tm', supported: Supported): string {
  const drivers = DRIVER_NAMES.filter((name) => DRIVERS[name].kind === kind);
  const rows: string[][] = [];
  for (const [action, row] of ACTION_ROWS) {
    if (row.kind !== kind) continue;
    const cells = drivers.map((driver) => {
      if (!hasAction(driver, action)) return '–';
      return supported(kind, driver.slice(3), action) ? 'yes' : 'no';
    });
    rows.push([`\`${action.slice(3)}\``, ...cells]);
  }
  return table(['action', ...drivers.map((driver) => `\`${driver.slice(3)}\``)], rows);
}

function argumentTable(): string {
  const used = new Map<string, Set<string>>();
  for (const row of ACTION_ROWS.values()) {
    for (const argument of row.arguments) {
      if (argument.kind === 'flag') continue;
      const names = used.get(argument.kind) ?? new Set();
      used.set(argument.kind, names.add(usageOf([{ name: argument.name, kind: argument.kind }])));
    }
  }
  const rows = Object.entries(ARGUMENT_KINDS)
    .filter(([kind]) => used.has(kind))
    .map(([kind, text]) => [[...(used.get(kind) ?? [])].map((name) => `\`${name}\``).join(', '), text]);
  return table(['argument', 'must be'], rows);
}

/** The text of ACTIONS.md. `supported` adds a table of what each driver can do. */
export function renderActions(supported?: Supported): string {
  const section = (title: string, kind: 'ds' | 'tm'): string[] => [
    `## ${title}`,
    actionTable(kind),
    ...(supported === undefined ? [] : ['What each driver can do:', supportTable(kind, supported)]),
  ];
  return [
    '# Actions',
    'Generated from `shims/actions.ts`; do not edit. What OpenNebula 6.10 and 7.x call, with what words, and what they read of the output. `[x]` may be absent, `x…` is any number of words.',
    ...section('Datastore actions', 'ds'),
    ...section('Transfer manager actions', 'tm'),
    `Other spellings of the same actions: ${Object.entries(ALIASES)
      .map(([alias, action]) => `\`${alias.slice(3)}\` = \`${action.slice(3)}\``)
      .join(', ')}.`,
    '## Arguments',
    argumentTable(),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}
