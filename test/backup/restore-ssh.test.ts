import { proveRestores } from './restore.ts';

proveRestores('restic sftp', 'rsync');
