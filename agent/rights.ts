import type { Role } from '../runtime/identity/identity.ts';

const CONTROLLER: readonly Role[] = ['controller'];
const LOOK: readonly Role[] = ['controller', 'admin'];

/** Who may call what. A method that is not here is refused; an admin looks and touches nothing; agents fetch, and nothing else. */
export const RIGHTS = {
  'Operations/List': LOOK,
  'Operations/Get': LOOK,
  'Operations/Watch': LOOK,
  'Operations/Cancel': CONTROLLER,
  'Hosts/Describe': LOOK,
  // Makes the datastore's directory when asked to.
  'Hosts/Usage': LOOK,
  'Hosts/Check': LOOK,
  'Hosts/Stat': LOOK,
  'Hosts/DiskSizes': LOOK,
  'Images/StatOrigin': CONTROLLER,
  'Images/Import': CONTROLLER,
  'Images/Create': CONTROLLER,
  'Images/Copy': CONTROLLER,
  'Images/Remove': CONTROLLER,
  'Images/Describe': CONTROLLER,
  'Disks/Create': CONTROLLER,
  'Disks/Resize': CONTROLLER,
  'Disks/Remove': CONTROLLER,
  'Disks/CreateContext': CONTROLLER,
  'Snapshots/Create': CONTROLLER,
  'Snapshots/Revert': CONTROLLER,
  'Snapshots/Delete': CONTROLLER,
  'Snapshots/Flatten': CONTROLLER,
  'Guests/CreateSnapshot': CONTROLLER,
  'Guests/DeleteSnapshot': CONTROLLER,
  'Guests/CopyDisk': CONTROLLER,
  'Guests/PrepareMigration': CONTROLLER,
  'Guests/ConfirmMigration': CONTROLLER,
  'Guests/FinishMigration': CONTROLLER,
  'Guests/AbandonMigration': CONTROLLER,
  'Staging/Stage': CONTROLLER,
  'Staging/Discard': CONTROLLER,
  'Inspections/Inspect': LOOK,
  'Inspections/Quarantine': CONTROLLER,
  'Transfers/Open': CONTROLLER,
  'Transfers/Receive': CONTROLLER,
  'Transfers/Fetch': ['agent'],
} as const satisfies Readonly<Record<string, readonly Role[]>>;
