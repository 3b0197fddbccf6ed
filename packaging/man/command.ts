import type { Command, Option } from 'commander';
import { type PageHead, page, paragraph, references, section, term, verbatim } from './roff.ts';

/** The manual page of a command with all below it: what `--help` prints, in the order of a manual page. */
export function commandPage(
  command: Command,
  head: PageHead,
  see: readonly (readonly [string, number])[],
  ...more: readonly string[]
): string {
  const below = command.commands.filter((child) => child.name() !== 'help');
  return page(
    head,
    section('SYNOPSIS', verbatim(synopses(command).join('\n'))),
    section('DESCRIPTION', paragraph(sentence(command.description())), ...argumentsOf(command)),
    section('COMMANDS', ...below.map((child) => describeChild(child))),
    section('OPTIONS', ...command.createHelp().visibleOptions(command).map(optionTerm)),
    ...more,
    section('EXAMPLES', ...examplesOf(command)),
    section('EXIT STATUS', term('0', 'Done.'), term('1', failed(head)), term('2', 'It was called in a wrong way.')),
    section('SEE ALSO', references(see)),
  );
}

function failed({ section: number }: PageHead): string {
  const text = 'It failed; standard error says in one line what is wrong, and what to do.';
  return number === 8 ? text : `${text} Commands that look say with 1 that something is wrong, with 2 that they could not look.`;
}

function synopses(command: Command): string[] {
  const own = `${pathOf(command)} ${command.usage()}`;
  return [own, ...command.commands.filter((child) => child.name() !== 'help').map((child) => `${pathOf(child)} ${child.usage()}`)];
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** A command below, with its arguments and options as one item. */
function describeChild(child: Command): string {
  const rows = [...argumentsOf(child), ...child.createHelp().visibleOptions(child).filter(isOwn).map(optionTerm)];
  const inside = rows.length === 0 ? '' : `.RS\n${rows.join('')}.RE\n`;
  return `${term(`${child.name()} ${child.usage()}`.trim(), sentence(child.description() || child.summary()))}${inside}`;
}

function isOwn({ long }: Option): boolean {
  return long !== '--help';
}

function argumentsOf(command: Command): string[] {
  const help = command.createHelp();
  return help.visibleArguments(command).map((argument) => term(help.argumentTerm(argument), sentence(help.argumentDescription(argument))));
}

function optionTerm(option: Option): string {
  const choices = option.argChoices === undefined ? [] : [`one of ${option.argChoices.join(', ')}`];
  const preset = option.defaultValue === undefined || option.isBoolean() ? [] : defaultOf(option.defaultValue);
  const mandatory = option.mandatory ? ['must be given'] : [];
  const notes = [...choices, ...preset, ...mandatory];
  return term(option.flags, sentence(option.description + (notes.length === 0 ? '' : ` (${notes.join('; ')})`)));
}

function defaultOf(value: unknown): string[] {
  const text = Array.isArray(value) ? value.join(' ') : String(value);
  return text === '' ? [] : [`default: ${text}`];
}

/** What `--help` prints after the options, of the command and of those below it. */
function examplesOf(command: Command): string[] {
  const texts = [command, ...command.commands].map(textAfterHelp).filter((text) => text !== '');
  return texts.map((text) => verbatim(text.replace(/^\s*Examples?:\n/u, '')));
}

function textAfterHelp(command: Command): string {
  let whole = '';
  const output = command.configureOutput();
  command.configureOutput({
    ...output,
    writeOut: (text) => {
      whole += text;
    },
  });
  command.outputHelp();
  command.configureOutput(output);
  return whole.slice(command.helpInformation().length).trim();
}

function sentence(text: string): string {
  if (text === '') return text;
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…)]$/u.test(first) && !first.endsWith(')') ? first : `${first}.`;
}
