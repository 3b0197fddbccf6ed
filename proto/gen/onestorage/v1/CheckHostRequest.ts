// Original file: onestorage/v1/host.proto


export interface CheckHostRequest {
}

export interface CheckHostRequest__Output {
}
