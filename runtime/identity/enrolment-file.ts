import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { StorageError } from '../errors.ts';

/** Beside the certificate: who renews it. An identity that was issued by hand has none, and is renewed by hand. */
export const ENROLMENT_FILE = 'enrolment.json';

const Enrolment = z.strictObject({
  /** host:port of the controller's enrolment. */
  endpoint: z.string().regex(/^\S+:\d{1,5}$/u),
});
export type Enrolment = z.infer<typeof Enrolment>;

export function enrolmentText(enrolment: Enrolment): string {
  return `${JSON.stringify(enrolment)}\n`;
}

/** undefined: there is none. Throws bad_identity when it is something else. */
export async function readEnrolment(directory: string): Promise<Enrolment | undefined> {
  const file = join(directory, ENROLMENT_FILE);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return Enrolment.parse(JSON.parse(text));
  } catch (thrown) {
    throw new StorageError('bad_identity', `${file} was not written by onestorage`, { cause: thrown });
  }
}
