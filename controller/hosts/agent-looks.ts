import type { CheckHostResponse__Output } from '../../proto/gen/onestorage/v1/CheckHostResponse.ts';
import type { OperationRecord__Output } from '../../proto/gen/onestorage/v1/OperationRecord.ts';
import type { PlaceState__Output } from '../../proto/gen/onestorage/v1/PlaceState.ts';
import type { UsageResponse__Output } from '../../proto/gen/onestorage/v1/UsageResponse.ts';
import type { Place } from '../flows/flow.ts';
import type { Host } from './directory.ts';

/** What agents are asked for people: nothing of it changes anything. Every call throws a StorageError that names the host. */
export interface AgentLooks {
  check(host: Host, signal: AbortSignal): Promise<CheckHostResponse__Output>;
  /** not_found when the host has no directory for the datastore. */
  space(host: Host, datastoreId: number, signal: AbortSignal): Promise<UsageResponse__Output>;
  /** In the order of the places. */
  stat(host: Host, places: readonly Place[], signal: AbortSignal): Promise<readonly PlaceState__Output[]>;
  /** The youngest 1000, ended ones too. */
  records(host: Host, signal: AbortSignal): Promise<readonly OperationRecord__Output[]>;
}
