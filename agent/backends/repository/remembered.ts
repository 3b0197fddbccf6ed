/** What was asked for once and does not change until somebody says so. */
export interface Remembered<Args extends readonly unknown[], T> {
  get(...args: Args): Promise<T>;
  forget(): void;
}

/** A failure is not remembered. */
export function remembered<Args extends readonly unknown[], T>(ask: (...args: Args) => Promise<T>): Remembered<Args, T> {
  let known: { readonly value: T } | undefined;
  return {
    async get(...args) {
      known ??= { value: await ask(...args) };
      return known.value;
    },
    forget() {
      known = undefined;
    },
  };
}
