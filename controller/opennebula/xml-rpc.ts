import { type Reason, StorageError } from '../../runtime/errors.ts';
import { child } from './pick.ts';
import { readXml, type XmlElement } from './xml.ts';

export type XmlRpcValue = string | number | boolean;

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function value(one: XmlRpcValue): string {
  if (typeof one === 'boolean') return `<boolean>${one ? 1 : 0}</boolean>`;
  return typeof one === 'number' ? `<int>${one}</int>` : `<string>${escapeText(one)}</string>`;
}

export function methodCall(method: string, parameters: readonly XmlRpcValue[]): string {
  const list = parameters.map((one) => `<param><value>${value(one)}</value></param>`).join('');
  return `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${list}</params></methodCall>`;
}

/** OpenNebula's error codes that say more than that it failed: AUTHORIZATION, NO_EXISTS, ACTION, ALLOCATE, LOCKED. */
const CODES: ReadonlyMap<number, Reason> = new Map([
  [0x0200, 'opennebula_refused'],
  [0x0400, 'not_found'],
  [0x0800, 'opennebula_refused'],
  [0x4000, 'opennebula_refused'],
  [0x8000, 'opennebula_refused'],
]);

/** The body of an answer `[true, body, 0]`: a document, or a number. Throws not_found, opennebula_refused, opennebula_unavailable for any other error. */
export function methodResult(method: string, text: string): string {
  const root = readXml(text, `the answer to ${method}`);
  const fault = child(root, 'fault');
  if (fault !== undefined) throw new StorageError('opennebula_unavailable', `${method}: ${flat(fault).slice(0, 200)}`);
  const data = ['params', 'param', 'value', 'array', 'data'].reduce<XmlElement | undefined>(child, root);
  const [success, body, code] = data?.children.map(scalar) ?? [];
  if (success === undefined || body === undefined) {
    throw new StorageError('opennebula_unavailable', `${method}: the answer is not what OpenNebula gives; check opennebula.endpoint`);
  }
  if (success === '1') return body;
  throw new StorageError(CODES.get(Number(code)) ?? 'opennebula_unavailable', `OpenNebula: ${body.slice(0, 300)}`);
}

/** A value with its type around it, or bare text, which is a string. */
function scalar(one: XmlElement): string {
  return one.children[0]?.text ?? one.text;
}

function flat(element: XmlElement): string {
  return [element.text.trim(), ...element.children.map(flat)].filter((text) => text !== '').join(' ');
}
