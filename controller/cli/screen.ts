import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 1000;
const CSI = '\u001b[';

/** Standard output, or what stands for it in a test. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Draws over the last picture every second until Ctrl-C. What is no terminal gets one picture. */
export async function redraw(draw: () => Promise<string>, screen: Screen = process.stdout, signal?: AbortSignal): Promise<void> {
  if (screen.isTTY !== true) {
    screen.write(await draw());
    return;
  }
  let drawn = 0;
  while (signal?.aborted !== true) {
    const lines = cut(await draw(), screen);
    // Up to the first line of the last picture, and everything below it away.
    screen.write(`${drawn === 0 ? '' : `\u001b[${drawn}A`}\r\u001b[J${lines.map((line) => `${line}\n`).join('')}`);
    drawn = lines.length;
    await sleep(EVERY_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

/** A line that wraps, or scrolls away, could not be drawn over. */
function cut(text: string, { columns = 80, rows = 24 }: Screen): readonly string[] {
  const lines = text.replace(/\n$/u, '').split('\n');
  const shown = lines.length < rows ? lines : [...lines.slice(0, rows - 2), `… ${lines.length - rows + 2} more`];
  return shown.map((line) => shorten(line, columns - 1));
}

/** A colour (`ESC [ 31 m`) takes no room, and the one that ends it must not be lost. */
function shorten(line: string, columns: number): string {
  const [plain = '', ...coloured] = line.split(CSI);
  let room = Math.max(0, columns - plain.length);
  const shown = coloured.map((part) => {
    const begin = part.indexOf('m') + 1;
    const text = part.slice(begin, begin + room);
    room -= text.length;
    return `${CSI}${part.slice(0, begin)}${text}`;
  });
  return plain.slice(0, columns) + shown.join('');
}
