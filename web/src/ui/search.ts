// Filters live in the address, as plain words: a link sent by mail shows what its sender saw.

export type Search = Record<string, string>;

export function parseSearch(text: string): Search {
  const out: Search = {};
  for (const [key, value] of new URLSearchParams(text)) if (value !== "") out[key] = value;
  return out;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== "") params.set(key, String(value));
  }
  const text = params.toString();
  return text ? `?${text}` : "";
}

/** Keeps the named keys of an address and drops what a page does not know. */
export function only<K extends string>(...keys: K[]): (search: Record<string, unknown>) => { [P in K]?: string } {
  return (search) => {
    const out: { [P in K]?: string } = {};
    for (const key of keys) {
      const value = search[key];
      if (typeof value === "string" && value !== "") out[key] = value;
      else if (typeof value === "number" || typeof value === "boolean") out[key] = String(value);
    }
    return out;
  };
}

/** As `only`, and every key that begins with `prefix`: the fields of a record's type are not known here. */
export function withFields(prefix: string, ...keys: string[]): (search: Record<string, unknown>) => Search {
  const named = only(...keys);
  return (search) => {
    const out: Search = {};
    for (const [key, value] of Object.entries(named(search))) if (value) out[key] = value;
    for (const [key, value] of Object.entries(search))
      if (key.startsWith(prefix) && value !== undefined && value !== null && value !== "") out[key] = String(value);
    return out;
  };
}

/** "vendor" → "-vendor" → none: what a click on a column head does to the sort. */
export function nextSort(current: string | undefined, column: string): string | undefined {
  if (current === column) return `-${column}`;
  return current === `-${column}` ? undefined : column;
}
