import { conform } from './conform.ts';
import { FAMILIES } from './scenarios/all.ts';

conform('backups', FAMILIES.backups);
