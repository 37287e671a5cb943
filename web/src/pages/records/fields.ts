// The pure part of a record's form: which fields are asked, what is wrong with them, how a value reads.
import type { Condition, Data, Field, RecordType, Value } from "../../api/records";

export function holds(when: Condition, data: Data): boolean {
  const value = data[when.field];
  const have = Array.isArray(value) ? value : [String(value ?? "")];
  return have.some((v) => when.in.includes(v));
}

/** A field that hangs on another is asked only while that one is asked and has one of the named values. */
export function isVisible(field: Field, data: Data, fields: Field[]): boolean {
  const when = field.visible_when;
  if (!when) return true;
  const rest = fields.filter((f) => f !== field); // so that two that hang on each other end
  const other = rest.find((f) => f.id === when.field);
  return other !== undefined && isVisible(other, data, rest) && holds(when, data);
}

/** The field, asked whatever it hangs on. */
export const always = ({ visible_when: _, ...field }: Field): Field => field;

export const isEmpty = (value: Value | undefined) =>
  value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);

export type Part = { id: string; title: string; help: string; fields: Field[] };

/** Fields under the headings of their type; what has no heading stands first. */
export function parts(type: Pick<RecordType, "groups" | "fields">): Part[] {
  const of = (id: string) => type.fields.filter((f) => (f.group ?? "") === id);
  return [
    { id: "", title: "", help: "", fields: of("") },
    ...type.groups.map((g) => ({ help: "", ...g, fields: of(g.id) })),
  ].filter((part) => part.fields.length > 0);
}

/**
 * Whether a heading can wait when a record is written down: nothing in it is required, or needed for a first step, and
 * some of it may change after approval, so it is meant for afterwards.
 */
export function isLater(part: Part, type: RecordType): boolean {
  const first = new Set(type.transitions.filter((one) => one.from.includes(type.initial)).flatMap((one) => one.needs));
  return part.id !== "" && part.fields.some((f) => f.free) && !part.fields.some((f) => f.required || first.has(f.id));
}

/** The first step that asks for a field that may stay empty until then. */
export const neededFor = (field: Field, type: RecordType): string | undefined =>
  field.required ? undefined : type.transitions.find((one) => one.needs.includes(field.id))?.title;

export type Head = "owner" | "due_at" | "valid_from" | "valid_until";

/** What every record can have is asked only where the type makes use of it. */
export function asks(type: RecordType, head: Head): boolean {
  return (
    type.list.columns.includes(head) ||
    type.calendar?.from === head ||
    type.calendar?.to === head ||
    type.transitions.some((one) => one.needs.includes(head))
  );
}

export type Wrong = Record<string, string>;
type Says = { needed: string; number: (field: Field) => string; link: string };
const numeric = new Set<Field["kind"]>(["number", "money", "duration"]);
const inside = ({ min, max }: Field, n: number) =>
  Number.isFinite(n) && (min === undefined || n >= min) && (max === undefined || n <= max);

/** What a person must still mend, by field; the server judges again. */
export function wrongIn(fields: Field[], data: Data, needed: readonly string[], says: Says): Wrong {
  const wrong: Wrong = {};
  for (const field of fields) {
    if (!isVisible(field, data, fields)) continue;
    const value = data[field.id];
    if (isEmpty(value)) {
      if (field.required || needed.includes(field.id)) wrong[field.id] = says.needed;
    } else if (numeric.has(field.kind) && !inside(field, Number(value))) wrong[field.id] = says.number(field);
    else if (field.kind === "link" && !/^https?:\/\/\S+$/i.test(String(value))) wrong[field.id] = says.link;
  }
  return wrong;
}

/** The parts of `after` that differ from `before`: only those are sent, so that two people can change two fields. */
export function changedData(before: Data, after: Data): Data {
  const out: Data = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const a = before[key] ?? null;
    const b = isEmpty(after[key]) ? null : (after[key] ?? null);
    if (JSON.stringify(isEmpty(a) ? null : a) !== JSON.stringify(b)) out[key] = b;
  }
  return out;
}

/** "body.data.reason: must not be empty" → the field "reason". */
export function faultsByField(faults: readonly { where: string; message: string }[], type: RecordType): Wrong {
  const known = new Set([...type.fields.map((f) => f.id), "title", "site", "zone", "asset", "owner", "due_at"]);
  for (const id of ["valid_from", "valid_until"]) known.add(id);
  const wrong: Wrong = {};
  for (const { where, message } of faults) {
    const id = where.split(/[./]/).at(-1) ?? "";
    if (known.has(id)) wrong[id] = message;
  }
  return wrong;
}

/** Ways out of the state that a record is in; the server says whether this person may go them. */
export const waysOut = (type: RecordType, state: string, data: Data) =>
  type.transitions.filter((one) => one.from.includes(state) && (!one.when || holds(one.when, data)));

const pad = (n: number) => String(n).padStart(2, "0");

/** An instant as a local date-time input wants it, and back. */
export function toLocal(at: string | null | undefined): string {
  const time = at ? new Date(at) : null;
  if (!time || Number.isNaN(time.getTime())) return "";
  return `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}T${pad(time.getHours())}:${pad(time.getMinutes())}`;
}
export function fromLocal(text: string): string | null {
  const time = text ? new Date(text.length === 10 ? `${text}T23:59:00` : text) : null;
  return !time || Number.isNaN(time.getTime()) ? null : time.toISOString().replace(/\.\d+Z$/, "Z");
}
