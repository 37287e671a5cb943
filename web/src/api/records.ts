// Typed records: findings, actions, changes, windows and whatever a catalogue file adds. The type says everything that
// differs between them, so one set of questions serves all.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { asOfDay } from "./as-of";
import { answer, api, asIs, prefix, set, tagged } from "./client";
import { inWords } from "./record-words";
import type { components, operations } from "./schema";
import type { Page } from "./types";

type S = components["schemas"];

export type RecordType = S["RecordType"];
export type Field = S["RecordField"];
export type Condition = S["RecordCondition"];
export type State = S["RecordState"];
export type Transition = S["RecordTransition"];
export type Section = S["RecordSection"];

export type Named = S["RecordName"];
export type RecordRow = S["RecordItem"];
export type Data = RecordRow["data"];
export type Value = Data[string];
export type RecordDetail = S["RecordDetail"];
export type RecordLink = S["RecordEdge"];
/** A question for approval and its answers. */
export type Request = S["RecordRequest"];
export type Attachment = S["RecordAttachment"];
export type Change = S["RecordFieldChange"];
export type Version = S["RecordVersion"];
export type Facet = S["RecordFacet"];
export type Facets = S["RecordFacets"];
export type BulkResult = S["RecordBulkResult"];
export type ImportReport = S["RecordImportResult"];
export type ImportRow = S["RecordImportRow"];
export type CalendarItem = S["RecordEntry"];
export type TypeCount = S["RecordTypeCount"];
export type View = S["RecordView"];

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

type Query = NonNullable<operations["list-records"]["parameters"]["query"]>;

/** The filter as the server asks for it. */
const queryOf = ({ fields, approval, ...rest }: RecordFilter, more: Partial<Query> = {}): Query => {
  const filter = Object.entries({ ...(approval && { approval }), ...fields }).map((pair) => pair.join(":"));
  return set({ ...rest, ...more, ...(filter.length > 0 && { filter }) }) as Query;
};

const minute = 60_000;

export const recordTypes = queryOptions({
  queryKey: ["record-types"],
  queryFn: async ({ signal }) => {
    const { items } = await answer(api.GET("/record-types", { signal }));
    return { items: items.map((type) => inWords(type)) };
  },
  staleTime: 10 * minute,
});
export const recordCounts = queryOptions({
  queryKey: ["record-counts"],
  queryFn: ({ signal }) => answer(api.GET("/records/counts", { signal })),
  refetchInterval: minute,
});
export const records = (filter: RecordFilter, limit = 200) =>
  infiniteQueryOptions({
    queryKey: ["records", filter, limit],
    queryFn: ({ pageParam, signal }): Promise<Page<RecordRow>> =>
      answer(api.GET("/records", { params: { query: queryOf(filter, { limit, cursor: pageParam }) }, signal })),
    initialPageParam: "",
    getNextPageParam: (last) => last.next || undefined,
    refetchOnWindowFocus: false, // it would ask again for every page that was scrolled through
  });
export const recordFacets = (filter: RecordFilter) =>
  queryOptions({
    queryKey: ["record-facets", filter],
    queryFn: ({ signal }) => answer(api.GET("/records/facets", { params: { query: queryOf(filter) }, signal })),
    placeholderData: (before) => before,
  });
export const record = (id: string) =>
  queryOptions({
    queryKey: ["record", id],
    queryFn: ({ signal }) => tagged(api.GET("/records/{id}", { params: { path: { id } }, signal })),
  });
export const recordHistory = (id: string) =>
  queryOptions({
    queryKey: ["record-history", id],
    queryFn: ({ signal }) => answer(api.GET("/records/{id}/history", { params: { path: { id } }, signal })),
  });
export const recordCalendar = (span: {
  from: string;
  to: string;
  type?: string | undefined;
  site?: string | undefined;
}) =>
  queryOptions({
    queryKey: ["record-calendar", span],
    queryFn: ({ signal }) => answer(api.GET("/records/calendar", { params: { query: set(span) }, signal })),
    placeholderData: (before) => before,
  });
export const approvalProfiles = queryOptions({
  queryKey: ["approval-profiles"],
  queryFn: ({ signal }) => answer(api.GET("/approval-profiles", { signal })),
});
export const recordPeople = queryOptions({
  queryKey: ["record-people"],
  queryFn: ({ signal }) => answer(api.GET("/record-people", { signal })),
  staleTime: 5 * minute,
});
export const views = (page: string) =>
  queryOptions({
    queryKey: ["views", page],
    queryFn: ({ signal }) => answer(api.GET("/views", { params: { query: { page } }, signal })),
    staleTime: minute,
  });

/** What a person writes when making a record, and when changing one; null takes a value away. */
export type FirstInput = S["NewInBody"];
export type RecordInput = S["RecordChanges"];
export type MoveInput = S["Move-recordRequest"];
export type BulkInput = S["Bulk-recordsRequest"];
export type Decision = S["Decide-recordRequest"];

const of = (id: string) => ({ path: { id } });
const matching = (id: string, etag: string) => ({ ...of(id), header: { "If-Match": etag } });

export const createRecord = (body: FirstInput) => answer(api.POST("/records", { body }));
export const changeRecord = (id: string, etag: string, body: RecordInput) =>
  answer(api.PATCH("/records/{id}", { params: matching(id, etag), body }));
export const moveRecord = (id: string, etag: string, body: MoveInput) =>
  answer(api.POST("/records/{id}/transition", { params: matching(id, etag), body }));
export const decideRecord = (id: string, etag: string, body: Decision) =>
  answer(api.POST("/records/{id}/approval", { params: matching(id, etag), body }));
export const withdrawRecord = (id: string) => answer(api.DELETE("/records/{id}/approval", { params: of(id) }));
export const reviewRecord = (id: string, comment: string) =>
  answer(api.POST("/records/{id}/review", { params: of(id), body: { comment } }));
export const linkRecord = (id: string, body: S["RecordNewLink"]) =>
  answer(api.POST("/records/{id}/links", { params: of(id), body }));
export const unlinkRecord = (id: string, link: string) =>
  answer(api.DELETE("/records/{id}/links/{link}", { params: { path: { id, link } } }));
export const commentRecord = (id: string, text: string) =>
  answer(api.POST("/records/{id}/comments", { params: of(id), body: { text } }));
export const detachRecord = (id: string, attachment: string) =>
  answer(api.DELETE("/records/{id}/attachments/{attachment}", { params: { path: { id, attachment } } }));
export const attachmentHref = (id: string, attachment: string) =>
  `${prefix}/records/${encodeURIComponent(id)}/attachments/${encodeURIComponent(attachment)}`;
export const bulkRecords = async (body: BulkInput) => (await answer(api.POST("/records/bulk", { body }))).items;
export const importRecords = (type: string, site: string, file: File, dryRun: boolean) => {
  const format = /\.xlsx$/i.test(file.name) ? "xlsx" : "csv";
  const query = { type, ...set({ site }), format, dry_run: dryRun } as const;
  return answer(api.POST("/records/import", { params: { query }, ...asIs(file) }));
};
export const exportHref = (filter: RecordFilter, format: "csv" | "xlsx") => {
  const { filter: fields, ...query } = queryOf(filter, set({ as_of: asOfDay() }));
  const search = new URLSearchParams({ format });
  for (const [key, value] of Object.entries(query)) search.set(key, String(value));
  for (const field of fields ?? []) search.append("filter", field);
  return `${prefix}/records/export?${search}`;
};

export const saveView = (body: S["Create-viewRequest"]) => answer(api.POST("/views", { body }));
export const changeView = (id: string, body: S["Update-viewRequest"]) =>
  answer(api.PATCH("/views/{id}", { params: of(id), body }));
export const dropView = (id: string) => answer(api.DELETE("/views/{id}", { params: of(id) }));
