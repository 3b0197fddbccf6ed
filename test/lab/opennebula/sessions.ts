import { createDecipheriv, createHash } from 'node:crypto';
import type { OneModel, User } from './model.ts';

/** The server user of every OpenNebula, who may act for the others. */
export const SERVER_PASSWORD = 'lab-server-password';
export const SERVER_AUTH = `serveradmin:${SERVER_PASSWORD}`;
export const ONEADMIN: User = { id: 0, name: 'oneadmin', groupId: 0, group: 'oneadmin', refused: new Set() };

/** Who asks; undefined: nobody that OpenNebula knows. `oneadmin:…` with its password, or `serveradmin:<user>:<token>` (server_cipher). */
export function userOf(model: OneModel, session: string, oneadmin: string): User | undefined {
  if (session === oneadmin) return ONEADMIN;
  const [server, name = '', ...token] = session.split(':');
  if (server !== 'serveradmin') return undefined;
  const key = createHash('sha256').update(SERVER_PASSWORD).digest('hex');
  try {
    const decipher = createDecipheriv('aes-256-cbc', key.slice(0, 32), key.slice(0, 16));
    const text = Buffer.concat([decipher.update(Buffer.from(token.join(':'), 'base64')), decipher.final()]).toString('utf8');
    const words = text.split(':');
    if (words[0] !== 'serveradmin' || Date.now() / 1000 >= Number(words.at(-1))) return undefined;
  } catch {
    return undefined;
  }
  return name === 'oneadmin' ? ONEADMIN : model.users.get(name);
}
