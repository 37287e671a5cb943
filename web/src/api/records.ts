// Typed records: findings, actions, changes, windows and whatever a catalogue file adds. The type says everything that
// differs between them, so one set of questions serves all.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { asOfDay } from "./as-of";
import { answer, api, prefix } from "./client";
import { Problem, problemOf } from "./problem";
import { inWords } from "./record-words";
import type { Page } from "./types";

export type Value = string | number | boolean | string[] | null;
export type Data = Record<string, Value>;
export type FieldKind =
  | "text"
  | "long"
  | "number"
  | "bool"
  | "date"
  | "time"
  | "choice"
  | "choices"
  | "person"
  | "asset"
  | "zone"
  | "link"
  | "money"
  | "duration";
export type Choice = { id: string; title: string; help?: string };
export type Condition = { field: string; in: string[] };
export type Field = {
  id: string;
  title: string;
  kind: FieldKind;
  required: boolean;
  choices?: Choice[] | null;
  unit?: string;
  min?: number;
  max?: number;
  help?: string;
  example?: string;
  visible_when?: Condition | null;
  group?: string;
  free: boolean;
  default?: Value;
};
export type StateKind = "draft" | "open" | "active" | "done" | "bad";
export type State = { id: string; title: string; kind: StateKind; help?: string };
export type Transition = {
  id: string;
  title: string;
  from: string[];
  to: string;
  approval: boolean;
  needs: string[];
  when?: Condition | null;
  reason: boolean;
  danger: boolean;
  primary: boolean;
  reviews: boolean;
  help?: string;
  permit: string;
};
export type LinkKind = { rel: string; title: string; inverse: string; to: string[]; many: boolean; parent: boolean };
export type Section = { title: string; fields: string[]; show: string[] };
export type RecordType = {
  id: string;
  title: string;
  plural: string;
  prefix: string;
  about: string;
  scope: string[];
  read: string;
  write: string;
  approve: string;
  groups: { id: string; title: string; help?: string }[];
  fields: Field[];
  states: State[];
  initial: string;
  transitions: Transition[];
  links: LinkKind[];
  list: { columns: string[]; sort: string; group: string };
  board: boolean;
  calendar: { from: string; to: string } | null;
  print: Section[];
  review_months: number;
  asks_role: string;
  texts: Record<string, string>;
};

export type Named = { id: string; name: string };
export type Approval = "none" | "waiting" | "approved" | "rejected";
export type RecordRow = {
  id: string;
  type: string;
  ref: string;
  title: string;
  state: string;
  site_id: string | null;
  entity_id: string;
  zone: Named | null;
  asset: Named | null;
  owner: Named | null;
  data: Data;
  version: number;
  valid_from: string | null;
  valid_until: string | null;
  review_at: string | null;
  due_at: string | null;
  created_at: string;
  updated_at: string;
  overdue: boolean;
  approval: Approval;
  second_due: string | null;
  closed_at: string | null;
  links: number;
  attachments: number;
  comments: number;
};

export type Step = {
  id: string;
  title: string;
  to: string;
  allowed: boolean;
  why_not?: string;
  /** Fields and heads that must be filled and are not yet */
  needs: string[];
  approval: boolean;
  reason: boolean;
  danger: boolean;
  primary: boolean;
};
export type Linked = { kind: string; id: string; type?: string; label: string; state: string };
export type RecordLink = { id: string; rel: string; title: string; inverse: boolean; to: Linked; made_at: string };
export type Vote = { by: Named; outside?: string; decision: "approve" | "reject"; comment: string; at: string };
/** A question for approval and its answers. */
export type Request = {
  id: string;
  transition: string;
  title: string;
  version: number;
  requested_by: Named;
  requested_at: string;
  reason: string;
  profile: "small" | "normal" | "group";
  needed: number;
  state: "waiting" | "approved" | "rejected" | "reopened" | "withdrawn";
  second_due: string | null;
  second_at: string | null;
  text: string;
  votes: Vote[];
};
export type Attachment = {
  id: string;
  name: string;
  bytes: number;
  sha256: string;
  media_type: string;
  scan: "clean" | "infected" | "unscanned";
  finding?: string;
  by: Named;
  at: string;
};
export type Comment = { id: string; by: Named; at: string; text: string };
export type Schedule = {
  months: number;
  last_at: string | null;
  last_by: Named | null;
  comment: string;
  next_at: string | null;
};
export type RecordDetail = Omit<RecordRow, "links" | "attachments" | "comments"> & {
  created_by: Named;
  updated_by: Named;
  site: Named | null;
  entity: Named;
  names: Record<string, string>;
  transitions: Step[];
  links: RecordLink[];
  approvals: Request[];
  attachments: Attachment[];
  comments: Comment[];
  schedule: Schedule | null;
  may_edit: boolean;
  may_approve: boolean;
  may_not_why?: string;
};
export type Change = { field: string; title: string; before_text: string; after_text: string };
export type Version = {
  version: number;
  at: string;
  by: Named;
  action: string;
  title: string;
  state: string;
  reason: string;
  changes: Change[];
  hash: string;
};
export type Facet = { id: string; title: string; count: number };
export type Facets = Record<"state" | "site" | "owner" | "type" | "due", Facet[]>;
export type BulkResult = { id: string; ok: boolean; what: string; why_not: string };
export type ImportRow = {
  line: number;
  ref: string;
  title: string;
  effect: "create" | "change" | "same" | "refuse";
  changes: Change[];
  why: string;
};
export type ImportReport = {
  rows: ImportRow[];
  created: number;
  changed: number;
  same: number;
  refused: number;
  dry_run: boolean;
};
export type CalendarItem = {
  /** Why it stands there: its own time, a due date, a review */
  kind?: string;
  id: string;
  type: string;
  ref: string;
  title: string;
  state: string;
  from: string;
  to: string;
  site_id: string | null;
};
export type TypeCount = { type: string; open: number; overdue: number; waiting: number };
export type View = {
  id: string;
  page: string;
  name: string;
  search: Record<string, string>;
  shared: boolean;
  mine: boolean;
};

export type RecordFilter = {
  type?: string | undefined;
  state?: string | undefined;
  site?: string | undefined;
  owner?: string | undefined;
  q?: string | undefined;
  due?: string | undefined;
  approval?: string | undefined;
  link?: string | undefined;
  sort?: string | undefined;
  /** field → value, as `filter=field:value` */
  fields?: Record<string, string>;
};

type Ask = { query?: URLSearchParams; body?: unknown; etag?: string; signal?: AbortSignal };

async function ask<T>(method: string, path: string, { query, body, etag, signal }: Ask = {}): Promise<[T, string]> {
  const raw = body instanceof Blob;
  const response = await fetch(`${prefix}${path}${query?.size ? `?${query}` : ""}`, {
    method,
    credentials: "same-origin",
    headers: {
      Accept: "application/json",
      ...(body !== undefined && { "Content-Type": raw ? "application/octet-stream" : "application/json" }),
      ...(etag && { "If-Match": etag }),
    },
    ...(body !== undefined && { body: raw ? body : JSON.stringify(body) }),
    ...(signal && { signal }),
  }).catch((cause) => {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new Problem(0, "", "", "unreachable");
  });
  const text = await response.text();
  if (!response.ok) throw problemOf(response.status, text);
  return [(text ? JSON.parse(text) : undefined) as T, response.headers.get("ETag") ?? ""];
}
const get = async <T>(path: string, query?: URLSearchParams, signal?: AbortSignal) =>
  (await ask<T>("GET", path, { ...(query && { query }), ...(signal && { signal }) }))[0];

/** The filter as the server's query; also the query of an export. */
export function queryOf(
  { fields, approval, ...rest }: RecordFilter,
  more: Record<string, string> = {},
): URLSearchParams {
  const query = new URLSearchParams();
  if (asOfDay()) query.set("as_of", asOfDay());
  for (const [key, value] of Object.entries({ ...rest, ...more })) if (value) query.set(key, value);
  for (const [field, value] of Object.entries({ ...(approval && { approval }), ...fields }))
    query.append("filter", `${field}:${value}`);
  return query;
}

const minute = 60_000;

export const recordTypes = queryOptions({
  queryKey: ["record-types"],
  queryFn: async ({ signal }) => {
    const { items } = await get<{ items: RecordType[] }>("/record-types", undefined, signal);
    return { items: items.map((type) => inWords(type)) };
  },
  staleTime: 10 * minute,
});
export const recordCounts = queryOptions({
  queryKey: ["record-counts"],
  queryFn: ({ signal }) => get<{ items: TypeCount[] }>("/records/counts", undefined, signal),
  refetchInterval: minute,
});
export const records = (filter: RecordFilter, limit = 200) =>
  infiniteQueryOptions({
    queryKey: ["records", filter, limit],
    queryFn: ({ pageParam, signal }) =>
      get<Page<RecordRow>>("/records", queryOf(filter, { limit: String(limit), cursor: pageParam }), signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next || undefined,
    refetchOnWindowFocus: false, // it would ask again for every page that was scrolled through
  });
export const recordFacets = (filter: RecordFilter) =>
  queryOptions({
    queryKey: ["record-facets", filter],
    queryFn: ({ signal }) => get<Facets>("/records/facets", queryOf(filter), signal),
    placeholderData: (before) => before,
  });
export const record = (id: string) =>
  queryOptions({
    queryKey: ["record", id],
    queryFn: async ({ signal }) => {
      const query = queryOf({});
      const [value, etag] = await ask<RecordDetail>("GET", `/records/${encodeURIComponent(id)}`, { query, signal });
      return { value, etag };
    },
  });
export const recordHistory = (id: string) =>
  queryOptions({
    queryKey: ["record-history", id],
    queryFn: ({ signal }) => get<{ items: Version[] }>(`/records/${encodeURIComponent(id)}/history`, undefined, signal),
  });
export const recordCalendar = (span: {
  from: string;
  to: string;
  type?: string | undefined;
  site?: string | undefined;
}) =>
  queryOptions({
    queryKey: ["record-calendar", span],
    queryFn: ({ signal }) =>
      get<{ items: CalendarItem[] }>("/records/calendar", queryOf({ type: span.type, site: span.site }, span), signal),
    placeholderData: (before) => before,
  });
export const approvalProfiles = queryOptions({
  queryKey: ["approval-profiles"],
  queryFn: ({ signal }) => answer(api.GET("/approval-profiles", { signal })),
});
export const recordPeople = queryOptions({
  queryKey: ["record-people"],
  queryFn: ({ signal }) => get<{ items: Named[] }>("/record-people", undefined, signal),
  staleTime: 5 * minute,
});
export const views = (page: string) =>
  queryOptions({
    queryKey: ["views", page],
    queryFn: ({ signal }) => get<{ items: View[] }>("/views", new URLSearchParams({ page }), signal),
    staleTime: minute,
  });

/** What a person writes when making or changing a record; null takes a value away. */
export type RecordInput = {
  type?: string;
  title?: string;
  site?: string | null;
  zone?: string | null;
  asset?: string | null;
  owner?: string | null;
  data?: Data;
  valid_from?: string | null;
  valid_until?: string | null;
  due_at?: string | null;
  links?: { rel: string; kind: string; id: string }[];
};
export type BulkInput = { ids: string[]; set?: RecordInput; transition?: string; reason?: string; dry_run: boolean };

const of = (id: string, rest = "") => `/records/${encodeURIComponent(id)}${rest}`;

export const createRecord = async (body: RecordInput) => (await ask<RecordRow>("POST", "/records", { body }))[0];
export const changeRecord = (id: string, etag: string, body: RecordInput) => ask("PATCH", of(id), { body, etag });
export const moveRecord = (
  id: string,
  etag: string,
  body: Omit<RecordInput, "type" | "site" | "links"> & { transition: string; reason: string },
) => ask("POST", of(id, "/transition"), { body, etag });
export type Decision = { decision: "approve" | "reject"; comment: string; outside?: string };
export const decideRecord = (id: string, etag: string, body: Decision) =>
  ask("POST", of(id, "/approval"), { body, etag });
export const withdrawRecord = (id: string) => ask("DELETE", of(id, "/approval"));
export const reviewRecord = (id: string, comment: string) => ask("POST", of(id, "/review"), { body: { comment } });
export const linkRecord = (id: string, body: { rel: string; kind: string; id: string }) =>
  ask("POST", of(id, "/links"), { body });
export const unlinkRecord = (id: string, link: string) => ask("DELETE", of(id, `/links/${encodeURIComponent(link)}`));
export const commentRecord = (id: string, text: string) => ask("POST", of(id, "/comments"), { body: { text } });
export const detachRecord = (id: string, attachment: string) =>
  ask("DELETE", of(id, `/attachments/${encodeURIComponent(attachment)}`));
export const attachmentHref = (id: string, attachment: string) =>
  `${prefix}${of(id, `/attachments/${encodeURIComponent(attachment)}`)}`;
export const bulkRecords = async (body: BulkInput) =>
  (await ask<{ items: BulkResult[] }>("POST", "/records/bulk", { body }))[0].items;
export const importRecords = async (type: string, site: string, file: File, dryRun: boolean) => {
  const format = /\.xlsx$/i.test(file.name) ? "xlsx" : "csv";
  const query = queryOf({ type, site }, { format, dry_run: String(dryRun) });
  return (await ask<ImportReport>("POST", "/records/import", { query, body: file }))[0];
};
export const exportHref = (filter: RecordFilter, format: "csv" | "xlsx") =>
  `${prefix}/records/export?${queryOf(filter, { format })}`;

export const saveView = (body: { page: string; name: string; search: Record<string, string>; shared: boolean }) =>
  ask("POST", "/views", { body });
export const changeView = (id: string, body: { name?: string; shared?: boolean; search?: Record<string, string> }) =>
  ask("PATCH", `/views/${encodeURIComponent(id)}`, { body });
export const dropView = (id: string) => ask("DELETE", `/views/${encodeURIComponent(id)}`);
