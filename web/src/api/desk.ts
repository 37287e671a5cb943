// The inbox, who stands in and is on call, what happened since, hand-overs, explanations.
import { queryOptions } from "@tanstack/react-query";
import { answer, api, set } from "./client";
import { pages } from "./queries";
import type { components } from "./schema";

type S = components["schemas"];
export type Entry = S["InboxEntry"];
export type EntryDetail = S["InboxDetail"];
export type Colleague = S["InboxColleague"];
export type Absence = S["InboxAbsence"];
export type Rota = S["InboxRota"];
export type Handover = Omit<S["InboxHandover"], "picture"> & { picture?: Picture };
export type Since = S["ViewSince"];
export type WireChange = S["ViewWireChange"];
/** What a shift's paper shows, as it was when it was signed. */
export type Picture = {
  since?: Since;
  inbox?: Entry[];
  on_call?: { id: string; name: string }[];
  gaps?: { from: string; to: string }[];
  plant?: { id: string; ref: string; mode: string; zone: string }[] | null;
};

const half = 30_000;

export type InboxFilter = {
  whose?: string;
  site?: string;
  kind?: string;
  severity?: string;
  due?: string;
  state?: string;
};
type Query = {
  whose?: "mine" | "me" | "role" | "all";
  severity?: "now" | "today" | "this-week" | "information";
  due?: "overdue" | "today" | "week";
  state?: "open" | "snoozed" | "done" | "any";
};
export const inbox = (filter: InboxFilter) => ({
  ...pages<Entry>(["inbox", "list", filter], (cursor, signal) =>
    answer(
      api.GET("/inbox", {
        params: { query: set({ ...(filter as Query), site: filter.site, kind: filter.kind, cursor }) },
        signal,
      }),
    ),
  ),
  refetchInterval: half,
});
export const inboxCounts = queryOptions({
  queryKey: ["inbox", "counts"],
  queryFn: ({ signal }) => answer(api.GET("/inbox/counts", { signal })),
  refetchInterval: half,
});
export const inboxItem = (id: string) =>
  queryOptions({
    queryKey: ["inbox", "item", id],
    queryFn: ({ signal }) => answer(api.GET("/inbox/{id}", { params: { path: { id } }, signal })),
  });
export const inboxAbout = (ref: string) =>
  queryOptions({
    queryKey: ["inbox", "about", ref],
    queryFn: ({ signal }) =>
      answer(api.GET("/inbox", { params: { query: { ref, whose: "all", state: "any" } }, signal })),
  });

export const people = (site: string) =>
  queryOptions({
    queryKey: ["people", site],
    queryFn: ({ signal }) => answer(api.GET("/people", { params: { query: set({ site }) }, signal })),
    staleTime: half,
  });
export const away = queryOptions({
  queryKey: ["away"],
  queryFn: ({ signal }) => answer(api.GET("/away", { signal })),
});
export const rota = (site: string) =>
  queryOptions({
    queryKey: ["rota", site],
    queryFn: ({ signal }) => answer(api.GET("/rota", { params: { query: { site } }, signal })),
    enabled: site !== "",
  });

export const since = (span: string, site: string) =>
  queryOptions({
    queryKey: ["since", span, site],
    queryFn: ({ signal }) =>
      answer(api.GET("/since", { params: { query: set({ since: span, site }) }, signal })) as Promise<Since>,
  });
export const handovers = (site: string) =>
  pages<Handover>(["handovers", site], (cursor, signal) =>
    answer(api.GET("/handovers", { params: { query: set({ site, cursor }) }, signal })),
  );
export const handover = (id: string) =>
  queryOptions({
    queryKey: ["handover", id],
    queryFn: ({ signal }) =>
      answer(api.GET("/handovers/{id}", { params: { path: { id } }, signal })) as Promise<Handover>,
  });
export const preview = (site: string, hours: number) =>
  queryOptions({
    queryKey: ["handover", "preview", site, hours],
    queryFn: ({ signal }) =>
      answer(api.GET("/handovers/preview", { params: { query: { site, hours } }, signal })) as Promise<Handover>,
    enabled: site !== "",
  });

/** The newest of a site's undecided devices. */
export const newDevices = (site: string) =>
  queryOptions({
    queryKey: ["assets", "new", site],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/assets", {
          params: { query: { site: [site], state: ["new"], sort: "-first_at", limit: 200 } },
          signal,
        }),
      ),
    enabled: site !== "",
  });
export const standing = (id: string) =>
  queryOptions({
    queryKey: ["asset", "standing", id],
    queryFn: ({ signal }) => answer(api.GET("/assets/{id}/standing", { params: { path: { id } }, signal })),
  });
export const changes = (site: string) =>
  queryOptions({
    queryKey: ["records", "change", "explain", site],
    queryFn: ({ signal }) =>
      answer(api.GET("/records", { params: { query: set({ type: "change", site, limit: 50 }) }, signal })),
    retry: false,
  });
