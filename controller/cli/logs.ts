import type { Command } from 'commander';
import { formatDuration } from '../../runtime/units.ts';
import type { Story } from '../looks/story.ts';
import { alarm, state as painted } from './colours.ts';
import { askController } from './controller-socket.ts';
import { FINE, type LookOptions, look, lookCommand, print, printJson, WRONG } from './look.ts';
import { operationId } from './operations.ts';
import { operationText } from './ops-table.ts';
import { table } from './table.ts';

const HELP = `
The controller keeps what was said of an action for 30 days, by the hosts too. What programs were started, and why something failed in
detail, is in the logs of the daemons: the id finds it there, as "trace".

Exit status: 0 it succeeded, or is under way; 1 it failed, or nobody knows it; 2 the controller could not be asked.

Examples:
  onestorage logs 4f0c2f6e
  onestorage logs 4f0c2f6e-7c1a-4a56-9d1e-3b8f1c1f2a77.receive --json`;

/** `onestorage logs OPERATION`. */
export function logsCommand(): Command {
  return lookCommand('logs', 'all that is known of an operation: its record, those of its steps on the hosts, where its lines are', HELP)
    .argument('<operation>', 'id of an action, its beginning, or the id of one of its steps on a host')
    .action((beginning: string, { socket, json }: LookOptions) =>
      look(async () => {
        const id = await operationId(socket, beginning);
        const story = (await askController(socket, 'GET', `/v1/stories/${encodeURIComponent(id)}`)) as Story;
        if (json) printJson(story);
        else print(storyText(id, story));
        const ends = [story.operation, ...story.parts].filter((record) => record?.id === id);
        return (ends.length === 0 ? [story.operation] : ends).some((record) => record?.failure !== undefined) ? WRONG : FINE;
      }),
    );
}

export function storyText(id: string, { operation, parts, lines, unanswered }: Story): string {
  const head = ['STARTED', 'HOST', 'KIND', 'STATE', 'TIME', 'STEP', 'ID'];
  const rows = parts.map(({ createdAt, finishedAt, host, kind, state, step, id: part }) => [
    new Date(createdAt).toISOString(),
    host,
    kind,
    painted(state),
    finishedAt === undefined ? '-' : formatDuration(finishedAt - createdAt),
    step ?? '-',
    part,
  ]);
  const failures = parts.flatMap(({ host, failure }) =>
    failure === undefined ? [] : [`${alarm(`${host}: ${failure.message} (${failure.reason})`)}\n`],
  );
  const names = [...new Set(parts.map(({ host }) => host))].join(', ');
  const where = [
    `more: grep ${id.split('.')[0]} in the log (standard error) of the controller${names === '' ? '' : ` and of the agents of ${names}`};`,
    '  run by systemd: journalctl -u onestorage-controller, and -u onestorage-agent on a host',
  ];
  return [
    operation === undefined ? 'the controller has forgotten the action itself\n' : operationText(operation),
    parts.length === 0 ? '\nno host knows a step of it\n' : `\n${table([head, ...rows])}`,
    ...(failures.length === 0 ? [] : ['\n', ...failures]),
    ...unanswered.map(({ host, message }) => `${host} could not be asked: ${message}\n`),
    lines.length === 0 ? '' : `\n${table(lines.map(({ at, level, text }) => [new Date(at).toISOString(), level, text]))}`,
    `\n${where.join('\n')}\n`,
  ].join('');
}
