// The pure part of a grouped list: which groups there are, what they are called, and the filter of each.
import type { Facet, RecordFilter, RecordType } from "../../api/records";

export type Group = { id: string; title: string; count: number; closed: boolean };

/** More groups than the server names: the list is drawn without. */
const atMost = 200;

/** The groups in the type's own order, or by name; what has no value stands last. */
export function groupsOf(type: RecordType, counted: Facet[], nothing: string): Group[] {
  if (!type.list.group || counted.length >= atMost) return [];
  const known = type.list.group === "state" ? type.states : type.fields.find((f) => f.id === type.list.group)?.choices;
  const place = (id: string) => known?.findIndex((one) => one.id === id) ?? -1;
  const ended = (id: string) =>
    type.list.group === "state" && ["done", "bad"].includes(type.states.find((s) => s.id === id)?.kind ?? "");
  return counted
    .map(({ id, title, count }) => ({
      id,
      title: id === "" ? nothing : known?.[place(id)]?.title || title || id,
      count,
      closed: ended(id),
    }))
    .sort(
      (a, b) =>
        Number(a.id === "") - Number(b.id === "") || place(a.id) - place(b.id) || a.title.localeCompare(b.title),
    );
}

/** The filter that leaves the records of one group. */
export function within(filter: RecordFilter, by: string, id: string): RecordFilter {
  if (by === "state") return { ...filter, state: id };
  if (by === "site" || by === "owner") return { ...filter, [by]: id || "none" };
  return { ...filter, fields: { ...filter.fields, [by]: id } };
}
