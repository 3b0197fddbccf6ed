export interface ExposedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy;

/** The samples of a text in the exposition format 0.0.4. Throws at a line that is none. */
export function samplesOf(text: string): ExposedSample[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no line break');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const { name = '', labels = '', value = '' } = LINE.exec(line)?.groups ?? {};
      const pairs = [...labels.matchAll(LABEL)];
      const used = pairs.reduce((length, [match]) => length + match.length, 0);
      if (name === '' || used !== labels.length || Number.isNaN(Number(value.replace('+Inf', 'Infinity'))))
        throw new Error(`no sample: ${line}`);
      return { name, labels: Object.fromEntries(pairs.map(([, label = '', word = '']) => [label, word])), value: Number(value) };
    });
}
