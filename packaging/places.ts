import { join } from 'node:path';

/** The checkout. */
export const ROOT = join(import.meta.dirname, '..');
/** What is dear to make and can be made again: gone with `npm ci`. */
export const CACHE = join(ROOT, 'node_modules/.cache/onestorage');
