// Original file: onestorage/v1/host.proto


export interface DescribeHostRequest {
}

export interface DescribeHostRequest__Output {
}
