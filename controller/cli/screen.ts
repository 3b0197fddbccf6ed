import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 1000;

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
  return shown.map((line) => line.slice(0, columns - 1));
}
