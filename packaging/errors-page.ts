import { ERRNO, NETWORK, REASONS, type Reason } from '../runtime/errors.ts';
import { table } from '../shims/document.ts';

/** What each reason tells an operator; what to do about it is the hint of runtime/errors.ts. */
const MEANINGS = {
  bad_argument: 'a word of the call, or an option, is not what it has to be',
  bad_document: 'what oned sent on standard input is not what the action needs',
  bad_config: 'a configuration file has a key or a value that cannot be used; the message names file, line and key',
  bad_image: 'an image is damaged, of another format than it says, or names other files',
  bad_checksum: 'data does not have the checksum that it should have',
  outside_datastore: 'a path leads out of the datastore, directly or by a link',
  restricted_path: 'a user may not register a file from there',
  not_found: 'a file, a directory, an operation or a datastore is not there',
  already_exists: 'something with that name is there already and is left as it is',
  conflict: 'what is on disk does not fit the action',
  in_use: 'a running guest, or another program, has it open',
  broken_chain: 'a layer that a disk, an image or a backup lies on is missing, damaged or another one',
  no_space: 'no space, or no quota, is left; it is asked before data is moved where that can be known',
  too_big: 'a file, a list or a message is larger than what is allowed',
  busy: 'a limit is reached, or another operation holds the same disk',
  guest_agent: 'a guest could not be held for a consistent snapshot',
  unreachable: 'the agent of a host does not answer',
  unavailable: 'a daemon is not there yet, or ends',
  opennebula_unavailable: 'oned does not answer',
  opennebula_refused: 'oned answered that it does not do it',
  repository_unreachable: 'the backup server does not answer',
  repository_denied: 'the backup server does not let the agent in',
  repository_password: 'the password does not open the repository',
  repository_locked: 'another backup, or one that was cut off, holds the repository',
  guest_silent: 'a backup was booted, and the guest did not answer',
  repository_damaged: 'data in the repository is missing or damaged',
  origin_failed: 'the server that an image is fetched from failed',
  unknown_host: 'oned wrote a host that the controller does not know',
  bad_identity: 'a certificate is missing, has expired, was revoked, or is of another host',
  forbidden: 'a certificate of that role may not do this',
  unsupported: 'the driver, the hypervisor or this version cannot do this',
  too_old: 'an agent is of a version that does not know something the action needs; nothing was begun',
  missing_program: 'a program that the action needs is not installed',
  tool_failed: 'a program failed; the message has its last words',
  storage_failed: 'the kernel refused to read or to write',
  transfer_failed: 'the connection between two hosts was cut while data was moved',
  timeout: 'something took longer than it may',
  cancelled: 'somebody cancelled it, or whoever called has gone',
  superseded: 'oned called something else for the same disk meanwhile, so this was given up',
  interrupted: 'a daemon was stopped in the middle; what was begun is finished or taken back when it starts',
  internal: 'something that should never happen has happened',
} as const satisfies Readonly<Record<Reason, string>>;

const HEAD = `# Errors

Generated from \`runtime/errors.ts\`; do not edit. Look a message up by its last words, what it tells you to do, by its reason, or by what the kernel said.

An error is one line in oned.log, in the log of the machine and in the error of the image: \`clone: no space left in datastore 107 on host01 (needs 20.0 GiB, has
3.1 GiB; free space in the datastore, or use another one)\`: the action, what happened and where, and the next step. On the front-end

* \`onestorage ops list --all\` has every action with its id and the reason of its failure, \`onestorage logs ID\` its story on all hosts;
* \`onestorage doctor\` says what is wrong with the setup, which is where most of these come from;
* \`journalctl -u onestorage-controller\`, and \`journalctl -u onestorage-agent\` on a host, have the whole output of programs that failed.

"Again" says whether the same call may succeed later although nobody changed anything.
`;

/** runtime/ERRORS.md: every reason, and the words that come from the kernel. */
export function renderErrors(): string {
  const reasons = (Object.keys(REASONS) as Reason[]).map((reason) => {
    const { hint, again, code } = REASONS[reason];
    return [`\`${reason}\``, MEANINGS[reason], hint, again === 'later' ? 'yes' : 'no', code];
  });
  const kernel = Object.entries(ERRNO).map(([name, { text, reason }]) => [text, name, `\`${reason}\``]);
  const network = Object.entries(NETWORK).map(([name, text]) => [text, name, 'as the message says: a host, a server']);
  return [
    HEAD,
    '## Reasons\n',
    table(['reason', 'what it means', 'what to do', 'again', 'gRPC'], reasons),
    '\n## What the kernel says\n',
    table(['words', 'as programs call it', 'reason'], [...kernel, ...network]),
    '',
  ].join('\n');
}
