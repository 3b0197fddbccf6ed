import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { asStorageError } from '../../runtime/errors.ts';
import { formatBytes } from '../../runtime/units.ts';
import type { Explanation } from '../looks/explain.ts';
import type { ExplainedPlace, ExplainedSpace } from '../looks/explain-measure.ts';
import { alarm } from './colours.ts';
import { postForm } from './controller-socket.ts';
import { FINE, type LookOptions, look, lookCommand, print, printJson, WRONG } from './look.ts';
import { table } from './table.ts';

interface Options extends LookOptions {
  readonly driver?: string;
  readonly document?: string;
}

const HELP = `
ACTION and WORDS are those of OpenNebula: shims/ACTIONS.md lists them. Nothing is started, locked or changed; OpenNebula is
asked as the action would ask it, and the hosts are asked what is at the places now.

Exit status: 0 it could begin; 1 it would fail by what is known; 2 it could not be explained, or was called in a wrong way.

Examples:
  onestorage explain tm/delete host01:/var/lib/one/datastores/107/9 9 107
  onestorage explain tm/clone frontend:/var/lib/one/datastores/106/1a394a80 host01:/var/lib/one/datastores/107/9/disk.0 9 106
  onestorage explain ds/rm 7 --document driver-action.b64`;

/** `onestorage explain ACTION WORDS…`. */
export function explainCommand(): Command {
  return lookCommand('explain', 'what an action would do, without doing it', HELP)
    .argument('<action>', 'tm/clone, ds/rm, tm/clone.agent_local …')
    .argument('[words...]', 'its words, as oned gives them')
    .option('--driver <name>', 'driver it is called for (default: agent_local, for ds/… agent_fs)')
    .option('--document <file>', 'what oned gives on standard input, as it comes; - reads it there')
    .action((action: string, words: readonly string[], options: Options) => look(() => explain(action, words, options)));
}

async function explain(action: string, words: readonly string[], { socket, json, driver, document }: Options): Promise<number> {
  const [kind = '', ...rest] = action.split('/');
  const name = driver ?? (kind === 'ds' ? 'agent_fs' : 'agent_local');
  const path = `/v1/explanations/${[kind, name, rest.join('/')].map(encodeURIComponent).join('/')}`;
  const found = (await postForm(socket, path, words, await readDocument(document))) as Explanation;
  if (json) printJson(found);
  else print(explanationText(found));
  return found.failure === undefined ? FINE : WRONG;
}

async function readDocument(file: string | undefined): Promise<string> {
  if (file === undefined) return '';
  try {
    return file === '-' ? await readAll(process.stdin) : await readFile(file, 'utf8');
  } catch (thrown) {
    throw asStorageError(thrown, '--document');
  }
}

function explanationText(found: Explanation): string {
  const none = (list: readonly string[], otherwise: string): string => (list.length === 0 ? otherwise : list.join(', '));
  const facts = [
    ['action', found.subject],
    ['hosts', none(found.hosts, '-')],
    ['locks', none(found.locks, 'none')],
    ['slot', found.class ?? 'none: it changes nothing'],
    ['gives up', none(found.supersedes, 'nothing that is under way')],
  ];
  const head = ['', 'HOST', 'OPERATION', 'SOURCE', 'TARGET'];
  const rows = found.steps.map((step, index) => [
    `${index + 1}`,
    `${step.host} (${step.address})`,
    step.method,
    step.origin ?? placeText(step.source, step.host),
    placeText(step.target, step.host),
  ]);
  const steps = rows.length === 0 ? 'nothing is asked of any host\n' : table([head, ...rows]);
  const space = found.steps.map(({ space: of }, index) => (of === undefined ? '' : `step ${index + 1} ${spaceText(of)}\n`)).join('');
  const commit = found.commitsBefore === undefined ? '' : `from step ${found.commitsBefore + 1} on it cannot be cancelled\n`;
  const failure = found.failure === undefined ? '' : `${alarm(`it would fail: ${found.failure.message} (${found.failure.reason})`)}\n`;
  const lines = facts.map(([label = '', text = '']) => `${label.padEnd(10)}${text}\n`).join('');
  return `${lines}\n${steps}${space}${commit}${found.remarks.map((text) => `${text}\n`).join('')}${failure}`;
}

function spaceText({ host, datastoreId, needsBytes, freeBytes }: ExplainedSpace): string {
  const needs = needsBytes === undefined ? 'needs space' : `needs at least ${formatBytes(needsBytes)}`;
  const free = freeBytes === undefined ? 'which is not there yet' : `where ${formatBytes(freeBytes)} are free`;
  return `${needs} in datastore ${datastoreId} of ${host}, ${free}`;
}

function placeText(place: ExplainedPlace | undefined, host: string): string {
  if (place === undefined) return '-';
  const size = place.bytes === undefined ? '' : ` (${formatBytes(place.bytes)})`;
  const there = place.there === undefined ? ' (not seen)' : place.there ? size : ' (nothing there)';
  return `${place.host === host ? '' : `${place.host}:`}${place.place}${there}`;
}
