import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROTO_NAMES } from '../../runtime/proto.ts';

it('every file of proto/onestorage/v1 is loaded', () => {
  const files = readdirSync(join(import.meta.dirname, '../../proto/onestorage/v1')).filter((name) => name.endsWith('.proto'));
  expect(PROTO_NAMES.map((name) => `${name}.proto`).toSorted()).toEqual(files.toSorted());
});
