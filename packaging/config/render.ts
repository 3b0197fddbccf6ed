import { stringify } from 'yaml';
import type { z } from 'zod';
import { type Option, optionsOf } from './options.ts';

const WIDTH = 100;

/** The packaged configuration: every key of the schema with its description and its default, all commented out. */
export function renderConfig(schema: z.ZodType, head: readonly string[]): string {
  return `${[head.flatMap((text) => comment(text, '')).join('\n'), ...optionsOf(schema).map((option) => block(option, ''))].join('\n\n')}\n`;
}

/** A key and those below it. Without its first `#` the block of a key is what the file says when nothing is set, comments inside included. */
function block(option: Option, indent: string): string {
  const words = comment(option.description, indent);
  if (option.children.length > 0) {
    return [...words, `#${indent}${option.name}:`, ...option.children.map((child) => block(child, `${indent}  `))].join('\n');
  }
  return [...words, ...keyLines(option).map((line) => `#${indent}${line}`)].join('\n');
}

function keyLines({ name, default: value, example }: Option): string[] {
  const shown = isEmpty(value) ? (example ?? value) : value;
  return stringify({ [name]: shown }, { lineWidth: 0, defaultStringType: 'PLAIN', defaultKeyType: 'PLAIN' })
    .trimEnd()
    .split('\n');
}

function isEmpty(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH - indent.length) lines.push(`${lines.pop() ?? ''} ${word}`);
    else lines.push(word);
  }
  return lines.map((line) => (indent === '' ? `# ${line}` : `#${indent}# ${line}`));
}
