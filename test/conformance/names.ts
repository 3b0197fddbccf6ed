/** Names below a place of a host: `host01:107/9/` with `disk.0` gives `host01:107/9/disk.0`. */
export function flatTree(place: string, names: readonly string[]): string[] {
  return names.map((name) => `${place}/${name}`);
}

/** The directory itself too. */
export function directoryTree(place: string, names: readonly string[]): string[] {
  return [`${place}/`, ...flatTree(place, names)];
}
