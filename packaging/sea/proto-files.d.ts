/** Made by bundle.ts: text of every .proto file the program reads, by its path in the checkout. */
declare module 'onestorage:proto-files' {
  export const PROTO_FILES: Readonly<Record<string, string>>;
}
