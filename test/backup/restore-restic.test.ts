import { proveRestores } from './restore.ts';

proveRestores('restic local', 'restic rest');
