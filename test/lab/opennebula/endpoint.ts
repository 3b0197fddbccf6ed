import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { datastoreDocument, imageDocument, vmDocument } from './documents.ts';
import type { OneModel } from './model.ts';
import { type Answer, type Drivers, ORDERS } from './orders.ts';
import { POOLS } from './pools.ts';
import { userOf } from './sessions.ts';
import { escapeText } from './xml.ts';

/** OpenNebula's XML-RPC end, as far as drivers use it: answered from the model of the moment, as oneadmin or as a user by a server's token. */
export interface Endpoint {
  /** `http://127.0.0.1:PORT/RPC2` */
  readonly url: string;
  /** `user:password`, what ONE_AUTH holds. */
  readonly session: string;
  /** Every call so far: `one.vm.info 9`. */
  readonly calls: readonly string[];
  /** While true, every call is dropped without an answer, as a stopped oned would. */
  down: boolean;
  stop(): Promise<void>;
}

const AUTHENTICATION = 0x0100;
const NO_EXISTS = 0x0400;
const INTERNAL = 0x2000;

const parser = new XMLParser({ ignoreAttributes: true, parseTagValue: false, trimValues: true, isArray: (name) => name === 'param' });

/** `drivers` undefined: nothing can be allocated. */
export async function startEndpoint(model: OneModel, session: string, drivers?: () => Drivers): Promise<Endpoint> {
  const calls: string[] = [];
  const endpoint = { session, calls, down: false, url: '', stop: () => stopServer(server) };
  const server = createServer((request, response) => {
    if (endpoint.down) {
      request.socket.destroy();
      return;
    }
    void answer(request, { model, session, drivers }, calls).then((body) => {
      response.writeHead(200, { 'content-type': 'text/xml; charset=utf-8', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  endpoint.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/RPC2`;
  return endpoint;
}

interface Site {
  readonly model: OneModel;
  readonly session: string;
  readonly drivers: (() => Drivers) | undefined;
}

async function answer(request: IncomingMessage, site: Site, calls: string[]): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const call = parseCall(text);
  if (call === undefined) return fault(-503, 'Call XML not a proper XML-RPC call.');
  calls.push(`${call.method} ${call.parameters[1] ?? ''}`.trim());
  const reply = await perform(call.method, call.parameters, site);
  return reply === undefined ? fault(-506, `Method '${call.method}' not defined`) : response(reply);
}

async function perform(method: string, parameters: readonly string[], { model, session, drivers }: Site): Promise<Answer | undefined> {
  const [known, order] = [INFO[method], ORDERS[method]];
  if (known === undefined && order === undefined) return undefined;
  const failed = (message: string, code: number): Answer => ({ ok: false, message: `[${method}] ${message}`, code });
  const user = userOf(model, parameters[0] ?? '', session);
  if (user === undefined) return failed("User couldn't be authenticated, aborting call.", AUTHENTICATION);
  if (order !== undefined) {
    const done = await order(parameters.slice(1), user, { model, drivers: drivers?.() ?? NO_DRIVERS });
    return done.ok ? done : failed(done.message, done.code);
  }
  if (known === undefined) return undefined;
  const id = Number(parameters[1] ?? (WITHOUT_PARAMETERS.has(method) ? 0 : undefined));
  if (!Number.isInteger(id)) return failed('Wrong parameter type', INTERNAL);
  const body = known.document(model, id);
  return body === undefined ? failed(`Error getting ${known.word} [${id}].`, NO_EXISTS) : { ok: true, body };
}

const NO_DRIVERS: Drivers = {
  stat: () => Promise.reject(new Error('this stand-in runs no drivers')),
  image: () => Promise.reject(new Error('this stand-in runs no drivers')),
};

/** These take nothing but the session. */
const WITHOUT_PARAMETERS: ReadonlySet<string> = new Set(['one.hostpool.info', 'one.datastorepool.info', 'one.system.config']);

const INFO: Readonly<Record<string, { readonly word: string; document(model: OneModel, id: number): string | undefined }>> = {
  ...POOLS,
  'one.vm.info': { word: 'virtual machine', document: (model, id) => given(model.vms.get(id), (vm) => vmDocument(model, vm)) },
  'one.image.info': { word: 'image', document: (model, id) => given(model.images.get(id), (image) => imageDocument(model, image)) },
  'one.datastore.info': {
    word: 'datastore',
    document: (model, id) => given(model.datastores.get(id), (datastore) => datastoreDocument(model, datastore)),
  },
};

function given<T>(record: T | undefined, write: (record: T) => string): string | undefined {
  return record === undefined ? undefined : write(record);
}

/** Method and parameters as text; undefined when it is no call. */
function parseCall(text: string): { method: string; parameters: string[] } | undefined {
  if (XMLValidator.validate(text) !== true) return undefined;
  const call: unknown = (parser.parse(text) as { methodCall?: unknown }).methodCall;
  if (typeof call !== 'object' || call === null) return undefined;
  const method: unknown = Reflect.get(call, 'methodName');
  if (typeof method !== 'string') return undefined;
  const params: unknown = Reflect.get(call, 'params');
  const list: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, 'param') : [];
  return { method, parameters: (Array.isArray(list) ? list : []).map(scalar) };
}

/** `<value><i4>9</i4></value>`, `<value><string>a</string></value>` and `<value>a</value>` all mean their text. */
function scalar(param: unknown): string {
  let at: unknown = param;
  while (typeof at === 'object' && at !== null) at = Object.values(at)[0];
  return at === undefined ? '' : String(at);
}

function response(reply: Answer): string {
  const [flag, text, code] = reply.ok ? [1, reply.body, 0] : [0, reply.message, reply.code];
  const values = [`<boolean>${flag}</boolean>`, `<string>${escapeText(text)}</string>`, `<i4>${code}</i4>`];
  const data = values.map((value) => `<value>${value}</value>`).join('\r\n');
  return document(`<params>\r\n<param><value><array><data>\r\n${data}\r\n</data></array></value></param>\r\n</params>`);
}

function fault(code: number, text: string): string {
  const member = (name: string, value: string) => `<member><name>${name}</name>\r\n<value>${value}</value></member>`;
  const members = member('faultCode', `<i4>${code}</i4>`) + member('faultString', `<string>${escapeText(text)}</string>`);
  return document(`<fault>\r\n<value><struct>${members}</struct></value>\r\n</fault>`);
}

function document(inner: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\r\n<methodResponse>\r\n${inner}\r\n</methodResponse>\r\n`;
}

async function stopServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
