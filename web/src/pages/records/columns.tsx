import type { ReactNode } from "react";
import type { Field, RecordRow, RecordType, Value } from "../../api/records";
import { t, word } from "../../texts";
import { count, date, dateTime } from "../../ui/format";
import { StateTag } from "../../ui/record-state";

/** What a list's cells need to know beside the row. */
export type Around = {
  types: ReadonlyMap<string, RecordType>;
  sites: ReadonlyMap<string, string>;
  people: ReadonlyMap<string, string>;
};
export type Column = {
  id: string;
  title: string;
  /** A track of the grid */
  width: string;
  right?: boolean;
  cell: (row: RecordRow, around: Around) => ReactNode;
};

const nothing = <span className="quiet">–</span>;
const day = (at: string | null) => (at ? <span className="num nowrap">{date(at)}</span> : nothing);

const heads: Record<string, Omit<Column, "id" | "title">> = {
  type: { width: "130px", cell: (row, { types }) => types.get(row.type)?.title ?? row.type },
  state: { width: "132px", cell: (row, { types }) => <StateTag type={types.get(row.type)} state={row.state} /> },
  site: {
    width: "minmax(0, 1fr)",
    cell: (row, { sites }) => (row.site_id ? (sites.get(row.site_id) ?? nothing) : t("records.whole_entity")),
  },
  zone: { width: "minmax(0, 1fr)", cell: (row) => row.zone?.name ?? nothing },
  asset: { width: "minmax(0, 1.2fr)", cell: (row) => row.asset?.name ?? nothing },
  owner: {
    width: "minmax(0, 1fr)",
    cell: (row) => row.owner?.name ?? <span className="quiet">{t("records.nobody")}</span>,
  },
  valid_from: { width: "96px", cell: (row) => day(row.valid_from) },
  valid_until: { width: "96px", cell: (row) => day(row.valid_until) },
  review_at: { width: "96px", cell: (row) => day(row.review_at) },
  due_at: { width: "96px", cell: (row) => day(row.due_at) },
  created_at: { width: "96px", cell: (row) => day(row.created_at) },
  updated_at: { width: "96px", cell: (row) => day(row.updated_at) },
  approval: { width: "110px", cell: (row) => (row.approval === "none" ? nothing : word("approval", row.approval)) },
};

const narrow = new Set<Field["kind"]>(["number", "money", "duration", "bool", "date", "time"]);

/** The columns that the type names; reference and title are always the first one. */
export function columnsOf(type: RecordType | undefined): Column[] {
  const ids = type
    ? type.list.columns.filter((id) => id !== "approval")
    : ["type", "state", "site", "owner", "due_at", "updated_at"];
  return ids.flatMap((id): Column[] => {
    const head = heads[id];
    if (head) return [{ id, title: word("record_head", id), ...head }];
    const field = type?.fields.find((f) => f.id === id);
    if (!field) return []; // ref and title
    const small = narrow.has(field.kind);
    return [
      {
        id,
        title: field.title,
        width: small ? "96px" : "minmax(0, 1.1fr)",
        cell: (row, { people }) => valueText(field, row.data[id], people) || nothing,
      },
    ];
  });
}

/** A field's value as a person reads it. */
export function valueText(field: Field, value: Value | undefined, names: ReadonlyMap<string, string>): string {
  if (value === undefined || value === null || value === "") return "";
  const choice = (id: string) => field.choices?.find((c) => c.id === id)?.title ?? id;
  switch (field.kind) {
    case "choice":
      return choice(String(value));
    case "choices":
      return (Array.isArray(value) ? value : [String(value)]).map(choice).join(", ");
    case "bool":
      return t(value === true || value === "true" ? "records.yes" : "records.no");
    case "date":
      return date(`${value}`);
    case "time":
      return dateTime(`${value}`);
    case "number":
      return `${Number.isInteger(value) ? count(Number(value)) : value}${field.unit ? ` ${field.unit}` : ""}`;
    case "money":
    case "duration":
      return `${count(Number(value))} ${field.unit ?? ""}`.trim();
    case "person":
    case "asset":
    case "zone":
      return names.get(String(value)) ?? String(value);
    default:
      return String(value);
  }
}
