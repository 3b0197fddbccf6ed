// Original file: onestorage/v1/backup.proto


/**
 * In a directory of the datastore on the agent's own host.
 */
export interface LocalLocation {
}

/**
 * In a directory of the datastore on the agent's own host.
 */
export interface LocalLocation__Output {
}
