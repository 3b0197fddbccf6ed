import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { replaceFile } from '../../runtime/identity/files.ts';
import type { ControllerConfig } from '../config.ts';

/** In the controller's state directory. */
export const ENROLMENT_STATE = 'enrolment.json';

const Token = z.strictObject({
  /** SHA-256 of the secret: who reads the file learns no secret. */
  secret: z.string(),
  /** Only a host with this id; null: any, once. */
  machineId: z.string().nullable(),
  until: z.number(),
  /** The key that it was used with: a host whose answer was lost may ask again, nobody else. */
  usedBy: z.string().nullable(),
});

const EnrolledHost = z.strictObject({
  name: z.string(),
  /** Where its agent is reached; null: it was never added, and its certificate was issued by hand. Kept so that it can be revoked. */
  address: z.string().nullable(),
  /** null: it has not joined yet. */
  machineId: z.string().nullable(),
  joinedAt: z.number().nullable(),
  notAfter: z.number().nullable(),
  /** Of every certificate that it was given and that may not have ended. */
  serials: z.array(z.strictObject({ serial: z.string(), notAfter: z.number() })),
  revokedAt: z.number().nullable(),
  token: Token.nullable(),
});
export type EnrolledHost = z.infer<typeof EnrolledHost>;

const State = z.strictObject({ hosts: z.array(EnrolledHost) });

/** Hosts that were added with `onestorage host add`, in one file that is replaced as a whole. One process writes it: the controller. */
export class EnrolmentStore {
  readonly #file: string;
  #hosts: ReadonlyMap<string, EnrolledHost>;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(file: string, hosts: readonly EnrolledHost[]) {
    this.#file = file;
    this.#hosts = new Map(hosts.map((host) => [host.name.toLowerCase(), host]));
  }

  static async open(stateDirectory: string): Promise<EnrolmentStore> {
    const file = join(stateDirectory, ENROLMENT_STATE);
    return new EnrolmentStore(file, await readHosts(file));
  }

  get hosts(): readonly EnrolledHost[] {
    return [...this.#hosts.values()];
  }

  find(name: string): EnrolledHost | undefined {
    return this.#hosts.get(name.toLowerCase());
  }

  /** Changes a host, one change after the other; `work` gives what it becomes, undefined to forget it. On disk before it resolves. */
  async change<T>(
    name: string,
    work: (host: EnrolledHost | undefined) => Promise<{ readonly host: EnrolledHost | undefined; readonly value: T }>,
  ): Promise<T> {
    const turn = this.#last.then(async () => {
      const { host, value } = await work(this.find(name));
      const hosts = new Map(this.#hosts);
      if (host === undefined) hosts.delete(name.toLowerCase());
      else hosts.set(name.toLowerCase(), host);
      await replaceFile(this.#file, `${JSON.stringify({ hosts: [...hosts.values()] }, undefined, 2)}\n`, 0o600);
      this.#hosts = hosts;
      return value;
    });
    this.#last = turn.catch(() => undefined);
    return await turn;
  }
}

/** Also for commands that run beside the controller. Throws bad_config when the file is something else. */
export async function readHosts(file: string): Promise<readonly EnrolledHost[]> {
  const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
    if (asStorageError(thrown).reason === 'not_found') return undefined;
    throw asStorageError(thrown);
  });
  if (text === undefined) return [];
  try {
    return State.parse(JSON.parse(text)).hosts;
  } catch (thrown) {
    throw new StorageError('bad_config', `${file} was not written by onestorage`, { cause: thrown });
  }
}

/**
 * The configuration with the hosts that have joined beside those that were written into it, which come first. Asked each time: hosts join and are
 * revoked while the controller runs.
 */
export function withEnrolled(config: ControllerConfig, enrolled: () => readonly EnrolledHost[]): ControllerConfig {
  return {
    ...config,
    get hosts() {
      return { ...hostRows(enrolled()), ...config.hosts };
    },
  };
}

function hostRows(hosts: readonly EnrolledHost[]): ControllerConfig['hosts'] {
  return Object.fromEntries(
    hosts.flatMap(({ name, address, machineId, revokedAt }) =>
      machineId === null || address === null || revokedAt !== null ? [] : [[name, { address, machine_id: machineId }] as const],
    ),
  );
}
