/** Requests and answers are descriptions, never data: data goes past gRPC. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
