import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { HostAdmin } from '../enrolment/start.ts';
import { errorAnswer, sendJson } from './operations.ts';

const AddBody = z.strictObject({
  name: z.string(),
  address: z
    .string()
    .regex(/^(?:\[[0-9A-Fa-f:.]+\]|[^\s:[\]]+):[0-9]{1,5}$/, 'not host:port')
    .optional(),
  machineId: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/u)
    .optional(),
  replace: z.boolean().default(false),
});

type Route = (admin: HostAdmin, name: string, request: IncomingMessage) => Promise<unknown>;

/** `<method> <area> <how many words follow>`. */
const ROUTES: Readonly<Record<string, Route>> = {
  // The digest of a secret is of no use to anybody.
  'GET enrolments 0': async (admin) => ({
    hosts: admin.list().map(({ token, ...host }) => ({ ...host, tokenUntil: token?.until ?? null })),
  }),
  'POST enrolments 0': async (admin, _name, request) => {
    const { data, error } = AddBody.safeParse(await readJson(request));
    if (error !== undefined)
      throw new StorageError('bad_argument', `${error.issues[0]?.path.join('.') ?? 'request'}: ${error.issues[0]?.message ?? ''}`);
    return await admin.add(data);
  },
  'DELETE enrolments 1': async (admin, name) => ({ told: await admin.revoke(name) }),
  'POST revocations 0': async (admin) => ({ told: await admin.tell() }),
};

/** Enrolment of hosts over the controller's socket; undefined: it is no such request. */
export function findEnrolment(method: string, area: string | undefined, rest: readonly string[]): Route | undefined {
  const key = `${method} ${area} ${rest.length}`;
  return Object.hasOwn(ROUTES, key) ? ROUTES[key] : undefined;
}

export async function serveEnrolment(
  route: Route,
  admin: HostAdmin,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    sendJson(response, { status: 200, body: await route(admin, name, request) });
  } catch (thrown) {
    const { reason, message } = asStorageError(thrown);
    sendJson(response, errorAnswer(reason, message));
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch (thrown) {
    throw new StorageError('bad_argument', 'the request is not JSON', { cause: thrown });
  }
}
