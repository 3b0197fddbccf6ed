import type { LoadRow } from './load.ts';

const HEAD = ['case', 'n', 'samples', 'p50', 'p99', 'controller CPU', 'controller memory', 'agent CPU', 'agent memory'] as const;

function cellsOf(row: LoadRow): readonly string[] {
  const ms = (value: number) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
  const mib = (value: number) => (Number.isNaN(value) ? '–' : `${value.toFixed(0)} MiB`);
  const { p50Ms, p99Ms, controllerCpuMs, controllerMib, agentCpuMs, agentMib } = row;
  const sizes = [ms(p50Ms), ms(p99Ms), ms(controllerCpuMs), mib(controllerMib), ms(agentCpuMs), mib(agentMib)];
  return [row.case, String(row.level), String(row.samples), ...sizes];
}

export function loadTable(rows: readonly LoadRow[]): string {
  const lines = [[...HEAD], ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function loadMarkdown(rows: readonly LoadRow[], facts: readonly string[]): string {
  const line = (words: readonly string[]) => `| ${words.join(' | ')} |`;
  return [
    '# What one controller and one agent cost as work grows',
    '',
    'Written by `npm run bench -- --only load --load-report test/bench`; what is measured, and how, stands in [README.md](README.md).',
    '',
    ...facts.map((fact) => `* ${fact}`),
    '',
    line(HEAD),
    `|---|${'---:|'.repeat(HEAD.length - 1)}`,
    ...rows.map((row) => line(cellsOf(row))),
    '',
    '![latency, processor time and memory](load.svg)',
    '',
  ].join('\n');
}

interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly rows: readonly LoadRow[];
  readonly series: readonly { readonly name: string; readonly of: (row: LoadRow) => number }[];
}

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [360, 240, 62, 44, 34];
const COLOURS = ['#1b6ca8', '#d1495b'] as const;

/** Four small plots. Both axes of each are logarithmic: levels and times span decades. */
export function loadPlot(rows: readonly LoadRow[]): string {
  const of = (name: LoadRow['case']) => rows.filter((row) => row.case === name);
  const latency = [
    { name: 'p50', of: (row: LoadRow) => row.p50Ms },
    { name: 'p99', of: (row: LoadRow) => row.p99Ms },
  ];
  const cpu = (agents: string) => [
    { name: 'controller', of: (row: LoadRow) => row.controllerCpuMs },
    { name: agents, of: (row: LoadRow) => row.agentCpuMs },
  ];
  const memory = [{ name: 'controller', of: (row: LoadRow) => row.controllerMib }];
  const panels: readonly Panel[] = [
    { title: 'actions at once: latency', unit: 'ms', rows: of('actions at once'), series: latency },
    { title: 'actions at once: CPU an action', unit: 'ms', rows: of('actions at once'), series: cpu('agent') },
    {
      title: 'actions at once: memory',
      unit: 'MiB',
      rows: of('actions at once'),
      series: [...memory, { name: 'agent', of: (row: LoadRow) => row.agentMib }],
    },
    { title: 'agents reporting: latency of a look', unit: 'ms', rows: of('agents reporting'), series: latency },
    { title: 'agents reporting: CPU a look', unit: 'ms', rows: of('agents reporting'), series: cpu('all agents') },
    { title: 'agents reporting: memory', unit: 'MiB', rows: of('agents reporting'), series: memory },
  ];
  const drawn = panels.map((panel, index) => {
    return `<g transform="translate(${(index % 3) * WIDTH} ${Math.floor(index / 3) * HEIGHT})">${drawPanel(panel)}</g>`;
  });
  const size = `width="${3 * WIDTH}" height="${2 * HEIGHT}" viewBox="0 0 ${3 * WIDTH} ${2 * HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#ffffff"/>
${drawn.join('\n')}
</svg>
`;
}

function drawPanel({ title, unit, rows, series }: Panel): string {
  const values = rows.flatMap((row) => series.map(({ of }) => of(row))).filter((value) => value > 0);
  const [low, high] = [10 ** Math.floor(Math.log10(Math.min(...values))), 10 ** Math.ceil(Math.log10(Math.max(...values) * 1.0001))];
  const right = WIDTH - 18;
  const x = (index: number) => LEFT + ((right - LEFT) * (index + 0.5)) / rows.length;
  const y = (value: number) => TOP + (HEIGHT - BOTTOM - TOP) * (1 - Math.log10(value / low) / Math.log10(high / low));
  const decades = Array.from({ length: Math.round(Math.log10(high / low)) + 1 }, (_, index) => low * 10 ** index);
  const grid = decades.map(
    (value) =>
      `<line x1="${LEFT}" x2="${right}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#d8d8d8"/>` +
      `<text x="${LEFT - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end" fill="#444444">${value} ${unit}</text>`,
  );
  const levels = rows.map(
    ({ level }, index) => `<text x="${x(index)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle" fill="#444444">${level}</text>`,
  );
  const lines = series.map(({ name, of }, at) => {
    const points = rows.flatMap((row, index) => (of(row) > 0 ? [`${x(index).toFixed(1)},${y(of(row)).toFixed(1)}`] : []));
    const colour = COLOURS[at] ?? '#444444';
    const dots = points.map((point) => `<circle cx="${point.split(',')[0]}" cy="${point.split(',')[1]}" r="3" fill="${colour}"/>`);
    const legend = `<text x="${LEFT + 4 + at * 90}" y="${TOP - 6}" fill="${colour}">● ${name}</text>`;
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}${legend}`;
  });
  return `<text x="${LEFT}" y="20" font-size="13" fill="#111111">${title}</text>${[...grid, ...levels, ...lines].join('')}`;
}
