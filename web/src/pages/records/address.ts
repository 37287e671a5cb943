// The filter of a record list as it stands in the address: "f.risk=high" narrows by a field of the type.
import type { RecordFilter, RecordType } from "../../api/records";
import type { Search } from "../../ui/search";

const prefix = "f.";
const own = ["type", "state", "site", "owner", "due", "approval", "q", "link", "sort"] as const;

export function filterOf(search: Search): RecordFilter {
  const filter: RecordFilter = {};
  const fields: Record<string, string> = {};
  for (const key of own) if (search[key]) filter[key] = search[key];
  for (const [key, value] of Object.entries(search))
    if (key.startsWith(prefix)) fields[key.slice(prefix.length)] = value;
  return Object.keys(fields).length > 0 ? { ...filter, fields } : filter;
}

export const fieldKey = (id: string) => `${prefix}${id}`;

/** Whether more narrows the list than its type. */
export const isNarrowed = (search: Search) =>
  Object.keys(search).some((key) => key !== "type" && key !== "sort" && key !== "group" && key !== "as_of");

/** What stays in the address when the same records are looked at as a list, a board or a calendar. */
export function keep(search: Search, ...keys: string[]): Search {
  return Object.fromEntries(keys.flatMap((key) => (search[key] ? [[key, search[key]]] : [])));
}

/** Fields that a list can be narrowed by without typing. */
export const chosenFrom = (type: RecordType | undefined) =>
  (type?.fields ?? []).filter((f) => f.kind === "choice" || f.kind === "choices");

/** The states in which a record still asks for something. */
export const openStates = (type: RecordType) =>
  type.states.filter((s) => s.kind !== "done" && s.kind !== "bad").map((s) => s.id);
