// Original file: onestorage/v1/host.proto

import type { Long } from '@grpc/proto-loader';

/**
 * What an admin should know of a host. Cheap: no program is started.
 */
export interface CheckHostResponse {
  'hostName'?: (string);
  'machineId'?: (string);
  /**
   * Of onestorage.
   */
  'version'?: (string);
  /**
   * Directory that holds the datastores on this host.
   */
  'datastores'?: (string);
  'clockUnixMs'?: (number | string | Long);
  'certificateNotAfterUnixMs'?: (number | string | Long);
  /**
   * "nbdkit (package nbdkit)".
   */
  'missingPrograms'?: (string)[];
  /**
   * Why nothing can be written there; empty: something can.
   */
  'datastoresProblem'?: (string);
  'stateDirectory'?: (string);
  'stateFreeBytes'?: (number | string | Long);
  'journalBytes'?: (number | string | Long);
  /**
   * Ports for bulk data: how many there are, and on how many nobody listens.
   */
  'dataPorts'?: (number);
  'freeDataPorts'?: (number);
  /**
   * Temporary files of operations that have ended, "107/9/.onestorage.…": the first of them, and how many there are.
   */
  'staleFiles'?: (string)[];
  'staleFileCount'?: (number);
  'runningOperations'?: (number);
  /**
   * Where OpenNebula's programs are on this host (`onehost sync`), and the SHA-256 in hexadecimal of our program there; empty: it is not there.
   */
  'remotes'?: (string);
  'shimSha256'?: (string);
}

/**
 * What an admin should know of a host. Cheap: no program is started.
 */
export interface CheckHostResponse__Output {
  'hostName': (string);
  'machineId': (string);
  /**
   * Of onestorage.
   */
  'version': (string);
  /**
   * Directory that holds the datastores on this host.
   */
  'datastores': (string);
  'clockUnixMs': (number);
  'certificateNotAfterUnixMs': (number);
  /**
   * "nbdkit (package nbdkit)".
   */
  'missingPrograms': (string)[];
  /**
   * Why nothing can be written there; empty: something can.
   */
  'datastoresProblem': (string);
  'stateDirectory': (string);
  'stateFreeBytes': (number);
  'journalBytes': (number);
  /**
   * Ports for bulk data: how many there are, and on how many nobody listens.
   */
  'dataPorts': (number);
  'freeDataPorts': (number);
  /**
   * Temporary files of operations that have ended, "107/9/.onestorage.…": the first of them, and how many there are.
   */
  'staleFiles': (string)[];
  'staleFileCount': (number);
  'runningOperations': (number);
  /**
   * Where OpenNebula's programs are on this host (`onehost sync`), and the SHA-256 in hexadecimal of our program there; empty: it is not there.
   */
  'remotes': (string);
  'shimSha256': (string);
}
