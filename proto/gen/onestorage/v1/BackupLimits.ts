// Original file: onestorage/v1/backup.proto

import type { Long } from '@grpc/proto-loader';

/**
 * For every program that is started for the call, on this host. 0 or unset: no limit.
 */
export interface BackupLimits {
  'bytesPerSecond'?: (number | string | Long);
  /**
   * Threads (RESTIC_MAXPROC).
   */
  'threads'?: (number);
  /**
   * Percent of one CPU (_CPU_QUOTA), bytes (_MEMORY_MAX_MB), operations a second (_MAX_RIOPS, _MAX_WIOPS).
   */
  'cpuPercent'?: (number);
  'memoryBytes'?: (number | string | Long);
  'readOperationsPerSecond'?: (number);
  'writeOperationsPerSecond'?: (number);
  /**
   * -20 to 19; ignored when one of the four above is set (contract 4).
   */
  'nice'?: (number);
  /**
   * 0 (best) to 7 of the best-effort class; ignored likewise.
   */
  'ioNice'?: (number);
  '_nice'?: "nice";
  '_ioNice'?: "ioNice";
}

/**
 * For every program that is started for the call, on this host. 0 or unset: no limit.
 */
export interface BackupLimits__Output {
  'bytesPerSecond': (number);
  /**
   * Threads (RESTIC_MAXPROC).
   */
  'threads': (number);
  /**
   * Percent of one CPU (_CPU_QUOTA), bytes (_MEMORY_MAX_MB), operations a second (_MAX_RIOPS, _MAX_WIOPS).
   */
  'cpuPercent': (number);
  'memoryBytes': (number);
  'readOperationsPerSecond': (number);
  'writeOperationsPerSecond': (number);
  /**
   * -20 to 19; ignored when one of the four above is set (contract 4).
   */
  'nice'?: (number);
  /**
   * 0 (best) to 7 of the best-effort class; ignored likewise.
   */
  'ioNice'?: (number);
  '_nice'?: "nice";
  '_ioNice'?: "ioNice";
}
