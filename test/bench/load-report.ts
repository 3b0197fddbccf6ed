import type { LoadRow } from './load.ts';

const HEAD = ['case', 'n', 'samples', 'p50', 'p99', 'controller CPU', 'controller memory', 'agent CPU', 'agent memory'] as const;

function cellsOf(row: LoadRow): readonly string[] {
  const ms = (value: number) => `${shortNumber(value)} ms`;
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
  /** Below the levels. */
  readonly axis: string;
  readonly unit: string;
  readonly scale: (values: readonly number[]) => Scale;
  readonly rows: readonly LoadRow[];
  readonly series: readonly { readonly name: string; readonly of: (row: LoadRow) => number }[];
}

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [360, 250, 66, 52, 46];
const COLOURS = ['#1b6ca8', '#d1495b'] as const;

interface Scale {
  readonly ticks: readonly number[];
  /** 0 at the bottom, 1 at the top. */
  readonly at: (value: number) => number;
}

/** For what spans decades. */
function logarithmic(values: readonly number[]): Scale {
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values) * 1.3))];
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
  return { ticks, at: (value) => (Math.log10(value) - low) / (high - low) };
}

/** From zero, for what should hardly grow. */
function linear(values: readonly number[]): Scale {
  const most = Math.max(...values) * 1.15;
  const step = [10, 20, 50, 100, 200, 500].find((size) => most / size <= 5) ?? 1000;
  const high = Math.ceil(most / step) * step;
  return { ticks: Array.from({ length: high / step + 1 }, (_, index) => index * step), at: (value) => value / high };
}

const P50_P99 = [
  { name: 'p50', of: (row: LoadRow) => row.p50Ms },
  { name: 'p99', of: (row: LoadRow) => row.p99Ms },
];
const cpuOf = (agents: string) => [
  { name: 'controller', of: (row: LoadRow) => row.controllerCpuMs },
  { name: agents, of: (row: LoadRow) => row.agentCpuMs },
];
const MEMORY = [{ name: 'controller', of: (row: LoadRow) => row.controllerMib }];

/** A row of three plots for each case: latency, processor time, memory. */
export function loadPlot(rows: readonly LoadRow[]): string {
  const actions = { axis: 'actions at once', rows: rows.filter((row) => row.case === 'actions at once') };
  const agents = { axis: 'agents', rows: rows.filter((row) => row.case === 'agents reporting') };
  const time = { unit: 'ms', scale: logarithmic };
  const memory = { unit: 'MiB', scale: linear };
  const panels: readonly Panel[] = [
    { title: 'latency of an action', ...actions, ...time, series: P50_P99 },
    { title: 'processor time of an action', ...actions, ...time, series: cpuOf('agent') },
    { title: 'memory', ...actions, ...memory, series: [...MEMORY, { name: 'agent', of: (row: LoadRow) => row.agentMib }] },
    { title: 'latency of a look at all hosts', ...agents, ...time, series: P50_P99 },
    { title: 'processor time of a look', ...agents, ...time, series: cpuOf('all agents') },
    { title: 'memory', ...agents, ...memory, series: MEMORY },
  ];
  const drawn = panels.map((panel, index) => {
    return `<g transform="translate(${(index % 3) * WIDTH} ${Math.floor(index / 3) * HEIGHT})">${drawPanel(panel)}</g>`;
  });
  const size = `width="${3 * WIDTH}" height="${2 * HEIGHT}" viewBox="0 0 ${3 * WIDTH} ${2 * HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="11">
<title>latency, processor time and memory as work grows</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${drawn.join('\n')}
</svg>
`;
}

function drawPanel({ title, axis, unit, rows, scale, series }: Panel): string {
  const values = rows.flatMap((row) => series.map(({ of }) => of(row))).filter((value) => value > 0);
  const { ticks, at } = scale(values);
  const right = WIDTH - 18;
  const x = (index: number): number => LEFT + ((right - LEFT) * (index + 0.5)) / rows.length;
  const y = (value: number): number => TOP + (HEIGHT - BOTTOM - TOP) * (1 - at(value));
  const grid = ticks.map(
    (value) =>
      `<line x1="${LEFT}" x2="${right}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#d8d8d8"/>` +
      textAt(LEFT - 6, y(value) + 4, `${value} ${unit}`, 'end', '#444444'),
  );
  const levels = rows.map(({ level }, index) => textAt(x(index), HEIGHT - BOTTOM + 16, String(level), 'middle', '#444444'));
  const under = textAt((LEFT + right) / 2, HEIGHT - BOTTOM + 32, axis, 'middle', '#444444');
  const lines = series.map(({ name, of }, index) => {
    const others = series.filter((one) => one.name !== name);
    const legend = textAt(LEFT + index * 90, TOP - 14, `● ${name}`, 'start', COLOURS[index] ?? '#444444');
    const points = rows.flatMap((row, level) => {
      // The number stands on the side of its point where no other line is.
      const isLower = others.some((one) => one.of(row) > of(row));
      return of(row) > 0 ? [{ x: x(level), y: y(of(row)), text: shortNumber(of(row)), down: isLower }] : [];
    });
    return legend + drawLine(points, COLOURS[index] ?? '#444444');
  });
  return `<text x="${LEFT}" y="20" font-size="13" fill="#111111">${title}</text>${[...grid, ...levels, under, ...lines].join('')}`;
}

function drawLine(
  points: readonly { readonly x: number; readonly y: number; readonly text: string; readonly down: boolean }[],
  colour: string,
): string {
  const path = points.map((point) => `${point.x.toFixed(1)},${point.y.toFixed(1)}`).join(' ');
  const dots = points.map(
    (point) =>
      `<circle cx="${point.x.toFixed(1)}" cy="${point.y.toFixed(1)}" r="3" fill="${colour}"/>` +
      textAt(point.x, point.y + (point.down ? 16 : -8), point.text, 'middle', colour),
  );
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`;
}

function textAt(x: number, y: number, text: string, anchor: 'start' | 'middle' | 'end', colour: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${colour}">${text}</text>`;
}

function shortNumber(value: number): string {
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}
